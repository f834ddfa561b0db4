"""The handover from stage 1 to stage 2: levels tried, ranges left, and the trials inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.recipe.point import FACTORS
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.axes import axis_layout
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell, label_axes, plot_grid
from hpo.reports.plot.looks import Looks, faded
from hpo.results.axis import FactorAxis, factor_axis, round_numbers, share_of_range
from hpo.results.axis_effect import AxisLine, axis_lines
from hpo.results.decisions import FactorRange
from hpo.results.settings import StudySettings
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import best_trial, thinned, value_of
from hpo.results.words import capital, factor_words, listed, metric_words, number, plural, range_words, value_words

MOST_TRIALS = 120
"""Stage-2 trials drawn of an architecture in a plot."""

_LANE = 0.075
"""Height of a range below the trials, as a share of theirs."""


class Trials(NamedTuple):
    """One architecture's stage-2 trials along a factor: values, the metric, and the place of the best by objective."""

    architecture: str
    values: list[float]
    metric: list[float]
    best: int


class Axis(NamedTuple):
    """One factor: stage 1's levels, what they leave of it, and the trials if stage 2 tunes the factor."""

    axis: FactorAxis
    levels: list[AxisLine]
    ranges: dict[str, tuple[float, float]]
    trials: list[Trials]


class BestTrial(NamedTuple):
    """Stage 2's best trial of all architectures: of each tuned factor its value, and the range with its share of it."""

    architecture: str
    objective: str
    places: list[tuple[str, float, float, float, float]]


class RangeAxes(NamedTuple):
    """Facts of the figure."""

    metric: str
    architectures: tuple[str, ...]
    axes: list[Axis]
    trials: int
    best: BestTrial | None


def title(results: StudyResults, options: PanelSettings) -> str:
    """Names the metric."""
    metric = options.metric or results.settings.objective.metric
    return f"From stage 1's levels to stage 2's ranges: validation {metric_words(metric)}"


def read(results: StudyResults, options: PanelSettings) -> RangeAxes:
    """Stage-1 trials along each numeric factor, the ranges, and stage 2's finished trials.

    Raises:
        NotThereError: if stage 1 varies no number, or none of its trials has finished.
    """
    settings = results.settings
    metric = options.metric or settings.objective.metric
    numeric = [name for name in settings.stage1.factors if _is_number(settings, name)]
    if not numeric:
        raise NotThereError("Stage 1 of this study varies no factor that is a number.")
    second = {name: results.finished("stage2", name) for name in settings.architectures}
    ranges = {(one.architecture, one.factor): one for one in results.ranges}
    found = [_axis(results, factor, metric, ranges, second) for factor in numeric]
    axes = [axis for axis in found if axis is not None]
    if not axes:
        raise NotThereError("No stage-1 trial of a factor that is a number has finished yet.")
    finished = [trial for trials in second.values() for trial in trials]
    best = best_trial(settings.objective, finished) if finished else None
    return RangeAxes(
        metric,
        settings.architectures,
        axes,
        len(finished),
        None if best is None else _best(settings, best, ranges),
    )


def draw(data: RangeAxes, looks: Looks) -> go.Figure:
    """One plot per factor; ranges lie as bars in lanes below the trials, one per architecture."""
    shown = plot_grid([capital(factor_words(axis.axis.factor)) for axis in data.axes], 230, 66)
    everything = [value for axis in data.axes for line in axis.levels for value in line.values]
    everything += [value for axis in data.axes for trials in axis.trials for value in trials.metric]
    low, high = min(everything), max(everything)
    height = (high - low) or 0.01
    lanes = {name: low - height * _LANE * (2 + lane) for lane, name in enumerate(data.architectures)}
    for place, axis in enumerate(data.axes):
        for line in axis.levels:
            _draw_levels(shown, place, line, looks)
        for trials in axis.trials:
            _draw_trials(shown, place, trials, looks)
        for architecture, ends in axis.ranges.items():
            _draw_range(shown, place, architecture, ends, lanes[architecture], looks.colour(architecture))
        shown.update_xaxes(axis_layout(axis.axis), **cell(place))
    _name(shown, data.architectures, looks)
    label_axes(shown, "", capital(metric_words(data.metric)))
    shown.update_yaxes(
        range=[min(lanes.values()) - height * _LANE, high + height * _LANE], tickvals=round_numbers(low, high, 5)
    )
    return shown


def finding(data: RangeAxes) -> str:
    """The place of stage 2's best within the ranges."""
    if data.best is None:
        left = sum(len(axis.ranges) for axis in data.axes)
        return f"Stage 1 has left {plural(left, 'range')} so far; no stage-2 trial has finished yet."
    places = listed(
        f"{factor_words(factor)} {value_words(value)} ({_where(share)} {range_words(low, high)})"
        for factor, value, low, high, share in data.best.places
    )
    if not places:
        places = "no factor that is a number and was tuned within a range"
    return f"Stage 2's best trial ({data.best.architecture}, {data.best.objective}) has {places}."


def explain(data: RangeAxes) -> str:
    """The meaning of lines, dots and bars."""
    drawn = max((len(trials.values) for axis in data.axes for trials in axis.trials), default=0)
    thin = f" At most {MOST_TRIALS} trials of an architecture are drawn." if drawn >= MOST_TRIALS else ""
    held = [factor_words(axis.axis.factor) for axis in data.axes if not axis.trials]
    fixed = f" Stage 2 does not vary {listed(held)}." if data.trials and held else ""
    return (
        "Hollow marks on dotted lines are stage 1's levels, filled ones stage 2's trials, a large one the best of its "
        f"architecture; the bar below is the range that stage 1 left.{fixed}{thin}"
    )


def _is_number(settings: StudySettings, factor: str) -> bool:
    known = settings.factors.get(factor)
    return known is not None and not isinstance(known.reference, bool | str)


def _axis(
    results: StudyResults,
    factor: str,
    metric: str,
    ranges: dict[tuple[str, str], FactorRange],
    second: dict[str, list[TrialResult]],
) -> Axis | None:
    settings = results.settings
    levels = axis_lines(results, factor, metric)
    if not levels:
        return None
    left = {name: ends for name in settings.architectures if (ends := _ends(ranges.get((name, factor)))) is not None}
    tuned = [_trials(settings, factor, metric, trials) for trials in second.values()]
    trials = [one for one in tuned if one is not None] if factor in settings.stage2.factors else []
    values = [level for line in levels for level in line.levels]
    values += [value for one in trials for value in one.values] + [end for ends in left.values() for end in ends]
    axis = factor_axis(settings, factor, values)
    known = factor_axis(settings, factor, [level for line in levels for level in line.levels]).levels
    return Axis(replace(axis, levels=known), levels, left, trials)


def _ends(left: FactorRange | None) -> tuple[float, float] | None:
    """The range of a number; whole numbers are what stage 2 rounds its ends to."""
    if left is None or left.low is None or left.high is None:
        return None
    whole = FACTORS.get(left.factor) is int
    return (float(round(left.low)), float(round(left.high))) if whole else (left.low, left.high)


def _trials(settings: StudySettings, factor: str, metric: str, trials: list[TrialResult]) -> Trials | None:
    shown = [trial for trial in trials if factor in trial.point and f"valid_{metric}" in trial.metrics]
    if not shown:
        return None
    best = best_trial(settings.objective, shown)
    few = thinned(shown, MOST_TRIALS)
    few = few if best in few else [*few[1:], best]
    values = [float(trial.point[factor]) for trial in few]
    return Trials(
        shown[0].architecture, values, [round(trial.metrics[f"valid_{metric}"], 5) for trial in few], few.index(best)
    )


def _best(settings: StudySettings, best: TrialResult, ranges: dict[tuple[str, str], FactorRange]) -> BestTrial:
    places = []
    for factor in settings.stage2.factors:
        ends = _ends(ranges.get((best.architecture, factor)))
        if ends is not None and factor in best.point:
            value = float(best.point[factor])
            places.append((factor, value, *ends, share_of_range(settings, factor, value, *ends)))
    metric = metric_words(settings.objective.metric)
    return BestTrial(best.architecture, f"{metric} {number(value_of(best))}", places)


def _where(share: float) -> str:
    """A place between two ends in words; within a twentieth of an end, the range may be too narrow."""
    limits = (
        (-1e-9, "below"),  # where the whole search space is searched
        (0.05, "at the low end of"),
        (1 / 3, "in the lower third of"),
        (2 / 3, "in the middle of"),
        (0.95, "in the upper third of"),
        (1 + 1e-9, "at the high end of"),
    )
    return next((words for limit, words in limits if share <= limit), "above")


def _draw_levels(shown: go.Figure, place: int, line: AxisLine, looks: Looks) -> None:
    colour, symbol = looks.colour(line.architecture), looks.symbol(line.architecture)
    shown.add_scatter(
        x=line.levels,
        y=line.values,
        mode="lines+markers",
        line={"color": faded(colour, 0.6), "width": 1.4, "dash": "dot"},
        marker={
            "symbol": f"{symbol}-open",
            "size": 8,
            "color": colour,
        },
        showlegend=False,
        hovertemplate=f"{figure_text(line.architecture)}, stage 1: %{{y:.4f}}<extra></extra>",
        **cell(place),
    )


def _draw_trials(shown: go.Figure, place: int, trials: Trials, looks: Looks) -> None:
    sizes = [12 if index == trials.best else 6 for index in range(len(trials.values))]
    opacities = [1 if index == trials.best else 0.55 for index in range(len(trials.values))]
    shown.add_scatter(
        x=trials.values,
        y=trials.metric,
        mode="markers",
        # Marks of several sizes would have a white rim, which is loud on dark paper.
        marker={
            "symbol": looks.symbol(trials.architecture),
            "size": sizes,
            "color": looks.colour(trials.architecture),
            "opacity": opacities,
            "line": {"width": 0},
        },
        showlegend=False,
        hovertemplate=f"{figure_text(trials.architecture)}, stage 2: %{{y:.4f}}<extra></extra>",
        **cell(place),
    )


def _draw_range(
    shown: go.Figure, place: int, architecture: str, ends: tuple[float, float], lane: float, colour: str
) -> None:
    words = range_words(*ends)
    shown.add_scatter(
        x=ends,
        y=[lane, lane],
        mode="lines+markers",
        line={"color": colour, "width": 5},
        marker={"symbol": "line-ns", "size": 9, "line": {"color": colour, "width": 2}},
        showlegend=False,
        hovertemplate=f"{figure_text(architecture)}: range {words}<extra></extra>",
        **cell(place),
    )


def _name(shown: go.Figure, architectures: Sequence[str], looks: Looks) -> None:
    """The legend: who is who, by traces without points."""
    for architecture in architectures:
        marker = {"symbol": looks.symbol(architecture), "size": 9, "color": looks.colour(architecture)}
        shown.add_scatter(x=[None], y=[None], mode="markers", marker=marker, name=figure_text(architecture), **cell(0))


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = ("metric",)
