"""Samplers are pure functions of their seed and of what came before."""

from __future__ import annotations

import importlib.util
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.search.samplers import SamplerName, make_sampler

INSTALLED: list[SamplerName] = ["tpe", "random", "qmc"]
INSTALLED += ["gp"] if importlib.util.find_spec("torch") else []
INSTALLED += ["cmaes"] if importlib.util.find_spec("cmaes") else []

SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "batch_size": IntDistribution(8, 64, log=True),
    "patches": IntDistribution(100, 1000, step=50),
    "strategy": CategoricalDistribution(["constant", "step"]),
}


def history(count: int) -> optuna.Study:
    """A study with this many finished trials, spread over the space."""
    study = optuna.create_study(direction="maximize")
    for number in range(count):
        values = {
            "learning_rate": 10 ** (-4 + 3 * (number + 0.5) / count),
            "batch_size": 8 + number % 50,
            "patches": 100 + 50 * (number % 19),
            "strategy": ("constant", "step")[number % 2],
        }
        study.add_trial(optuna.trial.create_trial(params=values, distributions=SPACE, value=1 / (1 + abs(number - 7))))
    return study


def proposal(name: SamplerName, seed: int, trials: int, startup: int = 3) -> dict[str, Any]:
    study = history(trials)
    study.sampler = make_sampler(name, seed, startup)
    return study.ask(SPACE).params


@pytest.mark.parametrize("trials", [0, 12])
@pytest.mark.parametrize("name", INSTALLED)
def test_the_same_seed_and_history_propose_the_same(name: SamplerName, trials: int) -> None:
    first = proposal(name, 5, trials)
    assert proposal(name, 5, trials) == first
    assert all(space._contains(space.to_internal_repr(first[factor])) for factor, space in SPACE.items())


@pytest.mark.parametrize("name", INSTALLED)
def test_another_seed_proposes_something_else(name: SamplerName) -> None:
    assert proposal(name, 5, 12) != proposal(name, 6, 12)


@pytest.mark.parametrize("name", INSTALLED)
def test_users_are_not_warned_of_what_they_cannot_change(name: SamplerName, recwarn: pytest.WarningsRecorder) -> None:
    make_sampler(name, 0)
    assert not recwarn.list


def test_a_model_learns_only_after_the_startup_trials() -> None:
    few = [proposal("tpe", seed, 12, startup=13) for seed in range(30)]
    many = [proposal("tpe", seed, 12, startup=3) for seed in range(30)]
    best = 10 ** (-4 + 3 * 7.5 / 12)

    def distance(found: list[dict[str, Any]]) -> float:
        return sum(abs(values["learning_rate"] / best - 1) for values in found)

    assert distance(many) < distance(few)
