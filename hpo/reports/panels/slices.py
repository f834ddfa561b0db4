"""The objective against each factor that a stage's trials vary, one plot per factor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from scipy.stats import spearmanr

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel, finished_by_architecture, stage_of
from hpo.reports.plot.axes import axis_layout
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell, label_axes, plot_grid
from hpo.reports.plot.looks import Looks
from hpo.results.axis import FactorAxis, factor_axis
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import STAGES, best_trial, thinned, value_of, varied_factors
from hpo.results.words import capital, factor_words, metric_words, number, plural, value_words

MOST_TRIALS = 150
"""Trials drawn of an architecture."""

_FEWEST_FOR_A_TREND, _LEAST_TREND = 5, 0.3


class Dots(NamedTuple):
    """One architecture's trials: their places on each factor's axis, the objective, and the place of the best."""

    architecture: str
    places: dict[str, list[float | None]]
    values: list[float]
    best: int


class Trend(NamedTuple):
    """The trend of the objective with a number: Spearman's rank correlation over an architecture's trials."""

    architecture: str
    factor: str
    correlation: float
    trials: int


class Slices(NamedTuple):
    """Facts of the figure; ``trend`` is the strongest one, where there is any."""

    metric: str
    stage: str
    axes: list[FactorAxis]
    dots: list[Dots]
    trials: int
    trend: Trend | None
    best: str


def title(results: StudyResults, options: PanelSettings) -> str:
    """Names the stage and the objective."""
    stage = capital(STAGES[stage_of(options)])
    return f"{stage}'s trials, factor by factor: validation {metric_words(results.settings.objective.metric)}"


def read(results: StudyResults, options: PanelSettings) -> Slices:
    """A stage's finished trials and the factors that they vary.

    Raises:
        NotThereError: if none has finished yet, or none differs from another.
    """
    settings, stage = results.settings, stage_of(options)
    found = finished_by_architecture(results, stage)
    everything = [trial for trials in found.values() for trial in trials]
    varied = varied_factors(everything)
    if not varied:
        raise NotThereError(f"The finished trials of {STAGES[stage]} do not differ in any factor.")
    axes = [
        factor_axis(settings, name, (trial.point[name] for trial in everything if name in trial.point))
        for name in varied
    ]
    axes.sort(key=lambda axis: bool(axis.words))  # words may stand upright below their plot
    trends = [
        trend for trials in found.values() for axis in axes if not axis.words and (trend := _trend(axis.factor, trials))
    ]
    best = best_trial(settings.objective, everything)
    having = [axis.factor for axis in axes if axis.factor in best.point]
    at = ", ".join(f"{factor_words(factor)} {value_words(best.point[factor])}" for factor in having)
    return Slices(
        settings.objective.metric,
        STAGES[stage],
        axes,
        [_dots(results, axes, trials) for trials in found.values()],
        len(everything),
        max(trends, key=lambda trend: abs(trend.correlation), default=None),
        f"{best.architecture}'s at {at}",
    )


def draw(data: Slices, looks: Looks) -> go.Figure:
    """One plot per factor, one dot per trial."""
    shown = plot_grid([capital(factor_words(axis.factor)) for axis in data.axes], 190, 66)
    for place, axis in enumerate(data.axes):
        for dots in data.dots:
            chosen = [index == dots.best for index in range(len(dots.values))]
            shown.add_scatter(
                x=dots.places[axis.factor],
                y=dots.values,
                mode="markers",
                name=figure_text(dots.architecture),
                legendgroup=dots.architecture,
                showlegend=place == 0,
                marker={
                    "color": looks.colour(dots.architecture),
                    "symbol": looks.symbol(dots.architecture),
                    "size": [12 if best else 7 for best in chosen],
                    "opacity": [1.0 if best else 0.55 for best in chosen],
                    "line": {"width": 0},  # several sizes would have a white rim, which is loud on dark paper
                },
                hovertemplate="%{x}: %{y:.4f}",
                **cell(place),
            )
        shown.update_xaxes(axis_layout(axis), **cell(place))
    label_axes(shown, "", capital(metric_words(data.metric)))
    return shown


def finding(data: Slices) -> str:
    """The strongest trend, or where the best lies."""
    metric = metric_words(data.metric)
    if data.trend is None or abs(data.trend.correlation) < _LEAST_TREND:
        return f"Of {plural(data.trials, 'trial')}, none of whose numbers shows a clear trend, the best is {data.best}."
    way = "rises" if data.trend.correlation > 0 else "falls"
    return (
        f"The clearest trend: {metric} {way} with the {factor_words(data.trend.factor)} in {data.trend.architecture} "
        f"(rank correlation {number(data.trend.correlation, 2)} over {plural(data.trend.trials, 'trial')})."
    )


def explain(data: Slices) -> str:
    """The meaning of a dot, and the limits of a correlation."""
    drawn = sum(len(dots.values) for dots in data.dots)
    thin = f" {plural(drawn, 'trial')} of {data.trials:,} are drawn." if drawn < data.trials else ""
    return (
        f"One dot per trial of {data.stage}, the large one the best of its architecture. The other factors vary too, "
        f"and a best value in the middle is no trend.{thin}"
    )


def _dots(results: StudyResults, axes: list[FactorAxis], trials: list[TrialResult]) -> Dots:
    best = best_trial(results.settings.objective, trials)
    few = thinned(trials, MOST_TRIALS)
    few = few if best in few else [best, *few[1:]]
    return Dots(
        best.architecture,
        {
            axis.factor: [axis.place(trial.point[axis.factor]) if axis.factor in trial.point else None for trial in few]
            for axis in axes
        },
        [round(value_of(trial), 5) for trial in few],
        few.index(best),
    )


def _trend(factor: str, trials: list[TrialResult]) -> Trend | None:
    having = [trial for trial in trials if factor in trial.point]
    values = np.array([[float(trial.point[factor]), value_of(trial)] for trial in having])
    if len(having) < _FEWEST_FOR_A_TREND or not np.ptp(values, axis=0).all():
        return None
    correlation = float(spearmanr(values[:, 0], values[:, 1]).statistic)
    return Trend(trials[0].architecture, factor, correlation, len(having))


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = ("stage",)
