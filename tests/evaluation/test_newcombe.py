from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from hpo.evaluation.newcombe import auc_with_interval


def test_the_area_is_that_of_the_ranks() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 40)
    scores = np.round(random.normal(size=40) + labels, 1)
    found = auc_with_interval(labels, scores)
    assert found.value == pytest.approx(roc_auc_score(labels, scores))
    assert 0 < found.low < found.value < found.high < 1


def test_a_perfect_area_of_few_slides_is_not_certain() -> None:
    few = auc_with_interval(np.array([0] * 5 + [1] * 5), np.arange(10.0))
    many = auc_with_interval(np.repeat([0, 1], 100), np.arange(200.0))
    assert (few.value, few.high) == (1, 1)
    assert 0.5 < few.low < 0.85 < many.low < 1
    turned = auc_with_interval(np.array([1] * 5 + [0] * 5), np.arange(10.0))
    assert (turned.low, turned.high) == (0, pytest.approx(1 - few.low))


@pytest.mark.parametrize(("count", "shift"), [(10, 1.0), (10, 2.0), (25, 2.5)])
def test_the_interval_covers(count: int, shift: float) -> None:
    random = np.random.default_rng(1)
    truth = norm.cdf(shift / np.sqrt(2))
    labels = np.repeat([0, 1], count)
    found = [auc_with_interval(labels, random.normal(size=2 * count) + shift * labels) for _ in range(400)]
    assert 0.92 <= np.mean([one.low <= truth <= one.high for one in found]) <= 1


def test_one_class_has_no_area() -> None:
    with pytest.raises(ValueError, match="needs both classes"):
        auc_with_interval(np.ones(3), np.arange(3.0))
