"""Precision against recall: scikit-learn's points and average, and the band between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import average_precision_score
from sklearn.metrics import precision_recall_curve as sklearn_precision_recall_curve

from hpo.evaluation.precision_recall import average_precision, precision_recall_band, precision_recall_curve
from tests.evaluation.made import Array, Labels, comparisons, predict, split


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


def test_with_no_positive_patch_there_is_no_recall() -> None:
    with pytest.raises(ValueError, match="positive patch"):
        average_precision(np.zeros(4), np.linspace(0, 1, 4))
