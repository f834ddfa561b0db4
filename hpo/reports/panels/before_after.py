"""A test metric before and after tuning, one pair of bars per architecture (the paper's Figs. 7 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.estimate import Estimate
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.paper import printed_sides
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from hpo.results.words import SIDE_WORDS, capital, listed, metric_words, number

Side = Literal["before", "after"]
_SIDES: tuple[Side, ...] = ("before", "after")
_LOOKS: dict[Role, tuple[float, str]] = {"before": (0.12, "/"), "equal": (0.45, "\\"), "after": (0.95, "")}


class Bar(NamedTuple):
    """One bar with its interval."""

    architecture: str
    side: Role
    estimate: Estimate


class BeforeAfter(NamedTuple):
    """Facts of the figure, from left to right; ``printed`` has the paper's values by architecture."""

    metric: str
    architectures: tuple[str, ...]
    bars: list[Bar]
    printed: dict[str, dict[Side, float]]


def title(results: StudyResults, options: PanelSettings) -> str:
    """Such as ``Test accuracy before and after tuning``."""
    return f"Test {metric_words(_metric(results, options))} before and after tuning"


def read(results: StudyResults, options: PanelSettings) -> BeforeAfter:
    """The sides that have test predictions.

    Raises:
        NotThereError: if none has.
    """
    metric = _metric(results, options)
    bars = [
        Bar(name, side, found.measured[side].metrics[metric])
        for name, found in results.comparison.items()
        for side in _LOOKS
        if side in found.measured
    ]
    if not bars:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    printed = printed_sides(metric, dict.fromkeys(bar.architecture for bar in bars)) if options.paper else {}
    return BeforeAfter(metric, results.settings.architectures, bars, printed)


def draw(data: BeforeAfter, looks: Looks) -> go.Figure:
    """Bars from 0, so that their lengths compare; the values stand on them."""
    shown = figure(
        320,
        margin={"l": 62, "r": 18, "t": 18, "b": 34},
        barmode="group",
        bargap=0.28,
        bargroupgap=0.08,
        legend=LEGEND_ABOVE,
        xaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": data.architectures,
            "range": [-0.5, len(data.architectures) - 0.5],
            "tickvals": data.architectures,
            "ticktext": [figure_text(name, line=12) for name in data.architectures],
        },
        yaxis={"title": {"text": f"Test {metric_words(data.metric)}"}, "range": [0, 1.08], "dtick": 0.2},
    )
    shown_sides = [side for side in _LOOKS if any(bar.side == side for bar in data.bars)]
    for side in shown_sides:
        opacity, pattern = _LOOKS[side]
        name = SIDE_WORDS[side] if "equal" in shown_sides else f"{side} tuning"
        bars = [bar for bar in data.bars if bar.side == side]
        colours = [looks.colour(bar.architecture) for bar in bars]
        shown.add_bar(
            x=[bar.architecture for bar in bars],
            y=[bar.estimate.value for bar in bars],
            error_y={
                "array": [bar.estimate.high - bar.estimate.value for bar in bars],
                "arrayminus": [bar.estimate.value - bar.estimate.low for bar in bars],
                "thickness": 1.6,
                "width": 5,
            },
            marker={
                "color": [faded(colour, opacity) for colour in colours],
                "line": {"color": colours, "width": 1.2},
                "pattern": {"shape": pattern, "size": 5, "fgcolor": colours, "fgopacity": 0.5},
            },
            text=[number(bar.estimate.value) for bar in bars],
            textposition="inside",
            insidetextanchor="start",
            hovertemplate="%{x}: %{y:.4f}",
            showlegend=False,
            name=name,
            offsetgroup=side,
        )
        shown.add_bar(
            x=[None],
            y=[None],
            name=name,
            offsetgroup=side,
            marker={
                "color": faded(NEUTRAL, opacity),
                "line": {"color": NEUTRAL, "width": 1.2},
                "pattern": {"shape": pattern, "size": 5, "fgcolor": NEUTRAL, "fgopacity": 0.5},
            },
        )
    if data.printed:
        _add_printed(shown, data.printed)
    return shown


def finding(data: BeforeAfter) -> str:
    """Each architecture's values, before and after."""
    sides: dict[str, dict[str, Estimate]] = {}
    for bar in data.bars:  # of two references the later one, which is equally trained, is the headline's
        sides.setdefault(bar.architecture, {})["after" if bar.side == "after" else "before"] = bar.estimate
    both = {name: found for name, found in sides.items() if len(found) == len(_SIDES)}
    if not both:
        return f"Tested on one side only so far: {listed(sides)}."
    shown = (
        f"{name} from {number(found['before'].value)} to {number(found['after'].value)}" for name, found in both.items()
    )
    return f"Test {metric_words(data.metric)} goes for {listed(shown)}."


def explain(data: BeforeAfter) -> str:
    """The meaning of the bars."""
    text = f"{capital(metric_words(data.metric))}, mean over seeds; the thin bars are 95% intervals."
    if any(bar.side == "equal" for bar in data.bars):
        text += (
            " Tuning is judged by the equally trained reference, which saw as many patches as the tuned model and its "
            "donors."
        )
    if not data.printed:
        return text
    return f"{text} Hollow diamonds are what the paper printed (Table 3), of other data and epochs."


def _add_printed(shown: go.Figure, printed: Mapping[str, Mapping[Side, float]]) -> None:
    """A diamond on the bar that it belongs to."""
    shown.update_layout(scattermode="group", scattergap=shown.layout.bargap)
    for side in _SIDES:
        shown.add_scatter(
            x=list(printed),
            y=[values[side] for values in printed.values()],
            mode="markers",
            name="the paper's",
            legendgroup="paper",
            showlegend=side == "after",
            offsetgroup=side,
            marker={"symbol": "diamond", "size": 10, "color": "#ffffff", "line": {"color": "#1b1f24", "width": 1.6}},
            hovertemplate="the paper: %{y:.4f}<extra></extra>",
        )


def _metric(results: StudyResults, options: PanelSettings) -> str:
    return options.metric or results.settings.test_metric


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = (
    "metric",
    "paper",
)
