"""Which trial and which architecture is chosen: by the objective or, of several objectives, by the study's rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from hpo.config.objectives import QUANTITIES
from hpo.evaluation.front import metric_value
from hpo.results.settings import StudySettings
from hpo.results.trainings import Candidate, Confirmation, TrialResult


def choose_trial(
    settings: StudySettings, trials: Sequence[TrialResult], rechecked: Candidate | None
) -> TrialResult | None:
    """The trial of stage 2 whose settings were chosen, or the best if no recheck has chosen; None without trials.

    Args:
        settings: the study's.
        trials: the finished ones of an architecture's stage 2.
        rechecked: the choice of its recheck, if there is one.
    """
    found = [trial for trial in trials if rechecked is not None and trial.recipe_key == rechecked.recipe_key]
    if found:
        return max(found, key=lambda trial: int(trial.point.get("epochs", 0)))
    valued = [trial for trial in trials if trial.values]
    if settings.objectives is not None and valued:
        return valued[settings.objectives.ranked([trial.values for trial in valued])[0]]
    return max(trials, key=lambda trial: settings.objective.gain(trial.objective or 0.0), default=None)


def final_values(
    settings: StudySettings, chosen: TrialResult | None, trained: Sequence[Confirmation]
) -> dict[str, float]:
    """Each objective's value of an architecture's tuned network, by name; empty where it is not known.

    Metrics are means over the seeds of the final trainings, on the validation split. Quantities are those that the
    chosen network had in stage 2.

    Args:
        settings: the study's.
        chosen: the trial of stage 2 whose settings the final trainings have.
        trained: the final trainings of the tuned configuration, as far as they are trained.
    """
    objectives = settings.objectives
    if objectives is None or chosen is None or len(chosen.values) != len(objectives.names) or not trained:
        return {}
    final = settings.objective if settings.confirm.patience is None else replace(settings.objective, epoch="best")
    known = dict(zip(objectives.names, chosen.values, strict=True))

    def mean(metric: str) -> float:
        return fmean(
            one.objective
            if metric == final.metric and one.objective is not None
            else metric_value(final, one.curve, metric)
            for one in trained
        )

    return {name: known[name] if name in QUANTITIES else mean(name) for name in objectives.names}


def rank_architectures(
    settings: StudySettings, gains: Mapping[str, float], values: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Architectures, the best first; equals in the order given.

    Args:
        settings: the study's.
        gains: of each architecture's tuned models, in the objective; larger is better.
        values: `final_values` of each. Those whose values are not known come last, by their gains.
    """
    by_gain = sorted(gains, key=lambda name: -gains[name])
    if settings.objectives is None:
        return by_gain
    valued = [name for name in gains if values[name]]
    order = settings.objectives.order([tuple(values[name].values()) for name in valued])
    return [*(valued[number] for number in order), *(name for name in by_gain if not values[name])]
