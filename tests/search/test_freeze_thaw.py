"""The choice between paused trainings and a new one by a model of learning curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.recipe.point import Value
from hpo.search.freeze_thaw import most_promising
from hpo.search.history import Continue, Open, State, Training
from hpo.search.learning_curves import curve_model
from hpo.search.pool import PoolSettings, next_step
from hpo.search.propose import Searched
from tests.search.test_pool import SPACES

RUNGS = (1, 3, 9, 27)
POOL = PoolSettings(longest=27, group=6, design="freeze_thaw")


def power_law(end: float, drop: float, epochs: int) -> tuple[float, ...]:
    """Gains that rise to ``end``, with an exponent of a half."""
    return tuple(end - drop * epoch**-0.5 for epoch in range(1, epochs + 1))


def training(key: int | str, gains: tuple[float, ...], state: State = "paused", **fields: bool) -> Training:
    return Training(str(key), {"learning_rate": 0.01}, gains, state=state, target=len(gains), **fields)


def poor(count: int, epochs: int = 1) -> list[Training]:
    return [training(f"poor {number}", power_law(0.5 + number / 100, 0.2, epochs)) for number in range(count)]


STATES = st.sampled_from(["paused", "running", "failed"])
GAINS = st.lists(st.one_of(st.floats(-2, 2), st.sampled_from([math.nan, math.inf, -math.inf, -1e300])), max_size=27)
POOLS = st.lists(st.tuples(GAINS, STATES, st.booleans()), max_size=12)


@settings(max_examples=150, deadline=None)
@given(POOLS, st.integers(1, 3), st.booleans())
def test_whatever_happened_the_step_is_one_that_may_be_taken(
    found: list[tuple[list[float], State, bool]], smoothing: int, may_open: bool
) -> None:
    pool = [training(key, tuple(gains), state, given=late) for key, (gains, state, late) in enumerate(found)]
    step = most_promising(RUNGS, smoothing, pool, may_open=may_open)
    assert step == most_promising(RUNGS, smoothing, pool, may_open=may_open)
    finite = [one for one in pool if one.gains and all(map(math.isfinite, one.gains[-smoothing:]))]
    ready = {one.key: one for one in finite if one.state == "paused" and one.epochs < 27}
    if step is None:
        assert may_open or not ready
        return
    assert step.epochs == next(rung for rung in RUNGS if rung > ready[step.key].epochs)


def test_the_better_of_two_that_are_as_long_continues_first() -> None:
    pool = [*poor(7), training("good", (0.9,)), training("fair", (0.6,))]
    assert most_promising(RUNGS, 1, pool) == Continue("good", 3)


def test_of_two_that_stand_level_the_one_that_still_rises_continues() -> None:
    flat = training("flat", (0.7, 0.7, 0.7))
    rising = training("rising", (0.4, 0.55, 0.7))
    assert most_promising(RUNGS, 1, [*poor(6), flat, rising]) == Continue("rising", 9)


def test_a_training_without_prospect_is_left_for_a_new_one() -> None:
    done = [training(number, power_law(0.9, 0.3, 27)) for number in range(3)]
    hopeless = [training(f"hopeless {number}", (0.01 * number, 0.01 * number, 0.01 * number)) for number in range(9)]
    assert most_promising(RUNGS, 1, [*done, *hopeless]) is None
    assert most_promising(RUNGS, 1, [*done, *hopeless], may_open=False) == Continue("hopeless 8", 9)


@pytest.mark.parametrize("state", ["running", "failed"])
def test_the_best_does_not_continue_while_it_runs_or_once_it_failed(state: State) -> None:
    pool = [*poor(7), training("best", (0.9,), state)]
    step = most_promising(RUNGS, 1, pool, may_open=False)
    assert isinstance(step, Continue)
    assert step.key != "best"


def test_divergence_by_any_amount_weighs_the_same() -> None:
    sane = [*poor(7), training("good", (0.9,))]
    steps = [most_promising(RUNGS, 1, [*sane, training("far", (-worst,))]) for worst in (1e3, 1e30, math.inf)]
    assert steps == [Continue("good", 3)] * 3


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("shift", [-5.0, 0.0])
def test_the_choice_does_not_depend_on_the_unit_of_the_objective(unit: float, shift: float) -> None:
    pool = [*poor(5, 3), training("good", power_law(0.9, 0.3, 3)), *poor(4), training("new", (0.55,))]
    moved = [replace(one, gains=tuple(unit * gain + shift for gain in one.gains)) for one in pool]
    assert most_promising(RUNGS, 1, moved) == most_promising(RUNGS, 1, pool)


def test_the_model_learns_how_gains_go_on() -> None:
    before = curve_model(RUNGS, 1, poor(20))
    seen = [training(number, power_law(0.7 + number / 50, 0.2 + number / 100, 27)) for number in range(12)]
    model = curve_model(RUNGS, 1, [*poor(40), *seen])
    assert model.variance < before.variance / 5
    new = training("new", power_law(0.9, 0.2, 9))
    ahead = math.log(3)
    value, gain = model.standing(new, 9, 1)
    predicted = value + ahead * float(model.coefficients @ [1.0, value, gain])
    told = model.best + model.spread * predicted
    assert told == pytest.approx(power_law(0.9, 0.2, 27)[-1], abs=0.02)


def test_expected_improvements_are_those_of_draws() -> None:
    model = curve_model(RUNGS, 1, poor(8, 3))
    standings = np.array([model.standing(one, 3, 1) for one in poor(8, 3)[-2:]])
    (exact,) = model.improvements(standings[:1], np.array([3.0]), np.array([9.0]))
    rng = np.random.default_rng(0)
    inputs = np.array([1.0, *standings[0]])
    drawn = rng.multivariate_normal(model.coefficients, model.variance * model.covariance, 200_000) @ inputs
    ahead = math.log(3)
    noise = math.sqrt(model.variance * ahead) * rng.standard_normal(200_000)
    assert np.maximum(0, standings[0, 0] + ahead * drawn + noise).mean() == pytest.approx(exact[0], rel=0.02)
    assert model.improvements(standings, np.array([3.0, 9.0]), np.array([3.0, 9.0]))[:, 0].tolist() == [0.0, 0.0]


def test_nothing_continues_from_nothing() -> None:
    assert most_promising(RUNGS, 1, []) is None
    assert most_promising((27,), 1, poor(3, 27)) is None
    assert most_promising(RUNGS, 1, [training(0, (math.nan,)), training(1, ())], may_open=False) is None


def played(curve: Callable[[Mapping[str, Value], int], tuple[float, ...]], steps: int) -> list[Training]:
    trainings: list[Training] = []
    for number in range(steps):
        step = next_step(POOL, Searched(SPACES), trainings, number)
        if isinstance(step, Open):
            gains = curve(step.values, step.epochs)
            trainings.append(Training(str(len(trainings)), step.values, gains, target=step.epochs))
        else:
            assert isinstance(step, Continue)
            at = int(step.key)
            gains = curve(trainings[at].values, step.epochs)
            trainings[at] = replace(trainings[at], gains=gains, target=step.epochs)
    return trainings


def test_slow_starters_that_end_best_are_found() -> None:
    def crossing(values: Mapping[str, Value], epochs: int) -> tuple[float, ...]:
        """Low rates start lower and rise for longer."""
        slow = -math.log10(float(values["learning_rate"])) / 4
        return tuple(0.5 + 0.4 * slow - 0.5 * slow * epoch**-0.5 for epoch in range(1, epochs + 1))

    pool = played(crossing, 60)
    whole = [one for one in pool if one.epochs == 27]
    assert len(whole) < len(pool) / 2
    best = max(crossing(one.values, 27)[-1] for one in pool)
    assert max(one.gains[-1] for one in whole) > best - 0.05
