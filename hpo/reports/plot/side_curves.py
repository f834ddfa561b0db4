"""Curves of both sides, before and after tuning: one plot per architecture, a band around the tuned side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hpo.reports.plot.band import add_band
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell, label_axes, plot_grid
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.words import listed, number

Side = Literal["before", "after"]
SIDES: tuple[Side, ...] = ("before", "after")
LINES: dict[Side, dict[str, object]] = {
    "before": {"dash": "dot", "width": 1.6},
    "after": {"dash": "solid", "width": 2.2},
}
_REFERENCE: dict[str, object] = {"dash": "dash", "width": 1}


class SideCurve(NamedTuple):
    """The mean curve over the seeds of one side of one architecture.

    Args:
        architecture: by name.
        side: which.
        area: what the curve is summed up by, mean over the seeds.
        x, y: ``(K,)``.
        low, high: ``(K,)``, the band around ``y``; empty where there is none.
    """

    architecture: str
    side: Side
    area: float
    x: list[float]
    y: list[float]
    low: list[float]
    high: list[float]


def rounded(values: NDArray[np.float64]) -> list[float]:
    """Numbers as a figure has them: four digits."""
    return [float(value) for value in np.round(values, 4)]


def side_plots(notes: Mapping[str, Sequence[str]], x: str, y: str) -> go.Figure:
    """Empty plots from 0 to 1 in both directions.

    Args:
        notes: by architecture, one plot each in this order: lines of text below its name.
        x: name of the x axis.
        y: name of the y axis.
    """
    titles = [
        "<br>".join((figure_text(name, line=24), *(f'<span style="font-size:11.5px">{line}</span>' for line in lines)))
        for name, lines in notes.items()
    ]
    shown = plot_grid(titles, 220, 66, same_x=True)
    label_axes(shown, x, y)
    ticks = {"range": [-0.02, 1.02], "tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0", "", "0.5", "", "1"]}
    shown.update_xaxes(ticks)
    shown.update_yaxes(ticks)
    return shown


def draw_curves(
    curves: Sequence[SideCurve],
    looks: Looks,
    axes: tuple[str, str],
    reference: Sequence[tuple[float, float]],
    *,
    area: str,
    called: str,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> go.Figure:
    """One plot per architecture: after tuning solid in its band, before tuning dotted.

    Args:
        curves: of either side.
        looks: the architectures'.
        axes: names of x and y.
        reference: points of a dashed line in every plot.
        area: what the curves' areas are called.
        called: what the dashed line is called.
        notes: further lines of text by architecture, below the areas.
    """
    mine = {curve.architecture: [one for one in curves if one.architecture == curve.architecture] for curve in curves}
    lines = {
        name: [from_to(area, {curve.side: curve.area for curve in found}), *(notes or {}).get(name, ())]
        for name, found in mine.items()
    }
    shown = side_plots(lines, *axes)
    for place, (name, found) in enumerate(mine.items()):
        add_reference(shown, reference, called, place)
        for curve in found:
            if curve.low:
                named, fill = f"{figure_text(name)} {curve.side}", faded(looks.colour(curve.architecture), 0.2)
                add_band(shown, curve.x, curve.low, curve.high, named, fill, **cell(place))
            shown.add_scatter(
                x=curve.x,
                y=curve.y,
                mode="lines",
                name=f"{figure_text(name)} {curve.side}: {area} {number(curve.area)}",
                showlegend=False,
                line={"color": looks.colour(curve.architecture), **LINES[curve.side]},
                hovertemplate="%{x:.3f}, %{y:.3f}",
                **cell(place),
            )
    add_side_legend(shown, [side for side in SIDES if any(curve.side == side for curve in curves)], called)
    return shown


def add_reference(shown: go.Figure, points: Sequence[tuple[float, float]], called: str, place: int) -> None:
    """A dashed line that curves are compared with."""
    x, y = zip(*points, strict=True)
    line = {"color": NEUTRAL, **_REFERENCE}
    shown.add_scatter(x=x, y=y, mode="lines", name=called, line=line, showlegend=False, hoverinfo="skip", **cell(place))


def add_side_legend(shown: go.Figure, sides: Sequence[Side], reference: str) -> None:
    """Names for the sides' lines and for the dashed one."""
    for name, line in (*((f"{side} tuning", LINES[side]) for side in sides), (reference, _REFERENCE)):
        shown.add_scatter(x=[None], y=[None], mode="lines", name=name, line={"color": NEUTRAL, **line})


def from_to(what: str, values: Mapping[Side, float], digits: int = 3) -> str:
    """Such as ``AUC 0.905 → 0.924``, or with one side only ``AUC 0.924 after``."""
    if len(values) == 1:
        ((side, value),) = values.items()
        return f"{what} {number(value, digits)} {side}"
    return f"{what} {number(values['before'], digits)} → {number(values['after'], digits)}"


def areas_in_words(curves: Sequence[SideCurve]) -> str:
    """Such as ``model1 0.924 (0.905 before) and model2 0.930 (after tuning only)``."""
    areas: dict[str, dict[Side, float]] = {}
    for curve in curves:
        areas.setdefault(curve.architecture, {})[curve.side] = curve.area
    return listed(f"{name} {after_words(found)}" for name, found in areas.items())


def after_words(values: Mapping[Side, float]) -> str:
    """Such as ``0.924 (0.905 before)``."""
    if len(values) == 1:
        ((side, value),) = values.items()
        return f"{number(value)} ({side} tuning only)"
    return f"{number(values['after'])} ({number(values['before'])} before)"
