"""The trainings of stage 1, epoch by epoch: design points that share a training are marks on one line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import Curve, gain
from hpo.reports.panel import NotThereError, Panel, architecture_shown
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell, few_whole_ticks, label_axes, plot_grid
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName, TrialResult
from hpo.results.trials import STAGES, thinned
from hpo.results.words import capital, count, metric_words, plural

MOST_LINES = 30
"""Trainings drawn of an architecture; more cannot be told apart."""

MOST_EPOCHS = 60
"""Epochs drawn of a training, beside those at which points were read."""


class Training(NamedTuple):
    """One recipe: its epochs (of long trainings a selection), the metric after each, and where points were read."""

    epochs: list[int]
    values: list[float]
    read_at: list[int]


class Curves(NamedTuple):
    """One architecture's trainings, the best one first."""

    architecture: str
    trainings: list[Training]


class LearningCurves(NamedTuple):
    """Facts of the figure, and how many design points, trainings and epochs there were of all drawn architectures.

    ``shortest`` and ``longest`` are the epochs of a training, whether it is drawn or not.
    """

    metric: str
    plots: list[Curves]
    points: int
    trainings: int
    shared: int
    epochs_read: int
    epochs_trained: int
    shortest: int
    longest: int
    stage: StageName = "stage1"


def title(results: StudyResults, options: PanelSettings) -> str:
    """Such as ``Stage 1's trainings: validation accuracy over the epochs``."""
    stage = STAGES[options.stage or "stage1"]
    metric = options.metric or results.settings.objective.metric
    of = "" if options.architecture is None else f" of {options.architecture}"
    return f"{capital(stage)}'s trainings{of}: validation {metric_words(metric)} over the epochs"


def read(results: StudyResults, options: PanelSettings) -> LearningCurves:
    """Every training of a stage, stage 1 by default, that a design point was read from.

    Raises:
        NotThereError: if there is none yet, or the study has no such architecture.
    """
    settings = results.settings
    metric = options.metric or settings.objective.metric
    stage: StageName = options.stage or "stage1"
    if options.architecture is None:
        architectures: Sequence[str] = settings.architectures
    else:
        architectures = [architecture_shown(results, options, stage)]
    by_recipe: dict[str, dict[str, list[TrialResult]]] = {name: {} for name in architectures}
    for trial in results.trials_of(stage):
        read_from = trial.state in ("complete", "pruned") and trial.curve
        if read_from and trial.architecture in by_recipe and f"valid_{metric}" in trial.curve[-1]:
            by_recipe[trial.architecture].setdefault(trial.recipe_key, []).append(trial)
    recipes = [trials for name in architectures for trials in by_recipe[name].values()]
    if not recipes:
        raise NotThereError(f"No {STAGES[stage].replace(' ', '-')} trial has finished yet.")
    plots = []
    for name in architectures:
        trainings = [_training(trials, metric) for trials in by_recipe[name].values()]
        trainings.sort(key=lambda training: -gain(metric, training.values[-1]))
        if trainings:
            plots.append(Curves(name, thinned(trainings, MOST_LINES)))
    lengths = [max(len(trial.curve) for trial in trials) for trials in recipes]
    return LearningCurves(
        metric,
        plots,
        points=sum(_reads(trials) for trials in recipes),
        trainings=len(recipes),
        shared=sum(_reads(trials) > 1 for trials in recipes),
        epochs_read=sum(len(trial.curve) + sum(trial.paused_at) for trials in recipes for trial in trials),
        epochs_trained=sum(lengths),
        shortest=min(lengths),
        longest=max(lengths),
        stage=stage,
    )


def draw(data: LearningCurves, looks: Looks) -> go.Figure:
    """One plot per architecture: strong lines with their marks are shared trainings, faint ones were read once."""
    alone = len(data.plots) == 1
    titles = [figure_text(plot.architecture) for plot in data.plots]
    shown = plot_grid(titles, 300 if alone else 190, 56, same_x=True)
    for place, plot in enumerate(data.plots):
        for shared in (False, True):
            trainings = [training for training in plot.trainings if (len(training.read_at) > 1) is shared]
            own = looks.colour(plot.architecture)
            colour = own if shared else faded(own, 0.35)
            shown.add_scatter(
                **_joined(trainings),
                mode="lines",
                showlegend=False,
                connectgaps=False,
                line={"color": colour, "width": 2.4 if shared else 1.2},
                hovertemplate="epoch %{x}: %{y:.4f}",
                name=figure_text(plot.architecture),
                **cell(place),
            )
            marks = [(epoch, _at(training, epoch)) for training in trainings for epoch in training.read_at]
            shown.add_scatter(
                x=[epoch for epoch, _ in marks],
                y=[value for _, value in marks],
                mode="markers",
                showlegend=False,
                marker={"color": colour, "symbol": looks.symbol(plot.architecture), "size": 9 if shared else 5},
                hovertemplate="read at epoch %{x}: %{y:.4f}",
                name=figure_text(plot.architecture),
                **cell(place),
            )
    shared_words, alone_words = (
        ("of several design points", "of a single one") if data.stage == "stage1" else ("went on", "did not")
    )
    for name, width, size, colour in (
        (shared_words, 2.4, 9, NEUTRAL),
        (alone_words, 1.2, 5, faded(NEUTRAL, 0.5)),
    ):
        look = {"line": {"color": colour, "width": width}, "marker": {"color": colour, "size": size}}
        shown.add_scatter(x=[None], y=[None], mode="lines+markers", name=name, **look, row=1, col=1)
    last = max(training.epochs[-1] for plot in data.plots for training in plot.trainings)
    shown.update_xaxes(**few_whole_ticks(last))
    label_axes(shown, "Epoch", capital(metric_words(data.metric)))
    return shown


def finding(data: LearningCurves) -> str:
    """The saving by sharing."""
    points, trainings = plural(data.points, "design point"), plural(data.trainings, "training")
    if data.stage == "stage2":
        return (
            f"Of {trainings}, {count(data.shared)} went on from a pause; the longest took "
            f"{plural(data.longest, 'epoch')}, the shortest {count(data.shortest)}."
        )
    saved = data.epochs_read - data.epochs_trained
    if not data.shared:
        return f"{points} came from {trainings}: no two of them share one."
    return (
        f"{points} came from {trainings}, {count(data.shared)} of which served several: that saved {count(saved)} of "
        f"{plural(data.epochs_read, 'epoch')} ({saved / data.epochs_read:.0%})."
    )


def explain(data: LearningCurves) -> str:
    """The meaning of lines and marks, and how many are drawn."""
    drawn = sum(len(plot.trainings) for plot in data.plots)
    left_out = (
        f" Drawn are {drawn} of {plural(data.trainings, 'training')}, spread evenly from the best to the worst."
        if drawn < data.trainings
        else ""
    )
    if data.stage == "stage2":
        return (
            f"One line per training, with a mark where it paused or ended. Strong lines went on from a pause.{left_out}"
        )
    return (
        "One line per training; each mark is where a design point was read from it, so points that differ in their "
        f"epochs alone lie on one line.{left_out}"
    )


def _training(trials: Sequence[TrialResult], metric: str) -> Training:
    longest: Curve = max((trial.curve for trial in trials), key=len)
    read_at = _read_at(trials)
    drawn = sorted({*thinned(range(1, len(longest) + 1), MOST_EPOCHS), *read_at})
    values = [round(longest[epoch - 1].get(f"valid_{metric}", math.nan), 5) for epoch in drawn]
    return Training(drawn, values, read_at)


def _reads(trials: Sequence[TrialResult]) -> int:
    return sum(1 + len(trial.paused_at) for trial in trials)


def _read_at(trials: Sequence[TrialResult]) -> list[int]:
    """The epochs at which points were read from a training, those where it paused among them."""
    return sorted({epoch for trial in trials for epoch in (len(trial.curve), *trial.paused_at)})


def _at(training: Training, epoch: int) -> float:
    return training.values[training.epochs.index(epoch)]


def _joined(trainings: Sequence[Training]) -> dict[str, list[float | None]]:
    """Several lines as one trace, with a gap after each: a trace costs more than a gap."""
    x: list[float | None] = []
    y: list[float | None] = []
    for training in trainings:
        x += [*training.epochs, None]
        y += [*training.values, None]
    return {"x": x, "y": y}


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = (
    "metric",
    "architecture",
    "stage",
)
