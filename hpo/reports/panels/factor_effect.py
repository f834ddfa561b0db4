"""A validation metric against one factor of stage 1, one line an architecture (the paper's Figs. 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.recipe.point import Value
from hpo.reports.panel import NotThereError
from hpo.reports.records import TrialResult
from hpo.reports.results import StudyResults
from hpo.reports.style import LEGEND_ABOVE, NEUTRAL, ArchitectureStyle, architecture_style, figure, figure_text
from hpo.reports.words import METRIC_WORDS, capital, factor_words, listed, number, value_words

Z_95 = 1.96


class Line(NamedTuple):
    """One architecture: levels in ascending order, the metric, and half of its 95% interval (None where unknown)."""

    architecture: str
    style: ArchitectureStyle
    levels: list[Value]
    values: list[float]
    half_widths: list[float] | None


class FactorEffect(NamedTuple):
    """What the figure shows."""

    factor: str
    metric: str
    numeric: bool
    log: bool
    reference: Value
    grid: bool
    lines: list[Line]


def title(results: StudyResults, options: PanelSettings) -> str:
    """Such as ``Validation accuracy against batch size``."""
    return f"Validation {METRIC_WORDS[_metric(results, options)]} against {factor_words(options.factor or '')}"


def read(results: StudyResults, options: PanelSettings) -> FactorEffect:
    """Finished stage-1 trials along the factor's axis, the other factors at their reference.

    In a grid every trial counts: a level's value is the mean over the other factors' levels.

    Raises:
        NotThereError: if stage 1 does not vary the factor, or none of its trials has finished.
    """
    settings, metric = results.settings, _metric(results, options)
    factor = settings.factors.get(options.factor or "")
    if factor is None or factor.name not in settings.stage1_factors:
        raise NotThereError(f"Stage 1 of this study does not vary the {factor_words(options.factor or '')}.")
    grid = settings.stage1_design == "grid"
    lines = []
    for architecture in settings.architectures:
        on_axis = [
            trial
            for trial in results.trials
            if (trial.stage, trial.architecture, trial.state) == ("stage1", architecture, "complete")
            and f"valid_{metric}" in trial.metrics
            and (grid or _others_at_reference(results, trial, factor.name))
        ]
        if on_axis:
            speaks = metric == settings.objective.metric and not grid
            style = architecture_style(settings, architecture)
            lines.append(_line(architecture, style, factor.name, metric, on_axis, speaks=speaks))
    if not lines:
        raise NotThereError(f"No stage-1 trial along the {factor_words(factor.name)} has finished yet.")
    numeric = not isinstance(factor.reference, bool | str)
    return FactorEffect(factor.name, metric, numeric, numeric and factor.scale == "log", factor.reference, grid, lines)


def draw(data: FactorEffect) -> go.Figure:
    """One line an architecture, the reference value marked."""
    levels = sorted({level for line in data.lines for level in line.levels}, key=_order)
    shown = figure(
        330,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": capital(factor_words(data.factor))}, "type": "log" if data.log else None},
        yaxis={"title": {"text": f"Validation {METRIC_WORDS[data.metric]}"}, "tickformat": ".2f"},
    )
    place = (lambda level: level) if data.numeric else value_words
    if data.numeric:
        shown.update_xaxes(tickvals=levels, ticktext=[value_words(level) for level in levels], minor={"ticks": ""})
    else:
        shown.update_xaxes(type="category", categoryarray=[value_words(level) for level in levels])
    for line in data.lines:
        shown.add_scatter(
            x=[place(level) for level in line.levels],
            y=line.values,
            error_y={"array": line.half_widths, "width": 3, "thickness": 1.2} if line.half_widths else None,
            name=figure_text(line.architecture),
            mode="lines+markers" if data.numeric else "markers",
            line={"color": line.style.colour, "width": 2},
            marker={"symbol": line.style.symbol, "size": 8, "color": line.style.colour},
            hovertemplate="%{x}: %{y:.4f}",
        )
    shown.add_vline(x=place(data.reference), line={"color": NEUTRAL, "dash": "dot", "width": 1.2})
    return shown


def finding(data: FactorEffect) -> str:
    """Which level is best for which architecture, and what that gains over the reference."""
    better = min if data.metric == "loss" else max
    best: dict[Value, list[str]] = {}
    gains = []
    for line in data.lines:
        value = better(line.values)
        level = line.levels[line.values.index(value)]
        best.setdefault(level, []).append(line.architecture)
        if data.reference in line.levels:
            gains.append(abs(value - line.values[line.levels.index(data.reference)]))
    levels = sorted(best, key=_order)
    where = listed(f"{value_words(level)} for {listed(best[level])}" for level in levels)
    gain = f"; the most that this gains over the reference is {number(max(gains))}" if gains else ""
    return f"The best {factor_words(data.factor)} is {where}{gain}."


def explain(data: FactorEffect) -> str:
    """How the trials were chosen, and what the bars are."""
    others = "averaged over the levels of the other factors" if data.grid else "all other factors at their reference"
    bars = " Bars are 95% intervals over validation patches." if any(line.half_widths for line in data.lines) else ""
    return f"Stage-1 trials, {others}; the dotted line is the reference value.{bars}"


def _metric(results: StudyResults, options: PanelSettings) -> str:
    return options.metric or results.settings.objective.metric


def _others_at_reference(results: StudyResults, trial: TrialResult, factor: str) -> bool:
    reference = results.settings.reference
    return all(reference.get(name, value) == value for name, value in trial.point.items() if name != factor)


def _line(
    architecture: str,
    style: ArchitectureStyle,
    factor: str,
    metric: str,
    trials: Sequence[TrialResult],
    *,
    speaks: bool,
) -> Line:
    by_level: dict[Value, list[TrialResult]] = {}
    for trial in trials:
        if factor in trial.point:
            by_level.setdefault(trial.point[factor], []).append(trial)
    levels = sorted(by_level, key=_order)
    values = [fmean(trial.metrics[f"valid_{metric}"] for trial in by_level[level]) for level in levels]
    errors = [by_level[level][0].standard_error for level in levels]
    known = [Z_95 * error for error in errors if error is not None]
    return Line(architecture, style, levels, values, known if speaks and len(known) == len(levels) else None)


def _order(level: Value) -> tuple[bool, float, str]:
    return (True, 0.0, level) if isinstance(level, str) else (False, float(level), "")
