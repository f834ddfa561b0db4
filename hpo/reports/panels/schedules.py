"""The learning-rate schedules themselves (the paper's Fig. 5)."""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.axes import whole_ticks
from hpo.reports.plot.figure import figure
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, STRATEGY_COLOURS, STRATEGY_DASHES, Looks
from hpo.results.study import StudyResults
from hpo.results.words import listed, plural, value_words

_STEPS = 3
_POINTS = 301


class ScheduleLine(NamedTuple):
    """One strategy: its parameters in words, and the learning rate at each epoch's begin."""

    strategy: str
    parameters: str
    rates: list[float]


class Schedules(NamedTuple):
    """Facts of the figure: epochs from 0, one line per strategy, and how long this study trains at most."""

    epochs: list[int]
    longest: int
    initial: float
    steps_per_epoch: int
    lines: list[ScheduleLine]


def read(results: StudyResults, _options: PanelSettings) -> Schedules:
    """Every strategy from the reference learning rate, long enough to see three steps of the step strategy.

    Raises:
        NotThereError: if the search space has no reference learning rate.
    """
    settings = results.settings
    reference = settings.reference
    if not isinstance(initial := reference.get("learning_rate"), int | float):
        raise NotThereError("The search space has no reference learning rate to start from.")
    steps = int(reference.get("patches", 32)) // int(reference.get("batch_size", 32)) or 1
    ends = [strategy.horizon or _STEPS * strategy.every - 2 for strategy in settings.strategies]
    shown_epochs = max([settings.confirm.epochs, *ends])
    epochs = sorted({round(index * shown_epochs / (_POINTS - 1)) for index in range(_POINTS)})
    lines = []
    for strategy in settings.strategies:
        schedule = strategy.schedule(float(initial), steps)
        parameters = ", ".join(f"{name} {value_words(value)}" for name, value in strategy.parameters().items())
        lines.append(ScheduleLine(strategy.name, parameters, [schedule(epoch * steps, epoch) for epoch in epochs]))
    return Schedules(epochs, settings.confirm.epochs, float(initial), steps, lines)


def draw(data: Schedules, _looks: Looks) -> go.Figure:
    """Learning rate over the epochs; this study's longest training shaded."""
    shown = figure(
        330,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": "Epoch"}, "rangemode": "tozero", **whole_ticks(data.epochs[-1])},
        yaxis={"title": {"text": "Learning rate"}, "rangemode": "tozero", "tickformat": "~g"},
    )
    for line in data.lines:
        shown.add_scatter(
            x=data.epochs,
            y=line.rates,
            name=value_words(line.strategy),
            mode="lines",
            line={
                "color": STRATEGY_COLOURS[line.strategy],
                "dash": STRATEGY_DASHES[line.strategy],
                "width": 2,
                "shape": "hv" if line.strategy == "step" else "linear",
            },
            hovertemplate="epoch %{x}: %{y:.3g}",
        )
    shown.add_vrect(x0=0, x1=data.longest, fillcolor=NEUTRAL, opacity=0.15, line_width=0, layer="below")
    return shown


def finding(data: Schedules) -> str:
    """The rate of each strategy at the end of this study's final trainings."""
    last = max(index for index, epoch in enumerate(data.epochs) if epoch <= data.longest)
    ends = listed(f"{value_words(line.rates[last])} with {value_words(line.strategy)}" for line in data.lines)
    return f"From {value_words(data.initial)} the rate goes in {plural(data.longest, 'epoch')} to {ends}."


def explain(data: Schedules) -> str:
    """The start of the schedules, their parameters, and the shaded epochs."""
    parameters = "; ".join(f"{value_words(line.strategy)}: {line.parameters}" for line in data.lines if line.parameters)
    ways = "All start at" if all(line.rates[0] == data.initial for line in data.lines) else "They are drawn for"
    return (
        f"{ways} the reference rate {value_words(data.initial)}, with {data.steps_per_epoch:,} steps an epoch "
        f"({parameters}). Shaded: the epochs of this study's final trainings."
    )


PANEL = Panel("The learning-rate strategies", read, draw, finding, explain)
