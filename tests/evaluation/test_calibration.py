"""Calibration: scikit-learn's scores and bins, and intervals that know how many independent patches there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from hpo.evaluation.calibration import calibrate
from tests.evaluation.made import Array, Labels, predict, split


def _calibrated(patches: int, seed: int) -> tuple[Labels, Array]:
    """Probabilities that are true, of one seed."""
    random = np.random.default_rng(seed)
    probabilities = random.random(patches)
    return (random.random(patches) < probabilities).astype(np.uint8), probabilities[None]


def test_scores_are_means_over_the_seeds_of_scikit_learns() -> None:
    labels = split(300)
    rows = predict(labels, 1.5, 3, 1)
    found = calibrate(labels, rows)
    assert found.brier == pytest.approx(np.mean([brier_score_loss(labels, row) for row in rows]))
    assert found.nll == pytest.approx(np.mean([log_loss(labels, row) for row in rows]))


def test_bins_are_scikit_learns_of_equal_counts() -> None:
    labels = split(500)
    rows = predict(labels, 1.5, 1, 2)
    found = calibrate(labels, rows, bins=8)
    observed, predicted = calibration_curve(labels, rows[0], n_bins=8, strategy="quantile")
    assert [one.observed for one in found.bins] == pytest.approx(list(observed))
    assert [one.mean_probability for one in found.bins] == pytest.approx(list(predicted))
    assert all(abs(one.count - 500 / 8) <= 1 for one in found.bins)


def test_the_expected_calibration_error_by_hand() -> None:
    labels = np.array([0, 1, 0, 1, 1, 1])
    probabilities = np.array([[0.1, 0.2, 0.3, 0.6, 0.7, 0.8]])
    found = calibrate(labels, probabilities, bins=2)
    # Observed 1/3 against 0.2, and 1 against 0.7, three patches each.
    assert found.ece == pytest.approx((2 / 15 + 3 / 10) / 2)
    assert [one.count for one in found.bins] == [3, 3]
    assert [(one.low, one.high) for one in found.bins] == [pytest.approx((0.1, 0.45)), pytest.approx((0.45, 0.8))]


def test_a_seed_that_says_too_much_is_not_made_good_by_one_that_says_too_little() -> None:
    labels = np.repeat([0, 1], 100)
    rows = np.array([np.full(200, 0.4), np.full(200, 0.6)])
    assert calibrate(labels, rows).ece == pytest.approx(0.1)


def test_the_interval_of_independent_patches_is_wilsons() -> None:
    labels, rows = _calibrated(2000, 3)
    for one in calibrate(labels, rows).bins:
        wilson = binomtest(round(one.observed * one.count), one.count).proportion_ci(method="wilson")
        assert (one.lower, one.upper) == pytest.approx(tuple(wilson), abs=2e-3)


def test_seeds_that_say_the_same_do_not_make_it_narrower() -> None:
    labels, rows = _calibrated(500, 4)
    once, thrice = calibrate(labels, rows), calibrate(labels, np.repeat(rows, 3, axis=0))
    for one, same in zip(once.bins, thrice.bins, strict=True):
        assert same.count == 3 * one.count
        assert (same.lower, same.upper) == pytest.approx((one.lower, one.upper), abs=0.01)


def test_slides_that_are_right_or_wrong_as_a_whole_make_it_wider() -> None:
    random = np.random.default_rng(5)
    slides = np.repeat(np.arange(40), 25)
    labels = (random.random(40) < 0.5).astype(np.uint8)[slides]
    rows = random.uniform(0.4, 0.6, 1000)[None]
    plain, clustered = (calibrate(labels, rows, bins=2, slides=given) for given in (None, slides))
    for one, other in zip(plain.bins, clustered.bins, strict=True):
        assert other.upper - other.lower > 2.5 * (one.upper - one.lower)


def test_about_95_of_100_intervals_hold_the_probability_of_a_calibrated_network() -> None:
    bins = [one for seed in range(60) for one in calibrate(*_calibrated(400, seed)).bins]
    covered = sum(one.lower <= one.mean_probability <= one.upper for one in bins)
    assert binomtest(covered, len(bins), 0.95).pvalue > 0.001


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.5, 1.0])), min_size=1, max_size=30))
def test_every_prediction_is_in_one_bin_and_every_share_in_its_interval(pairs: list[tuple[int, float]]) -> None:
    labels, probabilities = (np.array(column) for column in zip(*pairs, strict=True))
    found = calibrate(labels, probabilities[None].astype(float), bins=5)
    assert sum(one.count for one in found.bins) == len(pairs)
    for one in found.bins:
        assert one.low - 1e-12 <= one.mean_probability <= one.high + 1e-12
        assert 0 <= one.lower <= one.observed <= one.upper <= 1
