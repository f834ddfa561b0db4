"""DeLong's test against its published example, against the definition, and where nothing differs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from hpo.evaluation.delong import auc_standard_error, compare_auc, compare_auc_by_class, compare_macro_auc
from hpo.evaluation.metrics import area_under_roc
from tests.evaluation.made import Array, predict, split

# 43 patients with ovarian cancer of DeLong, DeLong and Clarke-Pearson 1988, as the SAS/STAT User's Guide prints them:
# albumin, total protein, 10 - K-G score, and 0 for those who did not benefit from surgery.
_PRINTED = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
    3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
    2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
    3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
    3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
    3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
    """
PATIENTS = np.loadtxt(_PRINTED.split()).reshape(-1, 4)
ALBUMIN, PROTEIN, SCORE = -PATIENTS[:, 0], -PATIENTS[:, 1], PATIENTS[:, 2]
NO_BENEFIT = (PATIENTS[:, 3] == 0).astype(np.uint8)


@pytest.mark.parametrize(
    ("marker", "area", "error"),
    [(ALBUMIN, 0.7366, 0.0927), (SCORE, 0.7258, 0.1028), (PROTEIN, 0.6478, 0.1000)],
    ids=["albumin", "K-G score", "total protein"],
)
def test_areas_and_errors_are_those_printed_for_delongs_own_patients(marker: Array, area: float, error: float) -> None:
    assert area_under_roc(NO_BENEFIT, marker) == pytest.approx(area, abs=5e-5)
    assert auc_standard_error(NO_BENEFIT, marker) == pytest.approx(error, abs=5e-5)


@pytest.mark.parametrize(
    ("marker", "difference", "error", "low", "high", "p_value"),
    [(ALBUMIN, 0.0108, 0.0953, -0.1761, 0.1976, 0.9102), (PROTEIN, -0.0780, 0.1046, -0.2830, 0.1271, 0.4561)],
    ids=["albumin", "total protein"],
)
def test_differences_from_the_k_g_score_are_those_printed(
    marker: Array, difference: float, error: float, low: float, high: float, p_value: float
) -> None:
    found = compare_auc(NO_BENEFIT, SCORE[None], marker[None])
    assert found.difference == pytest.approx(difference, abs=5e-5)
    assert found.standard_error == pytest.approx(error, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert found.p_value == pytest.approx(p_value, abs=1e-4)


def test_ratings_with_many_ties() -> None:
    # 109 CT images rated 1 to 5 (Hanley and McNeil 1982, table I), as the manual of Stata's roctab analyses them.
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    labels = np.repeat([0, 1], [58, 51])
    ratings = np.concatenate([np.repeat(np.arange(1.0, 6.0), counts) for counts in (normal, abnormal)])
    area, error = area_under_roc(labels, ratings), auc_standard_error(labels, ratings)
    assert (area, error) == pytest.approx((0.8932, 0.0307), abs=5e-5)
    assert (area - 1.959964 * error, area + 1.959964 * error) == pytest.approx((0.83295, 0.95339), abs=5e-6)


def test_the_variance_is_that_of_the_definition() -> None:
    labels = split(40)
    scores = np.round(predict(labels, 1.0, 1, 5)[0], 1)
    positive, negative = scores[labels == 1], scores[labels == 0]
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = kernel.mean(axis=1).var(ddof=1) / len(positive) + kernel.mean(axis=0).var(ddof=1) / len(negative)
    assert auc_standard_error(labels, scores) == pytest.approx(np.sqrt(variance))


def test_the_difference_of_mean_areas_is_tested_with_the_variance_of_its_mean_kernel() -> None:
    labels = split(50)
    before, after = predict(labels, 0.8, 3, 6), predict(labels, 1.6, 3, 7)

    def kernel(side: Array) -> Array:
        high, low = side[:, labels == 1], side[:, labels == 0]
        return np.mean((high[:, :, None] > low[:, None, :]) + 0.0, axis=0)

    difference = kernel(after) - kernel(before)
    variance = sum(np.var(difference.mean(axis=axis), ddof=1) / difference.shape[1 - axis] for axis in (0, 1))
    found = compare_auc(labels, before, after)
    areas = [np.mean([roc_auc_score(labels, row) for row in side]) for side in (before, after)]
    assert found.difference == pytest.approx(areas[1] - areas[0])
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    assert found.p_value == pytest.approx(2 * norm.sf(abs(found.difference) / np.sqrt(variance)))
    assert found.low == pytest.approx(found.difference - 1.959964 * found.standard_error)


def test_p_values_are_uniform_where_nothing_differs() -> None:
    random = np.random.default_rng(8)
    labels = split(200)
    p_values = []
    for _ in range(200):
        shared = labels + random.normal(size=200)
        before, after = (shared + 0.5 * random.normal(size=(1, 200)) for _ in range(2))
        p_values.append(compare_auc(labels, before, after).p_value)
    assert binomtest(sum(p < 0.05 for p in p_values), 200, 0.05).pvalue > 0.01
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.07)


def test_a_class_of_one_patch_has_no_variance_to_speak_of() -> None:
    assert auc_standard_error(np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2])) == 0
    assert compare_auc(np.zeros(3), np.zeros((1, 3)), np.ones((1, 3))).p_value == 1


def test_a_class_of_one_patch_shows_no_difference_however_large() -> None:
    labels = np.array([2, *[0, 1] * 20])
    before = np.full((1, 41, 3), 1 / 3)
    after = before.copy()
    after[0, 0] = (0.05, 0.05, 0.9)
    rare = compare_auc(labels == 2, before[..., 2], after[..., 2])
    for found in (rare, compare_auc_by_class(labels, before, after)[2], compare_macro_auc(labels, before, after)):
        assert found.difference > 0.1
        assert (found.low, found.high, found.p_value) == (-1, 1, 1)
