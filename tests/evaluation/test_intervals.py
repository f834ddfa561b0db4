"""BCa intervals: the published example, SciPy's, and what few units change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, t

from hpo.evaluation.intervals import (
    bca_interval,
    jackknife_influence,
    jackknife_variance,
    multi_sample_acceleration,
    outward_stretch,
)
from tests.evaluation.made import Array

# Efron and Tibshirani 1993, table 14.1: spatial test A of 26 neurologically impaired children.
CHILDREN = np.array(
    [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41], float
)


def _without_each(sample: Array) -> Array:
    return np.array([np.var(np.delete(sample, index)) for index in range(len(sample))])


def test_the_acceleration_is_that_of_the_published_example() -> None:
    assert np.var(CHILDREN) == pytest.approx(171.5, abs=0.05)
    found = multi_sample_acceleration(jackknife_influence(_without_each(CHILDREN)))
    assert found == pytest.approx(0.061, abs=5e-4)  # their section 14.3


def test_the_interval_is_that_of_the_published_example() -> None:
    random = np.random.default_rng(0)
    drawn = np.var(random.choice(CHILDREN, (40_000, 26)), axis=1)
    acceleration = multi_sample_acceleration(jackknife_influence(_without_each(CHILDREN)))
    found = bca_interval(float(np.var(CHILDREN)), drawn, acceleration, levels=(0.05, 0.95))
    # Their table 14.2, of 2,000 resamples; the plain percentile interval there is 100.8 to 233.9.
    assert found == pytest.approx((115.8, 259.6), rel=0.02)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_two_samples_it_is_scipys(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.exponential(size=12), random.gamma(2, size=17)

    def ratio(one: Array, other: Array, axis: int = -1) -> Array:
        return np.asarray(np.mean(one, axis=axis) / np.mean(other, axis=axis))

    theirs = bootstrap((first, second), ratio, method="BCa", n_resamples=999, rng=random)
    influences = (
        jackknife_influence(np.array([ratio(np.delete(first, index), second) for index in range(12)])),
        jackknife_influence(np.array([ratio(first, np.delete(second, index)) for index in range(17)])),
    )
    value = float(ratio(first, second))
    ours = bca_interval(value, theirs.bootstrap_distribution, multi_sample_acceleration(*influences))
    assert ours == pytest.approx(theirs.confidence_interval)


def test_few_units_take_the_ends_outwards_and_the_corrections_back() -> None:
    drawn = np.random.default_rng(2).gamma(4.0, 0.25, 20_000)
    percentiles = np.quantile(drawn, (0.025, 0.975))
    low, high = bca_interval(1.0, drawn, 0.1, freedom=4)
    stretch = t.ppf(0.975, 4) / 1.959964
    assert (low, high) == pytest.approx(tuple(1 + stretch * (percentiles - 1)), abs=0.06)
    many, all_of_it = (bca_interval(1.0, drawn, 0.1, freedom=freedom) for freedom in (1e6, np.inf))
    assert many == pytest.approx(all_of_it, abs=1e-3)
    assert low < percentiles[0] < all_of_it[0]


def test_resamples_that_are_level_but_for_rounding_count_one_half() -> None:
    drawn = np.repeat([0.6, 0.7, 0.8], 100)
    level = 0.1 + 0.2 + 0.4  # not quite 0.7
    assert bca_interval(level, drawn, 0.0) == pytest.approx((0.6, 0.8))
    assert bca_interval(level, -drawn + 2 * level, 0.0) == pytest.approx((0.6, 0.8))


def test_where_nothing_varies_there_is_a_point() -> None:
    assert bca_interval(0.25, np.full(50, 0.25), multi_sample_acceleration(np.zeros(9)), freedom=8) == (0.25, 0.25)


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=40),
    st.floats(-1, 1),
    st.floats(-1 / 6, 1 / 6),
    st.sampled_from([1.0, 4.0, 50.0, np.inf]),
)
def test_the_value_is_never_outside(drawn: list[float], value: float, acceleration: float, freedom: float) -> None:
    low, high = bca_interval(value, np.array(drawn), acceleration, freedom=freedom)
    assert np.isfinite(low)
    assert np.isfinite(high)
    assert low <= value <= high


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_no_sample_accelerates_by_more_than_a_sixth(moves: list[float]) -> None:
    assert abs(multi_sample_acceleration(np.array(moves))) <= 1 / 6 + 1e-12


def test_the_jackknife_of_a_mean_is_its_variance() -> None:
    left_out = np.array([np.mean(np.delete(CHILDREN, index)) for index in range(26)])
    variance, _ = jackknife_variance(jackknife_influence(left_out))
    assert variance == pytest.approx(np.var(CHILDREN, ddof=1) / 26)


def test_degrees_of_freedom_are_those_of_the_units_that_matter() -> None:
    random = np.random.default_rng(5)
    equal = [jackknife_variance(random.normal(size=100))[1] for _ in range(200)]
    assert 90 < np.mean(equal) <= 99
    sizes = np.repeat([10.0, 0.1], [8, 92])
    unequal = [jackknife_variance(sizes * random.normal(size=100))[1] for _ in range(200)]
    assert 6 < np.mean(unequal) < 12
    assert jackknife_variance(np.array([1.0, -1.0, 0.0, 0.0, 0.0])) == (2.5, 4)
    assert jackknife_variance(np.zeros(5)) == (0, 4)


def test_the_stretch_is_students() -> None:
    assert outward_stretch(2.0) == pytest.approx(4.303 / 1.960, abs=1e-3)
    assert outward_stretch(np.inf) == pytest.approx(1.0)
