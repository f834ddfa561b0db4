"""The strategies against their equations (the first four: Johny et al. 2021, section 3.3)."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.schedule import STRATEGIES, Strategy, StrategyName, strategy_from_json, strategy_to_json

rates = st.floats(1e-5, 1.0)
steps = st.integers(0, 100_000)
epochs = st.integers(0, 1000)


@given(rates, steps, epochs)
def test_constant_never_changes(initial: float, step: int, epoch: int) -> None:
    assert Strategy("constant").schedule(initial, 10)(step, epoch) == initial


@given(rates, steps, epochs, st.floats(0, 1))
def test_time_based_is_equation_1(initial: float, step: int, epoch: int, decay: float) -> None:
    assert Strategy("time_based", decay=decay).schedule(initial, 10)(step, epoch) == pytest.approx(
        initial / (1 + decay * step)
    )


@given(rates, steps, epochs, st.floats(0.1, 1), st.integers(1, 200))
def test_step_is_equation_2(initial: float, step: int, epoch: int, factor: float, every: int) -> None:
    expected = initial * factor ** math.floor((1 + epoch) / every)
    assert Strategy("step", factor=factor, every=every).schedule(initial, 10)(step, epoch) == pytest.approx(expected)


@given(rates, steps, epochs, st.floats(0, 0.5))
def test_exponential_is_equation_3(initial: float, step: int, epoch: int, rate: float) -> None:
    expected = initial * math.e ** (-rate * epoch)
    assert Strategy("exponential", rate=rate).schedule(initial, 10)(step, epoch) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("strategy", "step", "epoch", "expected"),
    [
        (Strategy("time_based", decay=1e-2), 100, 0, 0.05),
        (Strategy("step", factor=0.5, every=10), 0, 8, 0.1),
        (Strategy("step", factor=0.5, every=10), 0, 9, 0.05),  # one epoch early, as the equation is printed
        (Strategy("step", factor=0.5, every=10), 0, 19, 0.025),
        (Strategy("exponential", rate=math.log(2)), 0, 1, 0.05),
    ],
)
def test_values_worked_out_by_hand(strategy: Strategy, step: int, epoch: int, expected: float) -> None:
    assert strategy.schedule(0.1, 10)(step, epoch) == pytest.approx(expected)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "one_cycle"])
@given(rates, st.integers(0, 1000), st.integers(0, 100))
def test_no_schedule_but_one_cycle_ever_rises(name: StrategyName, initial: float, step: int, epoch: int) -> None:
    schedule = Strategy(name, every=3).schedule(initial, 10)
    assert schedule(step + 1, epoch + 1) <= schedule(step, epoch) <= initial


STEPS = 7


def over_epochs(strategy: Strategy, epochs: int, initial: float = 0.2) -> list[float]:
    """The rate of every step, as training asks for it."""
    schedule = strategy.schedule(initial, STEPS)
    return [schedule(step, step // STEPS) for step in range(epochs * STEPS)]


def test_cosine_is_half_a_cosine_step_by_step_and_stays_at_its_end() -> None:
    found = over_epochs(Strategy("cosine", cosine_over=4, cosine_end=0.1), 6)
    shares = (1 + np.cos(np.pi * np.arange(4 * STEPS) / (4 * STEPS))) / 2
    assert found[: 4 * STEPS] == pytest.approx(0.02 + 0.18 * shares)
    assert found[4 * STEPS :] == pytest.approx([0.02] * 2 * STEPS)
    assert len(set(found)) == 4 * STEPS + 1


def test_one_cycle_rises_to_the_rate_and_falls_to_nearly_none() -> None:
    found = over_epochs(Strategy("one_cycle", cycle_over=10, cycle_rise=0.2), 12)
    top = 2 * STEPS
    assert found[0] == pytest.approx(0.2 / 25)
    assert found[top // 2] == pytest.approx((0.2 / 25 + 0.2) / 2)
    assert found.index(max(found)) == top
    assert found[top] == pytest.approx(0.2)
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert found[10 * STEPS :] == pytest.approx([0.2 / 250_000] * 2 * STEPS)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "one_cycle"])
def test_a_warm_up_rises_evenly_and_then_the_strategy_begins(name: StrategyName) -> None:
    parameters = {"decay": 0.01, "every": 2, "rate": 0.3}
    found = over_epochs(Strategy(name, cosine_over=8, warm_ups=((name, 3),), **parameters), 9)  # type: ignore[arg-type]
    rising = 3 * STEPS
    assert found[:rising] == pytest.approx([0.2 * (step + 1) / (rising + 1) for step in range(rising)])
    assert found[rising:] == pytest.approx(over_epochs(Strategy(name, cosine_over=5, **parameters), 6))  # type: ignore[arg-type]


def test_a_warm_up_of_another_strategy_is_none() -> None:
    assert over_epochs(Strategy("step", warm_ups=(("cosine", 3),)), 4) == over_epochs(Strategy("step"), 4)


def test_each_strategy_names_only_the_parameters_that_it_uses() -> None:
    used = {name: set(Strategy(name, warm_ups=(("cosine", 2),)).parameters()) for name in STRATEGIES}
    assert used == {
        "constant": set(),
        "time_based": {"decay"},
        "step": {"factor", "every"},
        "exponential": {"rate"},
        "cosine": {"over", "end", "warm_up"},
        "one_cycle": {"over", "rise"},
    }


def test_what_was_added_later_is_written_where_it_is_not_usual() -> None:
    assert strategy_to_json(Strategy("step")) == {
        "name": "step",
        "decay": 1e-4,
        "factor": 0.5,
        "every": 100,
        "rate": 0.05,
    }
    unusual = Strategy("cosine", cosine_over=12, cycle_rise=0.4, warm_ups=(("constant", 1), ("cosine", 2)))
    assert strategy_from_json(json.loads(json.dumps(strategy_to_json(unusual)))) == unusual
