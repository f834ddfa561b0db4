"""The trials of a report as an in-memory Optuna study, for Optuna's own computations."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator

from hpo.recipe.point import FACTORS
from hpo.results.axis import factor_axis
from hpo.results.settings import StudySettings
from hpo.results.trainings import TrialResult
from hpo.results.trials import value_of, varied_factors

FEWEST_TRIALS = 10
"""With fewer trials, PED-ANOVA's best tenth is a single trial."""

ENOUGH_TRIALS = 50
"""From this number on, PED-ANOVA's best tenth has the five trials that Optuna's documentation asks for."""


def optuna_study(settings: StudySettings, trials: Sequence[TrialResult]) -> optuna.Study:
    """An Optuna study in memory with finished trials.

    Args:
        settings: supply the direction and the factors' scales.
        trials: finished ones of one architecture and stage.

    Returns:
        A study whose parameters are the factors that the trials vary, each over its observed values.
    """
    distributions = {name: _distribution(settings, name, trials) for name in varied_factors(trials)}
    with _quiet():
        study = optuna.create_study(direction=settings.objective.direction)
    study.add_trials(
        optuna.trial.create_trial(
            value=value_of(trial),
            params={name: trial.point[name] for name in distributions if name in trial.point},
            distributions={name: space for name, space in distributions.items() if name in trial.point},
        )
        for trial in trials
    )
    return study


def importances(settings: StudySettings, trials: Sequence[TrialResult]) -> dict[str, float]:
    """The importance of each varied factor for being in the best tenth of the trials, greatest first.

    Args:
        settings: supply the direction and the factors' scales.
        trials: finished ones of one architecture and stage.

    Returns:
        Shares that sum to 1; empty if there are fewer than `FEWEST_TRIALS` trials, no factor varies, or all trials are
        equally good.

    Source: Watanabe et al. 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
    Subspaces", as implemented in Optuna 5.
    """
    if len(trials) < FEWEST_TRIALS or not varied_factors(trials) or len({value_of(trial) for trial in trials}) == 1:
        return {}
    study = optuna_study(settings, trials)
    shares: dict[str, float] = optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return shares


def _distribution(settings: StudySettings, factor: str, trials: Sequence[TrialResult]) -> BaseDistribution:
    axis = factor_axis(settings, factor, (trial.point[factor] for trial in trials if factor in trial.point))
    if axis.words:
        return CategoricalDistribution(axis.words)
    known = settings.factors.get(factor)
    if FACTORS.get(factor) is int or (known is not None and known.whole):
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress Optuna's message that it has created a study."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
