"""The probability that a training after tuning is better than one before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm

from hpo.evaluation.improvement import probability_of_improvement

values = st.lists(st.sampled_from([0.8, 0.85, 0.9, 0.95]), min_size=1, max_size=6).map(np.array)


@given(values, values)
def test_it_is_the_mann_whitney_statistic_as_a_share_of_the_pairs(before: np.ndarray, after: np.ndarray) -> None:
    found = probability_of_improvement(before, after)
    assert found.probability == pytest.approx(mannwhitneyu(after, before).statistic / (len(before) * len(after)))
    assert 0 <= found.low <= found.probability <= found.high <= 1


def test_the_ends_are_as_far_away_as_the_variance_supposed_there_allows() -> None:
    # Hanley and McNeil 1982 give the variance of a supposed area; Newcombe 2006 takes the mean number for both.
    found = probability_of_improvement(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.5, 3.5, 4.5, 5.5]))
    assert found.probability == 13 / 16
    for end in (found.low, found.high):
        first, second = end / (2 - end), 2 * end**2 / (1 + end)
        variance = (end * (1 - end) + 3 * (first - end**2) + 3 * (second - end**2)) / 16
        assert abs(found.probability - end) == pytest.approx(norm.ppf(0.975) * np.sqrt(variance))


def test_one_training_of_each_says_next_to_nothing() -> None:
    found = probability_of_improvement(np.array([0.8]), np.array([0.9]))
    z = norm.ppf(0.975)
    assert (found.probability, found.high) == (1, 1)
    assert found.low == pytest.approx(1 / (1 + z**2))  # Wilson's lower end of one success in one trial


def test_the_more_trainings_are_all_better_the_surer_it_is() -> None:
    lows = [probability_of_improvement(np.arange(size), 100 + np.arange(size)).low for size in (1, 2, 3, 5, 10, 50)]
    assert np.all(np.diff(lows) > 0)
    assert 0.6 < lows[3] < 0.7
    assert lows[-1] > 0.93


def test_about_95_of_100_intervals_hold_the_true_probability() -> None:
    random = np.random.default_rng(1)
    truth = norm.cdf(1 / np.sqrt(2))
    found = [probability_of_improvement(random.normal(size=5), random.normal(1, 1, size=5)) for _ in range(1000)]
    assert 930 <= sum(one.low <= truth <= one.high for one in found) <= 980
