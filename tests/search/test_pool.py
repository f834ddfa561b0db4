"""A pool's decisions: pure, asynchronous, never twice the same, never beyond the end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.recipe.conditions import applicable
from hpo.recipe.point import Value
from hpo.search.halving import promotable
from hpo.search.history import Continue, Open, Training
from hpo.search.pool import PoolSettings, finishing_step, next_step
from hpo.search.propose import Searched
from hpo.search.spaces import Space

SPACES: dict[str, Space] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "batch_size": IntDistribution(8, 64, log=True),
    "strategy": CategoricalDistribution(["constant", "step"]),
}
POOL = PoolSettings(longest=27, group=6)


def curve(values: Mapping[str, Value], epochs: int) -> tuple[float, ...]:
    """Better the nearer the learning rate is to 0.01, and with every epoch."""
    off = abs(math.log10(float(values["learning_rate"])) + 2)
    return tuple(1 - 0.2 * off - 0.5 / (1 + epoch) for epoch in range(1, epochs + 1))


def played(pool: PoolSettings, steps: int, workers: int, seed: int = 0) -> list[Training]:
    """A pool worked by so many workers, which finish in a random order."""
    rng, trainings, running = np.random.default_rng(seed), [], []
    for number in range(steps):
        if len(running) == workers:
            key = running.pop(int(rng.integers(len(running))))
            at = int(key)
            one = trainings[at]
            trainings[at] = replace(one, state="paused", gains=curve(one.values, one.target))
        step = next_step(pool, Searched(SPACES), trainings, seed * 1000 + number)
        if isinstance(step, Open):
            trainings.append(Training(str(len(trainings)), step.values, (), state="running", target=step.epochs))
            running.append(trainings[-1].key)
        elif isinstance(step, Continue):
            at = int(step.key)
            assert trainings[at].state == "paused"
            assert trainings[at].epochs < step.epochs <= pool.longest
            trainings[at] = replace(trainings[at], state="running", target=step.epochs)
            running.append(step.key)
    return trainings


def test_rungs_grow_by_a_factor_to_the_longest_training() -> None:
    assert PoolSettings(longest=27).rungs == (1, 3, 9, 27)
    assert PoolSettings(longest=16).rungs == (1, 3, 9, 16)
    assert PoolSettings(longest=1).rungs == (1,)


@given(st.integers(1, 200), st.integers(1, 20), st.integers(2, 5))
def test_rungs_ascend_and_end_at_the_longest_training(longest: int, first: int, eta: int) -> None:
    rungs = PoolSettings(longest=longest, first=first, eta=eta).rungs
    assert list(rungs) == sorted(set(rungs))
    assert rungs[-1] == longest


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 4), st.integers(0, 100))
def test_any_number_of_workers_is_told_what_only_one_may_do(workers: int, seed: int) -> None:
    trainings = played(POOL, 40, workers, seed)
    opened = [tuple(sorted(one.values.items())) for one in trainings]
    assert len(set(opened)) == len(opened)
    assert max(one.epochs for one in trainings) > 3
    assert sum(one.target >= 9 for one in trainings) < len(trainings) / 2


def test_a_decision_is_a_function_of_history_and_seed() -> None:
    trainings = played(POOL, 30, 2)
    assert next_step(POOL, Searched(SPACES), trainings, 5) == next_step(POOL, Searched(SPACES), trainings, 5)
    opened = [next_step(replace(POOL, eta=1000), Searched(SPACES), trainings, seed) for seed in (5, 6)]
    assert opened[0] != opened[1]


def test_given_values_are_opened_first_and_once() -> None:
    given_values = {"learning_rate": 0.03, "batch_size": 32, "strategy": "step"}
    step = next_step(POOL, Searched(SPACES), [], 0, [given_values])
    assert step == Open(given_values, 1)
    running = Training("0", given_values, (), state="running", target=1)
    following = next_step(POOL, Searched(SPACES), [running], 0, [given_values])
    assert isinstance(following, Open)
    assert following.values != given_values


def test_a_diverged_training_is_the_worst_and_never_goes_on() -> None:
    values = [{"learning_rate": rate, "batch_size": 32, "strategy": "step"} for rate in (0.1, 0.01, 0.001)]
    trainings = [
        Training("0", values[0], (math.nan,), state="failed"),
        Training("1", values[1], (0.6,)),
        Training("2", values[2], (math.nan,)),
    ]
    assert next_step(replace(POOL, group=3), Searched(SPACES), trainings, 0) == Continue("1", 3)
    assert isinstance(next_step(POOL, Searched(SPACES), [trainings[0], trainings[2]], 0), Open)


def test_a_group_is_compared_before_any_goes_on() -> None:
    assert [PoolSettings(longest=16).first_group, PoolSettings(longest=16, first=2).first_group] == [16, 8]
    two = [Training("0", {"learning_rate": 0.03}, (0.6,)), Training("1", {"learning_rate": 0.02}, (0.7,))]
    assert isinstance(next_step(replace(POOL, group=3), Searched(SPACES), two, 0), Open)
    assert next_step(replace(POOL, group=2), Searched(SPACES), two, 0) == Continue("1", 3)


def test_the_best_of_two_goes_on_and_a_single_one_waits() -> None:
    one = Training("0", {"learning_rate": 0.03}, (0.6,))
    assert promotable((1, 3, 9), 3, 1, [one], at_least=1, of=2) is None
    assert promotable((1, 3, 9), 3, 1, [one, replace(one, key="1", gains=(0.5,))], at_least=1, of=2) == Continue("0", 3)


def test_a_given_training_is_compared_but_makes_no_room() -> None:
    given_ones = [Training(str(n), {"learning_rate": 0.01 + n / 100}, (0.5, 0.5, 0.9), given=True) for n in range(9)]
    own = [
        Training(name, {"learning_rate": 0.2}, gains)
        for name, gains in (("a", (0.5, 0.5, 0.6)), ("b", (0.5, 0.5, 0.7)))
    ]
    assert promotable((1, 3, 9), 3, 1, given_ones, at_least=1, of=2) is None
    assert promotable((1, 3, 9), 3, 1, [*given_ones, *own], at_least=1, of=2) == Continue("0", 9)
    assert isinstance(next_step(POOL, Searched(SPACES), given_ones, 0), Open)


def test_a_finite_space_comes_to_an_end() -> None:
    searched = Searched({"strategy": CategoricalDistribution(["constant", "step"])})
    pool = PoolSettings(longest=2)
    trainings = [Training(name, {"strategy": name}, (0.5, 0.6)) for name in ("constant", "step")]
    assert next_step(pool, searched, trainings, 0) is None
    assert next_step(pool, searched, [trainings[0], replace(trainings[1], gains=(0.5,))], 0) == Continue("step", 2)


@pytest.mark.parametrize("count", [300])
def test_a_decision_takes_milliseconds(count: int) -> None:
    rng = np.random.default_rng(0)
    trainings = []
    for number in range(count):
        values = {
            "learning_rate": float(10 ** rng.uniform(-4, -1)),
            "batch_size": int(rng.integers(8, 64)),
            "strategy": "step",
        }
        trainings.append(Training(str(number), values, curve(values, int(rng.choice([1, 3, 9])))))
    pool = replace(POOL, eta=1000)
    next_step(pool, Searched(SPACES), trainings, 0)
    seconds = []
    for seed in range(5):
        start = time.process_time()
        next_step(pool, Searched(SPACES), trainings, seed)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5


CONDITIONAL: dict[str, Space] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "optimizer": CategoricalDistribution(["adam", "sgd"]),
    "momentum": FloatDistribution(0.0, 0.99),
}


def applied(values: Mapping[str, Value]) -> dict[str, Value]:
    return applicable(values, {"momentum": {"optimizer": ("sgd",)}})


@pytest.mark.parametrize("prior", [{}, {"optimizer": "sgd", "momentum": 0.8}])
def test_a_pool_proposes_values_where_they_apply_and_learns_from_both_kinds(prior: dict[str, Value]) -> None:
    searched, trainings = Searched(CONDITIONAL, prior, applied=applied), list[Training]()
    for number in range(40):
        step = next_step(PoolSettings(longest=1), searched, trainings, number)
        assert isinstance(step, Open)
        values = step.values
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        gain = float(values.get("momentum", 0.2))
        trainings.append(Training(str(number), values, (gain,), target=1))
    late = [float(one.values["momentum"]) for one in trainings[20:] if "momentum" in one.values]
    assert 5 <= len(late) < 20
    assert sum(late) / len(late) > 0.55


def paused(key: str, *gains: float) -> Training:
    return Training(key, {"learning_rate": float(key)}, gains)


def test_the_rest_of_a_budget_brings_the_best_of_the_highest_rung_to_the_end_then_the_next_best() -> None:
    pool = PoolSettings(longest=9)
    trainings = [paused("1", 0.7), paused("2", 0.8), paused("3", 0.6, 0.7, 0.75), paused("4", 0.6, 0.7, 0.71)]
    order = []
    while step := finishing_step(pool, trainings):
        order.append((step.key, step.epochs))
        one = trainings[int(step.key) - 1]
        worse = [one.gains[-1] - 0.1] * (step.epochs - one.epochs)
        trainings[int(step.key) - 1] = replace(one, gains=(*one.gains, *worse))
    assert order == [("3", 9), ("2", 3), ("4", 9), ("1", 3), ("2", 9), ("1", 9)]


def test_the_rest_of_a_budget_waits_for_what_may_be_better() -> None:
    pool = PoolSettings(longest=9)
    running = replace(paused("1"), state="running", target=1)
    assert finishing_step(pool, [running, paused("2", 0.8), paused("3", 0.7)]) is None
    three = [running, paused("2", 0.8), paused("3", 0.7), paused("4", 0.7)]
    assert finishing_step(pool, three) == Continue("2", 3), "one of three continues anyway"
    assert finishing_step(pool, [replace(running, state="failed")]) is None
