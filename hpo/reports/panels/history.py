"""Stage 2's objective from trial to trial."""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import gain
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.axes import whole_ticks
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from hpo.results.trials import value_of
from hpo.results.words import design_words, metric_words, number, plural


class SearchLine(NamedTuple):
    """One architecture: finished trials in their order, and the best so far."""

    architecture: str
    numbers: list[int]
    values: list[float]
    best: list[float]


class History(NamedTuple):
    """Facts of the figure."""

    metric: str
    design: str
    failed: int
    lines: list[SearchLine]


def title(results: StudyResults, _options: PanelSettings) -> str:
    """Names the objective."""
    return f"Stage 2's search: validation {metric_words(results.settings.objective.metric)} of each trial"


def read(results: StudyResults, _options: PanelSettings) -> History:
    """Finished stage-2 trials.

    Raises:
        NotThereError: if there is none yet.
    """
    settings = results.settings
    lines = []
    for architecture in settings.architectures:
        done = results.finished("stage2", architecture)
        if done:
            numbers, values = [trial.number for trial in done], [value_of(trial) for trial in done]
            lines.append(SearchLine(architecture, numbers, values, settings.objective.running_best(values)))
    if not lines:
        raise NotThereError("No stage-2 trial has finished yet.")
    failed = sum(trial.state == "failed" for trial in results.trials_of("stage2"))
    return History(settings.objective.metric, settings.stage2.design, failed, lines)


def draw(data: History, looks: Looks) -> go.Figure:
    """One dot per trial, a stepped line for the best so far."""
    shown = figure(
        340,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": "Trial"}, **whole_ticks(max(line.numbers[-1] for line in data.lines))},
        yaxis={"title": {"text": f"Validation {metric_words(data.metric)}"}, "tickformat": ".3~f"},
    )
    for line in data.lines:
        colour, symbol = looks.colour(line.architecture), looks.symbol(line.architecture)
        shown.add_scatter(
            x=line.numbers,
            y=line.best,
            name=figure_text(line.architecture),
            legendgroup=line.architecture,
            mode="lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            hovertemplate="best up to trial %{x}: %{y:.4f}",
        )
        shown.add_scatter(
            x=line.numbers,
            y=line.values,
            name=figure_text(line.architecture),
            legendgroup=line.architecture,
            showlegend=False,
            mode="markers",
            marker={
                "color": colour,
                "symbol": symbol,
                "size": 8,
                "opacity": 0.75,
            },
            hovertemplate="trial %{x}: %{y:.4f}",
        )
    return shown


def finding(data: History) -> str:
    """The best trial."""
    best = max(data.lines, key=lambda line: gain(data.metric, line.best[-1]))
    at = best.numbers[best.values.index(best.best[-1])]
    trials = plural(sum(len(line.numbers) for line in data.lines), "trial")
    value = f"{metric_words(data.metric)} {number(best.best[-1])}"
    return f"Of {trials}, the best is {best.architecture}'s trial {at}: {value}."


def explain(data: History) -> str:
    """The meaning of dots and lines."""
    verb = "is" if data.failed == 1 else "are"
    failed = f" {plural(data.failed, 'trial')} failed and {verb} not shown." if data.failed else ""
    return f"One dot per trial of the {design_words(data.design)} search; the line is the best so far.{failed}"


PANEL = Panel(title, read, draw, finding, explain)
