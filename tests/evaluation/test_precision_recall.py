"""Precision against recall: scikit-learn's points and average, and the band between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import binom
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as sklearn_precision_recall_curve

from hpo.evaluation.precision_recall import (
    average_precision,
    average_precision_interval,
    precision_recall_band,
    precision_recall_curve,
)
from tests.evaluation.made import Array, Labels, comparisons, predict, split

_MANY = np.repeat([0, 1], 400_000)
TRUE_AVERAGE = float(average_precision_score(_MANY, 1.6 * _MANY + np.random.default_rng(0).normal(size=800_000)))
"""Of scores whose means are 1.6 standard deviations apart, the classes equally frequent."""


@settings(max_examples=40, deadline=None)
@given(comparisons())
def test_points_and_average_are_scikit_learns(drawn: tuple[Labels, Array, Array]) -> None:
    labels, rows, _ = drawn
    found = precision_recall_curve(labels, rows[0])
    precision, recall, _ = sklearn_precision_recall_curve(labels, rows[0])
    np.testing.assert_allclose(found.precision, precision[-2::-1])
    np.testing.assert_allclose(found.recall, recall[-2::-1])
    assert average_precision(labels, rows[0]) == pytest.approx(average_precision_score(labels, rows[0]))


def test_between_two_points_true_and_false_positives_are_straight() -> None:
    # The example of Davis and Goadrich 2006, table 1: 20 positives and 2,000 negatives, from (5, 5) to (10, 30).
    scores = np.repeat([3.0, 3.0, 2.0, 2.0, 1.0, 1.0], [5, 5, 5, 25, 10, 1970]) / 3
    labels = np.repeat([1, 0, 1, 0, 1, 0], [5, 5, 5, 25, 10, 1970])
    band = precision_recall_band(labels, scores[None], points=20, resamples=10)
    np.testing.assert_allclose(band.x[4:10], [0.25, 0.3, 0.35, 0.4, 0.45, 0.5])
    np.testing.assert_allclose(band.mean[4:10], [0.5, 0.375, 0.318, 0.286, 0.265, 0.25], atol=1e-3)


def test_the_band_is_of_the_mean_over_seeds_and_as_wide_as_the_precision_is_uncertain() -> None:
    labels = split(2000)
    rows = predict(labels, 2.0, 1, 10)
    band = precision_recall_band(labels, rows, points=10, resamples=600)
    # At a fixed number of true positives k, the false ones k / precision - k are what is random: negative binomial.
    for x, mean, low, high in list(zip(band.x, band.mean, band.low, band.high, strict=True))[3:9]:
        random = np.random.default_rng(1)
        redrawn = []
        for _ in range(300):
            chosen = random.integers(0, 2000, 2000)
            precision, recall, _ = sklearn_precision_recall_curve(labels[chosen], rows[0, chosen])
            redrawn.append(precision[recall >= x][-1])
        assert mean == pytest.approx(np.mean(redrawn), abs=0.01)
        assert high - low == pytest.approx(2 * 1.96 * np.std(redrawn), rel=0.2)


def test_the_averages_interval_is_as_wide_as_the_average_is_uncertain_and_not_above_it() -> None:
    """Averages of other splits and networks lie around the truth, and the interval is as wide as they are apart."""
    averages, covered, widths, sets = [], 0, [], 60
    for number in range(sets):
        random = np.random.default_rng(number)
        labels = np.repeat(np.array([0, 1], np.uint8), 75)
        rows = 1 / (1 + np.exp(-(1.6 * (labels - 0.5) + random.normal(size=(1, 150)))))
        averages.append(np.mean([average_precision(labels, row) for row in rows]))
        low, high = average_precision_interval(labels, rows, resamples=150, seed=number)
        widths.append(high - low)
        covered += low <= TRUE_AVERAGE <= high
    assert np.mean(averages) == pytest.approx(TRUE_AVERAGE, abs=0.01)
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(averages), rel=0.35)
    assert covered >= int(binom.ppf(0.001, sets, 0.93))


def test_slides_that_differ_make_it_wider_than_patches() -> None:
    random = np.random.default_rng(0)
    labels, slides = np.tile(np.array([0, 1], np.uint8), 200), np.repeat(np.arange(20), 20)
    rows = (labels * random.normal(1, 1.5, 20)[slides] + random.normal(size=400))[None]
    widths = [high - low for low, high in (average_precision_interval(labels, rows, one) for one in (None, slides))]
    assert widths[1] > 1.3 * widths[0]


def test_with_no_positive_patch_there_is_no_recall() -> None:
    with pytest.raises(ValueError, match="positive patch"):
        average_precision(np.zeros(4), np.linspace(0, 1, 4))
