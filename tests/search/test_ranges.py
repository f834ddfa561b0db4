"""Ranges: which levels are level with the best, and how far around them stage 2 searches."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.search.ranges import ONE_SIDED_95, Level, Scale, best_level, level_with_best, middle, widened

OBJECTIVES = st.floats(0, 1)


def levels(*objectives: float, error: float = 0.0) -> list[Level]:
    return [Level(number, objective, error) for number, objective in enumerate(objectives)]


def chosen(found: list[Level], margin: float) -> list[object]:
    return [level.value for level in level_with_best(found, margin)]


def test_the_best_of_equals_is_the_first() -> None:
    assert best_level(levels(0.5, 0.9, 0.9)).value == 1


def test_no_levels_have_no_best() -> None:
    with pytest.raises(ValueError, match="empty"):
        best_level([])


@pytest.mark.parametrize(
    ("objectives", "margin", "expected"),
    [
        ((0.80, 0.90, 0.85), 0.0, [1]),
        ((0.80, 0.90, 0.85), 0.06, [1, 2]),
        ((0.80, 0.90, 0.85), 0.2, [0, 1, 2]),
        ((0.90, 0.85, 0.80), 0.06, [0, 1]),
        ((0.80, 0.85, 0.90), 0.06, [1, 2]),
    ],
)
def test_levels_within_the_margin_are_level(objectives: tuple[float, ...], margin: float, expected: list[int]) -> None:
    assert chosen(levels(*objectives), margin) == expected


def test_a_good_level_beyond_a_bad_one_is_taken_for_noise() -> None:
    assert chosen(levels(0.89, 0.5, 0.9, 0.5, 0.89), 0.02) == [2]


def test_levels_are_level_as_far_as_chance_explains_the_difference() -> None:
    error = 0.02
    explained = ONE_SIDED_95 * math.hypot(error, error)
    assert chosen(levels(0.9, 0.9 - 0.99 * explained, error=error), 0.0) == [0, 1]
    assert chosen(levels(0.9, 0.9 - 1.01 * explained, error=error), 0.0) == [0]


def test_the_larger_of_margin_and_chance_counts() -> None:
    uncertain = levels(0.9, 0.85, error=0.1)
    assert chosen(uncertain, 0.0) == chosen(uncertain, 0.06) == chosen(levels(0.9, 0.85), 0.06) == [0, 1]


@given(
    found=st.lists(st.tuples(OBJECTIVES, st.floats(0, 0.1)), min_size=1, max_size=8),
    margin=st.floats(0, 0.5),
    wider=st.floats(0, 0.5),
)
def test_what_is_level_lies_together_around_the_best_and_grows_with_the_margin(
    found: list[tuple[float, float]], margin: float, wider: float
) -> None:
    axis = [Level(number, objective, error) for number, (objective, error) in enumerate(found)]
    values = [int(level.value) for level in level_with_best(axis, margin)]
    assert values == list(range(values[0], values[-1] + 1))
    assert best_level(axis).value in values
    assert set(values) <= {int(level.value) for level in level_with_best(axis, margin + wider)}


def test_a_range_is_half_a_step_wider_to_either_side() -> None:
    assert widened([10, 20, 40, 80], (20, 40), (0, 100), "linear") == (15, 60)


def test_on_a_log_scale_half_a_step_is_half_a_factor() -> None:
    low, high = widened([0.001, 0.01, 0.1], (0.01, 0.01), (1e-9, 1), "log")
    assert low == pytest.approx(math.sqrt(0.001 * 0.01))
    assert high == pytest.approx(math.sqrt(0.01 * 0.1))


def test_where_the_axis_ends_there_is_no_step_and_the_end_stays() -> None:
    assert widened([10, 20, 40], (10, 40), (1, 100), "linear") == (10, 40)
    assert widened([20], (20, 20), (1, 100), "log") == (20, 20)


def test_a_range_stays_within_the_bounds() -> None:
    assert widened([10, 20, 40], (20, 20), (18, 22), "linear") == (18, 22)


@st.composite
def axes(draw: st.DrawFn) -> tuple[list[float], tuple[float, float], tuple[float, float], Scale]:
    """Ascending levels, what was chosen of them, bounds around them, and a scale."""
    values = sorted(draw(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=6, unique=True)))
    first = draw(st.integers(0, len(values) - 1))
    last = draw(st.integers(first, len(values) - 1))
    bounds = (draw(st.floats(1e-7, values[0])), draw(st.floats(values[-1], 1e7)))
    return values, (values[first], values[last]), bounds, draw(st.sampled_from(["linear", "log"]))


@given(axes())
def test_a_range_holds_what_was_chosen_lies_within_the_bounds_and_reaches_no_level_that_was_not(
    axis: tuple[list[float], tuple[float, float], tuple[float, float], Scale],
) -> None:
    values, (first, last), bounds, scale = axis
    low, high = widened(values, (first, last), bounds, scale)
    assert bounds[0] <= low <= first
    assert last <= high <= bounds[1]
    others = [value for value in values if not first <= value <= last]
    assert not [
        value
        for value in others
        if low < value < high
        and not math.isclose(value, low, rel_tol=1e-9)
        and not math.isclose(value, high, rel_tol=1e-9)
    ]


@given(axes())
def test_the_middle_lies_in_the_middle(
    axis: tuple[list[float], tuple[float, float], tuple[float, float], Scale],
) -> None:
    _, (low, high), _, scale = axis
    found = middle(low, high, scale)
    if scale == "log":
        assert math.log(found / low) == pytest.approx(math.log(high / found), abs=1e-6)
    else:
        assert found - low == pytest.approx(high - found)
