"""A validation metric along one factor of stage 1, all other factors held or averaged."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from hpo.recipe.point import Value
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import others_at_reference

Z_95 = 1.96
"""Standard normal quantile of a two-sided 95% interval."""


class AxisLine(NamedTuple):
    """One architecture: levels in ascending order, the metric, and half of its 95% interval (None where unknown)."""

    architecture: str
    levels: list[Value]
    values: list[float]
    half_widths: list[float] | None


def axis_lines(results: StudyResults, factor: str, metric: str) -> list[AxisLine]:
    """Finished stage-1 trials along a factor's axis, the other factors at their reference.

    In a grid every trial counts: a level's value is the mean over the other factors' levels, and has no interval.

    Args:
        results: of a study.
        factor: that stage 1 varies.
        metric: on the validation split. Only the objective has intervals.

    Returns:
        A line for each architecture with such a trial, in the study file's order.
    """
    settings = results.settings
    grid = settings.stage1.design == "grid"
    lines = []
    for architecture in settings.architectures:
        on_axis = [
            trial
            for trial in results.trials_of("stage1", architecture)
            if trial.state == "complete"
            and f"valid_{metric}" in trial.metrics
            and factor in trial.point
            and (grid or others_at_reference(settings, trial, (factor,)))
        ]
        if on_axis:
            speaks = metric == settings.objective.metric and not grid
            lines.append(_line(architecture, factor, metric, on_axis, speaks=speaks))
    return lines


def level_order(level: Value) -> tuple[bool, float, str]:
    """Sort key for levels: numbers by size, then words alphabetically."""
    return (True, 0.0, level) if isinstance(level, str) else (False, float(level), "")


def _line(
    architecture: str,
    factor: str,
    metric: str,
    trials: Sequence[TrialResult],
    *,
    speaks: bool,
) -> AxisLine:
    by_level: dict[Value, list[TrialResult]] = {}
    for trial in trials:
        by_level.setdefault(trial.point[factor], []).append(trial)
    levels = sorted(by_level, key=level_order)
    values = [fmean(trial.metrics[f"valid_{metric}"] for trial in by_level[level]) for level in levels]
    errors = [by_level[level][0].standard_error for level in levels]
    known = [Z_95 * error for error in errors if error is not None]
    return AxisLine(architecture, levels, values, known if speaks and len(known) == len(levels) else None)
