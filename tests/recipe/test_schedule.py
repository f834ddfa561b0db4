"""The four strategies against their equations (Johny et al. 2021, section 3.3)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.schedule import STRATEGIES, Strategy, StrategyName

rates = st.floats(1e-5, 1.0)
steps = st.integers(0, 100_000)
epochs = st.integers(0, 1000)


@given(rates, steps, epochs)
def test_constant_never_changes(initial: float, step: int, epoch: int) -> None:
    assert Strategy("constant").schedule(initial)(step, epoch) == initial


@given(rates, steps, epochs, st.floats(0, 1))
def test_time_based_is_equation_1(initial: float, step: int, epoch: int, decay: float) -> None:
    assert Strategy("time_based", decay=decay).schedule(initial)(step, epoch) == pytest.approx(
        initial / (1 + decay * step)
    )


@given(rates, steps, epochs, st.floats(0.1, 1), st.integers(1, 200))
def test_step_is_equation_2(initial: float, step: int, epoch: int, factor: float, every: int) -> None:
    expected = initial * factor ** math.floor((1 + epoch) / every)
    assert Strategy("step", factor=factor, every=every).schedule(initial)(step, epoch) == pytest.approx(expected)


@given(rates, steps, epochs, st.floats(0, 0.5))
def test_exponential_is_equation_3(initial: float, step: int, epoch: int, rate: float) -> None:
    expected = initial * math.e ** (-rate * epoch)
    assert Strategy("exponential", rate=rate).schedule(initial)(step, epoch) == pytest.approx(expected)


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
    assert strategy.schedule(0.1)(step, epoch) == pytest.approx(expected)


@pytest.mark.parametrize("name", STRATEGIES)
@given(rates, st.integers(0, 1000), st.integers(0, 100))
def test_no_schedule_ever_rises(name: StrategyName, initial: float, step: int, epoch: int) -> None:
    schedule = Strategy(name, every=3).schedule(initial)
    assert schedule(step + 1, epoch + 1) <= schedule(step, epoch) <= initial


def test_each_strategy_names_only_the_parameters_that_it_uses() -> None:
    used = {name: set(Strategy(name).parameters()) for name in STRATEGIES}
    assert used == {"constant": set(), "time_based": {"decay"}, "step": {"factor", "every"}, "exponential": {"rate"}}
