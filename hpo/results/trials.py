"""Trials for figures: the finished ones, their varied factors, the best, and few enough to draw."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from hpo.evaluation.objective import Objective
from hpo.recipe.conditions import is_on_axis
from hpo.recipe.point import FACTORS, Value
from hpo.results.settings import StudySettings
from hpo.results.trainings import StageName, TrialResult

_Item = TypeVar("_Item")

STAGES: dict[StageName, str] = {"stage1": "stage 1", "stage2": "stage 2"}
"""The stages of trials and their short names."""


def value_of(trial: TrialResult) -> float:
    """The objective of a finished trial.

    Raises:
        ValueError: if it has none.
    """
    if trial.objective is None:
        raise ValueError(f"trial {trial.number} of {trial.architecture} has no objective")
    return trial.objective


def best_trial(objective: Objective, trials: Iterable[TrialResult]) -> TrialResult:
    """The best of finished trials; the first of equals.

    Raises:
        ValueError: if there is none.
    """
    return max(trials, key=lambda trial: objective.gain(value_of(trial)))


def from_best(objective: Objective, trials: Iterable[TrialResult]) -> list[TrialResult]:
    """Finished trials, the best one first; equals keep their order."""
    return sorted(trials, key=lambda trial: -objective.gain(value_of(trial)))


def varied_factors(trials: Iterable[TrialResult]) -> list[str]:
    """The factors that differ between trials, in the order of `hpo.recipe.point.FACTORS`.

    Stage 2 does not tune epochs: where its trainings pause, they say how far each was brought.
    """
    seen: dict[str, set[Value]] = {}
    for trial in trials:
        for name, value in trial.point.items():
            if (trial.stage, name) != ("stage2", "epochs"):
                seen.setdefault(name, set()).add(value)
    order = [name for name in FACTORS if name in seen] + sorted(seen.keys() - FACTORS.keys())
    return [name for name in order if len(seen[name]) > 1]


def others_at_reference(settings: StudySettings, trial: TrialResult, factors: Collection[str]) -> bool:
    """Whether all factors of a trial except the given ones are as at the reference, so far as they apply."""
    return is_on_axis(trial.point, factors, settings.reference_values, settings.conditions)


def thinned(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most ``most`` items (two or more), evenly spread, including the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]
