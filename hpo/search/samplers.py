"""Designs whose points depend on earlier results: Optuna's samplers, each a pure function of seed and history."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import optuna
from optuna.samplers import BaseSampler

SamplerName = Literal["tpe", "random", "gp", "cmaes", "qmc", "nsga2"]


POPULATION = 10
"""Trials of a generation of ``nsga2``; Optuna's 50 are more than most budgets here."""


def make_sampler(
    name: SamplerName, seed: int, startup_trials: int = 10, *, is_conditional: bool = False
) -> BaseSampler:
    """The sampler of a stage 2.

    A new one is made for each trial, with a seed of its own. Its choice depends on that seed and on the trials in the
    database: the finished ones, and for ``tpe`` and ``gp`` the values of running ones too. A killed worker's successor
    therefore chooses the same as long as these are the same. (Optuna counts the points of ``qmc`` as it hands
    them out, so a successor takes the next one.)

    Args:
        name: ``tpe`` (Watanabe 2023), ``random``, ``gp`` (a Gaussian process), ``cmaes``, ``qmc`` or
            ``nsga2`` (Deb et al. 2002, in generations of `POPULATION`). All but ``cmaes`` take several objectives.
        seed: of its random numbers.
        startup_trials: of ``tpe``, ``gp`` and ``cmaes``: trials drawn at random before the model is used.
        is_conditional: whether some factors do not always apply. ``tpe`` then models each group of factors that occur
            together; ``gp``, ``cmaes`` and ``nsga2`` model those that all trials have, ``qmc`` those that its first
            trial has, and the others are drawn at random.
    """
    samplers: dict[SamplerName, Callable[[], BaseSampler]] = {
        "tpe": lambda: optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=startup_trials,
            multivariate=True if is_conditional else None,  # which Optuna itself says for one objective
            group=is_conditional,
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(
            seed=seed, n_startup_trials=startup_trials, deterministic_objective=False
        ),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(
            seed=seed, n_startup_trials=startup_trials, warn_independent_sampling=not is_conditional
        ),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION),
        "qmc": lambda: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # one per trial, of no use to users
        return samplers[name]()
