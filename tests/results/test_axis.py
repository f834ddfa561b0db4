"""A factor as an axis: where its values lie, and which ticks it has."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.reports.plot.axes import axis_layout
from hpo.reports.plot.figure import broken
from hpo.results.axis import factor_axis, round_numbers, share_of_range, tick_words
from hpo.results.study import StudyResults


def test_a_log_factor_has_equal_ratios_at_equal_distances(finished: StudyResults) -> None:
    axis = factor_axis(finished.settings, "learning_rate", [0.1, 0.001, 0.01])
    assert axis.log
    assert [axis.share(value) for value in (0.001, 0.01, 0.1)] == pytest.approx([0, 0.5, 1])
    assert [axis.at(share) for share in (0, 0.5, 1)] == pytest.approx([0.001, 0.01, 0.1])
    assert share_of_range(finished.settings, "learning_rate", 0.01, 0.001, 0.1) == pytest.approx(0.5)


def test_a_linear_factor_does_not(finished: StudyResults) -> None:
    axis = factor_axis(finished.settings, "epochs", [5, 40, 10])
    assert not axis.log
    assert (axis.share(12), axis.at(0.2)) == (0.2, 12)


def test_zero_is_on_no_log_axis(finished: StudyResults) -> None:
    assert not factor_axis(finished.settings, "learning_rate", [0.0, 0.1]).log


def test_words_keep_the_search_spaces_order(finished: StudyResults) -> None:
    axis = factor_axis(finished.settings, "strategy", ["step", "exponential", "constant", "unheard of"])
    assert axis.words == ("constant", "step", "exponential", "unheard of")
    assert axis.ticks()[1] == (1, "step")
    assert axis.share("exponential") == pytest.approx(2 / 3)
    assert factor_axis(finished.settings, "augmentation", [True, False]).ticks() == [(0, "no"), (1, "yes")]


def test_a_factor_without_a_value_has_no_axis(finished: StudyResults) -> None:
    with pytest.raises(ValueError, match="epochs has no value"):
        factor_axis(finished.settings, "epochs", [])


@pytest.mark.parametrize(
    ("factor", "ticks"),
    [
        ("batch_size", ["16", "32", "64", "128"]),
        ("patches", ["1k", "2k", "4k", "8k"]),
        ("epochs", ["5", "10", "20", "40"]),
        ("learning_rate", ["0.001", "0.01", "0.1"]),  # five would touch one another on a phone
    ],
)
def test_levels_are_the_ticks_where_there_is_room(finished: StudyResults, factor: str, ticks: list[str]) -> None:
    axis = factor_axis(finished.settings, factor, finished.settings.factors[factor].levels)
    assert [text for _, text in axis.ticks()] == ticks


def test_other_values_have_ticks_at_round_numbers(finished: StudyResults) -> None:
    axis = factor_axis(finished.settings, "batch_size", [17, 23, 32])
    assert axis.ticks() == [(20, "20"), (25, "25"), (30, "30")]
    assert axis_layout(axis)["tickvals"] == [20, 25, 30]


def test_one_tick_would_tell_no_scale(finished: StudyResults) -> None:
    axis = factor_axis(finished.settings, "learning_rate", [0.00482, 0.0101])
    assert axis.ticks() == [(0.005, "0.005"), (0.01, "0.01")]
    wide = factor_axis(finished.settings, "patches", [123_456.0, 1_345_678.0])
    assert len(wide.ticks()) >= 2


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), st.integers(2, 6), st.booleans())
def test_round_numbers_are_few_ascending_and_inside(low: float, ratio: float, most: int, log: bool) -> None:
    high = low * ratio
    found = round_numbers(low, high, most, log=log)
    assert len(found) <= most
    assert all(low <= number * (1 + 1e-9) and number <= high * (1 + 1e-9) for number in found)
    assert all(first < second for first, second in pairwise(found))


@pytest.mark.parametrize(
    ("low", "high", "log", "expected"),
    [
        (0, 40, False, [0, 10, 20, 30, 40]),
        (0.71, 0.93, False, [0.75, 0.8, 0.85, 0.9]),
        (0.0017, 0.0173, True, [0.002, 0.005, 0.01]),
        (1e-6, 1.0, True, [1e-6, 1e-4, 1e-2, 1]),
    ],
)
def test_round_numbers_as_a_person_would_choose_them(low: float, high: float, log: bool, expected: list[float]) -> None:
    assert round_numbers(low, high, 5, log=log) == pytest.approx(expected)


def test_numbers_are_short_and_long_names_broken_at_their_spaces() -> None:
    assert [tick_words(value) for value in (0.003, 64.0, 4000, 250_000, 4001)] == ["0.003", "64", "4k", "250k", "4,001"]
    assert broken("Learning-rate strategy", 14) == "Learning-rate<br>strategy"
    assert broken("a < b", 9) == "a &lt; b"
