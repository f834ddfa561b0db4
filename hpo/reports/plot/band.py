"""A band between two lines of a figure: an interval, or the spread of seeds."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go


def add_band(
    shown: go.Figure,
    x: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    name: str,
    fill: str,
    **place: int,
) -> None:
    """A band between two lines; it is not in the legend, and nothing happens where a pointer is over it.

    Args:
        shown: what it is drawn into.
        x: ``(N,)``.
        low, high: ``(N,)``, its lower and upper edge.
        name: in the figure's data.
        fill: a translucent colour.
        **place: ``row`` and ``col`` of a plot, if there are several.
    """
    shown.add_scatter(
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        mode="lines",
        name=name,
        line={"width": 0},
        fill="toself",
        fillcolor=fill,
        showlegend=False,
        hoverinfo="skip",
        **place,
    )
