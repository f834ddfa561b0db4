"""Colours, symbols and dashes of everything that is drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from hpo.evaluation.estimate import Estimate

# Okabe and Ito 2008: told apart by people of every colour vision, and in grey. Their orange and sky blue are darker
# here: lines and symbols stand out from light and from dark paper, at 3:1 and more.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b67c00", "#2f93cf", "#8c6bb1", "#7f7f7f")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")

STRATEGY_COLOURS = {"constant": "#4477aa", "time_based": "#ee6677", "step": "#aa8800", "exponential": "#c0458c"}
STRATEGY_DASHES = {"constant": "solid", "time_based": "dash", "step": "dot", "exponential": "dashdot"}
NEUTRAL = "#8a8f98"
"""A grey that reads on light and dark paper."""


class Looks:
    """Each architecture's colour and symbol, the same in every figure and table.

    Args:
        architectures: by name, in the study file's order. From the ninth on, colours come again with other symbols.
    """

    def __init__(self, architectures: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(architectures)}

    def colour(self, architecture: str) -> str:
        """Its colour as ``#rrggbb``; grey for an architecture that is none of them."""
        place = self._places.get(architecture)
        return NEUTRAL if place is None else _COLOURS[place % len(_COLOURS)]

    def symbol(self, architecture: str) -> str:
        """Its Plotly symbol; a circle for an architecture that is none of them."""
        place = self._places.get(architecture, 0)
        return _SYMBOLS[(place + place // len(_COLOURS)) % len(_SYMBOLS)]


def difference_kind(difference: Estimate) -> str:
    """How the cell of a difference looks: bold and marked up or down where its interval excludes 0."""
    if not difference.excludes_zero:
        return ""
    return "strong up" if difference.value > 0 else "strong down"


def faded(colour: str, opacity: float) -> str:
    """``#rrggbb`` as a translucent colour."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def figure_text(text: str, line: int = 0) -> str:
    """Plain text for a figure, where Plotly would take markup for markup.

    Args:
        text: such as an architecture's name.
        line: break it before so many letters are passed, between words where that can be; 0 does not.
    """
    lines = textwrap.wrap(text, line, break_on_hyphens=False) if line else [text]
    return "<br>".join(escape(part, quote=False) for part in lines)


def figure(height: int, **layout: Any) -> go.Figure:
    """An empty figure; fonts, paper and grid come from the page, so that they follow its light or dark theme.

    Args:
        height: pixels.
        **layout: of Plotly.
    """
    empty = go.Figure(layout={"height": height, "margin": {"l": 62, "r": 18, "t": 18, "b": 52}})
    empty.layout.template = None  # only so: a figure made without a template is given Plotly's own, 6 kB of it
    empty.update_layout(**layout)
    return empty


def whole_ticks(last: int) -> dict[str, Any]:
    """Layout of an axis that counts epochs or trials from 0 or 1 to ``last``: ticks at whole numbers only."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, last) if last <= 10 * step)
    return {"tickmode": "linear", "tick0": 0, "dtick": step}


LEGEND_ABOVE = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
"""A legend in one line over the plot."""
