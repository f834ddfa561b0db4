"""Plotly axes: of a factor, and of whole numbers."""

from __future__ import annotations

import math
from typing import Any

from hpo.reports.plot.figure import figure_text
from hpo.results.axis import FactorAxis

_MARGIN = 0.06
"""Of an axis, to either side of its values."""


def axis_layout(axis: FactorAxis) -> dict[str, Any]:
    """Layout of a Plotly axis with a factor's ticks."""
    ticks = axis.ticks()
    low, high = (math.log10(axis.low), math.log10(axis.high)) if axis.log else (axis.low, axis.high)
    margin = _MARGIN * (high - low) if not axis.words else 0.5
    return {
        "type": "log" if axis.log else "linear",
        "range": [low - margin, high + margin],
        "tickvals": [place for place, _ in ticks],
        "ticktext": [figure_text(text) for _, text in ticks],
        # Words are turned where they have no room; numbers are few enough to lie.
        **({} if axis.words else {"tickangle": 0}),
        "zeroline": False,
    }


def whole_ticks(last: int) -> dict[str, Any]:
    """Layout of an axis that counts epochs or trials from 0 or 1 to ``last``: ticks at whole numbers only."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, last) if last <= 10 * step)
    return {"tickmode": "linear", "tick0": 0, "dtick": step}
