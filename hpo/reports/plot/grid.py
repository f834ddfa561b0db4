"""Several plots in one figure, two side by side under one legend: one per architecture, or one per factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hpo.reports.plot.figure import figure
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.results.axis import round_numbers

COLUMNS = 2
"""More would be too narrow on a phone."""

_LEGEND, _BOTTOM, _TITLE, _LINE = 36, 54, 26, 17  # pixels; a title's further lines add one each


def plot_grid(titles: Sequence[str], plot_height: int, gap: int, *, same_x: bool = False) -> go.Figure:
    """Empty plots whose y axes are on one scale; only the left ones have tick labels.

    Args:
        titles: of the plots, as figure text, in their order.
        plot_height: pixels of each.
        gap: pixels between two rows, if titles have one line.
        same_x: whether the x axes are on one scale as well; only the lowest have tick labels then.
    """
    columns = min(COLUMNS, len(titles))
    rows = -(-len(titles) // COLUMNS)
    # An odd number of plots leaves the last place empty.
    places = [range(row * columns, (row + 1) * columns) for row in range(rows)]
    further = _LINE * max(title.count("<br>") for title in titles)
    title, gap = _TITLE + further, gap + further
    inner = rows * plot_height + (rows - 1) * gap
    margin = {"l": 62, "r": 18, "t": _LEGEND + title, "b": _BOTTOM}
    shown: go.Figure = make_subplots(
        rows,
        columns,
        specs=[[{} if place < len(titles) else None for place in row] for row in places],
        shared_yaxes="all",
        shared_xaxes="all" if same_x else False,
        subplot_titles=list(titles),
        horizontal_spacing=0.08,
        vertical_spacing=gap / inner if rows > 1 else 0,
        figure=figure(inner + margin["t"] + margin["b"], margin=margin),
    )
    if same_x and columns > 1 and len(titles) % columns:
        shown.update_xaxes(showticklabels=True, **cell(len(titles) - 2))
    shown.update_layout(legend={**LEGEND_ABOVE, "y": 1 + title / inner})
    shown.update_annotations(font_size=13)
    return shown


def cell(place: int) -> dict[str, Any]:
    """Row and column of a plot by its place in the titles, from 0."""
    return {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}


def few_whole_ticks(last: int) -> dict[str, Any]:
    """Layout of a narrow axis that counts epochs from 1 to ``last``: a few ticks at whole numbers."""
    return {"tickvals": [number for number in round_numbers(0, last, 5) if number.is_integer()], "tickangle": 0}


def label_axes(shown: go.Figure, x: str, y: str) -> None:
    """Name the axes once: x below the lowest plots, y beside the left ones; y ticks have two digits."""
    lowest = max(row for row, _ in shown._get_subplot_coordinates())
    shown.update_xaxes(title_text=x, row=lowest)
    shown.update_yaxes(title_text=y, col=1)
    shown.update_yaxes(tickformat=".3~f")
