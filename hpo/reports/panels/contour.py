"""The objective over two factors: a surface between the trials of one architecture, and the trials on top."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.interpolate import griddata
from scipy.spatial import QhullError

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import lower_is_better
from hpo.reports.panel import NotThereError, Panel, shown_trials, stage_of
from hpo.reports.plot.axes import axis_layout
from hpo.reports.plot.figure import figure
from hpo.reports.plot.looks import Looks
from hpo.results.axis import FactorAxis, factor_axis
from hpo.results.importance import importances
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import STAGES, best_trial, others_at_reference, thinned, value_of, varied_factors
from hpo.results.words import capital, factor_words, metric_words, number, plural, value_words

MOST_TRIALS = 200
"""Trials drawn; the surface is made from all."""

GRID = 70
"""Points of the surface along either axis."""

MOST_PLACES, _CELLS = 400, 16
"""With more distinct places than that, trials are averaged in so many cells along either axis: else the surface would
show each trial's noise."""


class Dot(NamedTuple):
    """A trial: its two factors and the objective."""

    x: float
    y: float
    value: float


class Contour(NamedTuple):
    """Facts of the figure.

    ``surface`` is ``(GRID, GRID)``, rows by y, NaN outside the trials; None where they lie on a line.
    """

    architecture: str
    stage: str
    metric: str
    x: FactorAxis
    y: FactorAxis
    surface: NDArray[np.float64] | None
    dots: list[Dot]
    best: Dot
    trials: int
    others_held: bool
    averaged: bool


def title(results: StudyResults, options: PanelSettings) -> str:
    """Names the factors if the options do."""
    metric = f"Validation {metric_words(results.settings.objective.metric)}"
    if options.factors is None:
        return f"{metric} over the two factors that matter most"
    return f"{metric} over {' and '.join(factor_words(factor) for factor in options.factors)}"


def read(results: StudyResults, options: PanelSettings) -> Contour:
    """A stage's finished trials over two of their factors.

    Where stage 1 varies one factor at a time, only trials whose other factors are at their reference count.

    Raises:
        NotThereError: if none has finished yet, if a factor is no number or does not vary, or if the study has no
            such architecture.
    """
    settings, stage = results.settings, stage_of(options)
    architecture, trials = shown_trials(results, options)
    axes = _axes(results, options, architecture, trials)
    held = stage == "stage1" and settings.stage1.design == "one_factor"
    names = [axis.factor for axis in axes]
    shown = [
        trial
        for trial in trials
        if all(name in trial.point for name in names) and (not held or others_at_reference(settings, trial, names))
    ]
    if not shown:
        raise NotThereError(
            f"No finished trial of {architecture} varies {' or '.join(map(factor_words, names))} alone."
        )
    dots = [_dot(trial, names) for trial in shown]
    best = best_trial(settings.objective, shown)
    return Contour(
        architecture,
        STAGES[stage],
        settings.objective.metric,
        *axes,
        _surface(*axes, dots),
        thinned(dots, MOST_TRIALS),
        _dot(best, names),
        len(shown),
        held,
        len({(dot.x, dot.y) for dot in dots}) > MOST_PLACES,
    )


def draw(data: Contour, looks: Looks) -> go.Figure:
    """Bright is better; the best trial is marked by a larger mark."""
    metric = f"Validation {metric_words(data.metric)}"
    shown = figure(
        430,
        margin={"l": 62, "r": 18, "t": 64, "b": 52},
        showlegend=False,
        xaxis={"title": {"text": capital(factor_words(data.x.factor))}, **axis_layout(data.x)},
        yaxis={"title": {"text": capital(factor_words(data.y.factor))}, **axis_layout(data.y)},
    )
    if data.surface is not None:
        steps = np.linspace(0, 1, GRID)
        shown.add_contour(
            x=[float(f"{data.x.at(share):.4g}") for share in steps],
            y=[float(f"{data.y.at(share):.4g}") for share in steps],
            z=np.round(data.surface, 4).tolist(),
            ncontours=12,
            colorscale="Cividis",
            reversescale=lower_is_better(data.metric),
            line={"width": 0.6},
            connectgaps=False,
            colorbar={
                "orientation": "h",
                "y": 1.02,
                "yanchor": "bottom",
                "thickness": 10,
                "tickformat": ".2f",
                "nticks": 6,
                "title": {"text": metric, "side": "top"},
            },
            hovertemplate="%{z:.4f}<extra></extra>",
        )
    for dots, size in ((data.dots, 7), ([data.best], 15)):
        shown.add_scatter(
            x=[dot.x for dot in dots],
            y=[dot.y for dot in dots],
            customdata=[round(dot.value, 5) for dot in dots],
            mode="markers",
            # White with a dark rim is seen on every colour of the surface, and beside it on light and dark paper.
            marker={
                "symbol": looks.symbol(data.architecture),
                "size": size,
                "color": looks.colour(data.architecture) if size > 7 else "#ffffff",
                "line": {"color": "#ffffff" if size > 7 else "#30353c", "width": 1.6 if size > 7 else 1},
            },
            hovertemplate="%{customdata:.4f}<extra></extra>",
        )
    return shown


def finding(data: Contour) -> str:
    """The place of the best trial."""
    metric = metric_words(data.metric)
    x, y = (
        f"{factor_words(axis.factor)} {value_words(value)}"
        for axis, value in ((data.x, data.best.x), (data.y, data.best.y))
    )
    return (
        f"The best of {data.architecture}'s {plural(data.trials, 'trial')}, {metric} {number(data.best.value)}, has "
        f"{x} and {y}."
    )


def explain(data: Contour) -> str:
    """The making of the surface, and how far to trust it."""
    others = "all other factors at their reference" if data.others_held else "whatever their other factors"
    surface = (
        f"between {'averages of neighbours' if data.averaged else 'them'} the surface is interpolated linearly "
        "(brighter is better), so trust it where marks are dense"
        if data.surface is not None
        else "they lie on a line, so there is no surface between them"
    )
    thin = f" {len(data.dots)} of the marks are drawn." if len(data.dots) < data.trials else ""
    return f"One mark per trial of {data.stage}, {others}; the large one is the best. {capital(surface)}.{thin}"


def _axes(
    results: StudyResults, options: PanelSettings, architecture: str, trials: list[TrialResult]
) -> tuple[FactorAxis, FactorAxis]:
    varied = varied_factors(trials)
    names = list(options.factors or importances(results.settings, trials) or varied)
    axes = [
        factor_axis(results.settings, name, (trial.point[name] for trial in trials if name in trial.point))
        for name in names
        if name in varied
    ]
    numbers = [axis for axis in axes if not axis.words][:2]
    if len(numbers) < 2 or numbers[0].factor == numbers[1].factor:
        wished = " and ".join(factor_words(name) for name in options.factors or ())
        raise NotThereError(
            f"A contour needs two different numbers that {architecture}'s finished trials vary"
            + (f"; {wished} are not." if wished else ".")
        )
    return numbers[0], numbers[1]


def _dot(trial: TrialResult, names: list[str]) -> Dot:
    return Dot(float(trial.point[names[0]]), float(trial.point[names[1]]), value_of(trial))


def _surface(x: FactorAxis, y: FactorAxis, dots: list[Dot]) -> NDArray[np.float64] | None:
    """Linear interpolation on the axes' own scales; trials at one place, or in one cell, count as their mean."""
    places = np.array([(x.share(dot.x), y.share(dot.y)) for dot in dots])
    distinct, group = np.unique(places, axis=0, return_inverse=True)
    if len(distinct) > MOST_PLACES:
        cells = np.minimum(places * _CELLS, _CELLS - 1).astype(int)
        group = np.unique(cells, axis=0, return_inverse=True)[1]
    group = group.ravel()
    columns = places[:, 0], places[:, 1], [dot.value for dot in dots]
    means = np.stack([np.bincount(group, column) for column in columns], axis=1) / np.bincount(group)[:, None]
    steps = np.linspace(0, 1, GRID)
    try:
        found: NDArray[np.float64] = griddata(
            means[:, :2], means[:, 2], tuple(np.meshgrid(steps, steps)), method="linear"
        )
    except (QhullError, ValueError):  # fewer than three places, or all on a line
        return None
    return found


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = (
    "architecture",
    "factors",
    "stage",
)
