"""ROC curves, their mean and its band."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import norm
from sklearn.metrics import auc as area_by_trapezoid
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from hpo.evaluation.roc import mean_roc, roc_band, roc_curve
from tests.evaluation.made import Array, Labels, comparisons, predict, split


@settings(max_examples=30, deadline=None)
@given(comparisons())
def test_points_are_scikit_learns(drawn: tuple[Labels, Array, Array]) -> None:
    labels, rows, _ = drawn
    found = roc_curve(labels, rows[0])
    alarms, hits, thresholds = sklearn_roc_curve(labels, rows[0], drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive_rate, alarms)
    np.testing.assert_allclose(found.true_positive_rate, hits)
    np.testing.assert_allclose(found.threshold, thresholds)


def test_the_area_below_the_mean_curve_is_the_mean_of_the_areas() -> None:
    labels = split(400)
    rows = predict(labels, 1.5, 3, 10)
    alarms, hits = mean_roc([roc_curve(labels, row) for row in rows], points=2001)
    areas = [roc_auc_score(labels, row) for row in rows]
    assert area_by_trapezoid(alarms, hits) == pytest.approx(np.mean(areas), abs=2e-3)
    assert (alarms[0], hits[0], alarms[-1], hits[-1]) == (0, 0, 1, 1)


def test_one_class_has_no_curve() -> None:
    with pytest.raises(ValueError, match="both classes"):
        roc_curve(np.ones(4), np.linspace(0, 1, 4))


def test_the_bands_mean_is_the_mean_curve() -> None:
    labels = split(600)
    rows = predict(labels, 1.5, 3, 10)
    band = roc_band(labels, rows, points=101)
    alarms, hits = mean_roc([roc_curve(labels, row) for row in rows], points=101)
    np.testing.assert_allclose(band.x, alarms[1:])
    np.testing.assert_allclose(band.mean, hits[1:])


def test_a_band_of_one_seed_is_as_wide_as_theory_has_it() -> None:
    # Two normal distributions a distance apart; the variance of the height is that of Hsieh and Turnbull 1996,
    # theorem 2.2: of the share of positives, and of the threshold through the curve's slope.
    distance, half = 1.5, 4000
    random = np.random.default_rng(3)
    labels = np.repeat([0, 1], half).astype(np.uint8)
    rows = norm.cdf(random.normal(size=2 * half) + distance * labels)[None]
    band = roc_band(labels, rows, points=11, resamples=1000)
    for x, low, high in list(zip(band.x, band.low, band.high, strict=True))[1:8]:
        cut = norm.isf(x)
        height, slope = norm.sf(cut - distance), norm.pdf(cut - distance) / norm.pdf(cut)
        error = np.sqrt((height * (1 - height) + slope**2 * x * (1 - x)) / half)
        assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_band_widens_with_seeds_that_differ_and_with_slides_that_do() -> None:
    labels = split(1200)
    slides = np.arange(1200) // 2 % 30
    random = np.random.default_rng(4)
    of_patch, of_slide = random.normal(size=1200), random.normal(size=30)[slides]

    def width(separations: list[float], errors: Array, given: Array | None = None) -> float:
        scores = np.array(separations)[:, None] * (labels - 0.5) + errors
        band = roc_band(labels, norm.cdf(scores), given, points=21)
        return float(np.mean(band.high - band.low))

    alone = width([2.0, 2.0, 2.0], of_patch)
    assert width([1.5, 2.0, 2.5], of_patch) > 2 * alone
    assert width([2.0, 2.0, 2.0], of_patch + of_slide, slides) > 1.3 * width([2.0, 2.0, 2.0], of_patch + of_slide)


@settings(max_examples=30, deadline=None)
@given(comparisons())
def test_a_band_holds_its_curve_and_stays_within_0_and_1(drawn: tuple[Labels, Array, Array]) -> None:
    labels, rows, _ = drawn
    band = roc_band(labels, rows, points=9, resamples=40)
    assert np.all((band.low >= 0) & (band.low <= band.mean) & (band.mean <= band.high) & (band.high <= 1))


def test_one_class_has_no_band() -> None:
    with pytest.raises(ValueError, match="both classes"):
        roc_band(np.ones(4), np.linspace(0, 1, 4)[None])
