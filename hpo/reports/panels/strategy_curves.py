"""A validation metric over the epochs, one line per learning-rate strategy (the paper's Fig. 6)."""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import gain
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell, few_whole_ticks, label_axes, plot_grid
from hpo.reports.plot.looks import STRATEGY_COLOURS, STRATEGY_DASHES, Looks
from hpo.results.study import StudyResults
from hpo.results.trials import others_at_reference
from hpo.results.words import capital, listed, metric_words, number, value_words


class StrategyLine(NamedTuple):
    """One strategy of one architecture: the metric of each epoch from 1."""

    architecture: str
    strategy: str
    values: list[float]


class StrategyCurves(NamedTuple):
    """Facts of the figure."""

    metric: str
    architectures: list[str]
    lines: list[StrategyLine]


def title(results: StudyResults, options: PanelSettings) -> str:
    """Such as ``Validation accuracy over the epochs by learning-rate strategy``."""
    metric = options.metric or results.settings.objective.metric
    return f"Validation {metric_words(metric)} over the epochs by learning-rate strategy"


def read(results: StudyResults, options: PanelSettings) -> StrategyCurves:
    """Finished stage-1 trials of each strategy, all other factors at their reference, the epochs too.

    Raises:
        NotThereError: if stage 1 does not vary the strategy, or none of its trials has finished.
    """
    settings = results.settings
    metric = options.metric or settings.objective.metric
    if "strategy" not in settings.stage1.factors:
        raise NotThereError("Stage 1 of this study does not vary the learning-rate strategy.")
    found: dict[tuple[str, str], list[float]] = {}
    for trial in results.trials_of("stage1"):
        at_reference = others_at_reference(settings, trial, ("strategy",))
        if trial.state == "complete" and at_reference:
            key = trial.architecture, str(trial.point.get("strategy", settings.reference.get("strategy", "constant")))
            found[key] = [epoch[f"valid_{metric}"] for epoch in trial.curve if f"valid_{metric}" in epoch]
    lines = [
        StrategyLine(architecture, strategy, found[architecture, strategy])
        for architecture in settings.architectures
        for strategy in STRATEGY_COLOURS
        if found.get((architecture, strategy))
    ]
    if not lines:
        raise NotThereError("No stage-1 trial of a learning-rate strategy has finished yet.")
    return StrategyCurves(metric, list(dict.fromkeys(line.architecture for line in lines)), lines)


def draw(data: StrategyCurves, _looks: Looks) -> go.Figure:
    """One plot per architecture, side by side on one scale."""
    shown = plot_grid([figure_text(name) for name in data.architectures], 170, 76, same_x=True)
    named: set[str] = set()
    for line in data.lines:
        shown.add_scatter(
            x=list(range(1, len(line.values) + 1)),
            y=line.values,
            name=value_words(line.strategy),
            legendgroup=line.strategy,
            showlegend=line.strategy not in named,
            mode="lines+markers" if len(line.values) == 1 else "lines",
            line={"color": STRATEGY_COLOURS[line.strategy], "dash": STRATEGY_DASHES[line.strategy], "width": 2},
            hovertemplate="epoch %{x}: %{y:.4f}",
            **cell(data.architectures.index(line.architecture)),
        )
        named.add(line.strategy)
    shown.update_xaxes(**few_whole_ticks(max(len(line.values) for line in data.lines)))
    label_axes(shown, "Epoch", capital(metric_words(data.metric)))
    return shown


def finding(data: StrategyCurves) -> str:
    """The strategy that ends best, for each architecture."""
    best: dict[str, list[str]] = {}
    for architecture in data.architectures:
        lines = [line for line in data.lines if line.architecture == architecture]
        winner = max(lines, key=lambda line: gain(data.metric, line.values[-1]))
        best.setdefault(winner.strategy, []).append(f"{architecture} ({number(winner.values[-1])})")
    return f"Best at the last epoch: {'; '.join(f'{value_words(name)} for {listed(best[name])}' for name in best)}."


def explain(_data: StrategyCurves) -> str:
    """The factors that were held."""
    return "Stage-1 trials of each strategy, all other factors at their reference; one plot per architecture."


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = ("metric",)
