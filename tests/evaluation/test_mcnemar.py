"""McNemar's test against published tables, and the seeds' p-values as one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from hpo.evaluation.mcnemar import compare_accuracy, middle_p
from tests.evaluation.made import Array, Labels


def _sides(both: int, only_before: int, only_after: int, neither: int) -> tuple[Labels, Array, Array]:
    """Predictions of one seed, rightly called so often."""
    size = both + only_before + only_after + neither
    labels = (np.arange(size) % 2).astype(np.uint8)
    before = np.repeat([True, True, False, False], [both, only_before, only_after, neither])
    after = np.repeat([True, False, True, False], [both, only_before, only_after, neither])
    return labels, *(np.where(right == (labels == 1), 0.9, 0.1)[None] for right in (before, after))


def test_few_discordant_pairs_are_tested_exactly() -> None:
    # Fagerland, Lydersen and Laake 2013, tables 1 and 2: airway hyper-responsiveness of 21 children.
    found = compare_accuracy(*_sides(1, 1, 7, 12))
    assert (found.only_before, found.only_after) == ((1,), (7,))
    assert found.p_value == pytest.approx(0.070, abs=5e-4)


def test_many_are_tested_by_the_chi_squared_distribution() -> None:
    # Agresti 2013, section 11.1: approval of a prime minister, 1,600 Britons asked twice; 17.36 with one degree.
    found = compare_accuracy(*_sides(794, 150, 86, 570))
    assert chi2.isf(found.p_value, 1) == pytest.approx(17.36, abs=5e-3)


def test_sides_that_are_right_on_the_same_patches_do_not_differ() -> None:
    assert compare_accuracy(*_sides(10, 0, 0, 5)).p_value == 1
    assert compare_accuracy(*_sides(10, 4, 4, 5)).p_value == 1


def test_each_seed_is_tested_by_itself() -> None:
    labels, before, after = _sides(1, 1, 7, 12)
    rows = np.concatenate([before, before, after]), np.concatenate([after, before, before])
    found = compare_accuracy(labels, *rows)
    assert found.only_before == (1, 0, 7)
    assert found.p_values == pytest.approx((0.0703125, 1.0, 0.0703125))
    assert found.p_value == pytest.approx(0.0703125 * 3 / 2)


def test_the_middle_p_value_is_paid_for_by_its_share() -> None:
    assert middle_p([0.03]) == 0.03
    assert middle_p([0.04, 0.01]) == pytest.approx(0.02)
    assert middle_p([0.2, 0.03, 0.001]) == pytest.approx(0.03 * 3 / 2)
    assert middle_p([0.5, 0.01, 0.02, 0.03, 0.9]) == pytest.approx(0.03 * 5 / 3)
    assert middle_p([0.9, 0.8, 0.95]) == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_it_lies_between_the_median_and_twice_it(p_values: list[float]) -> None:
    median = float(np.sort(p_values)[(len(p_values) - 1) // 2])
    assert median <= middle_p(p_values) <= min(1.0, 2 * median) + 1e-12


@pytest.mark.parametrize("likeness", [0.0, 0.5, 0.9, 1.0])
def test_it_rejects_what_is_true_once_in_twenty_at_most_however_like_the_tests_are(likeness: float) -> None:
    random = np.random.default_rng(6)
    shared, own = random.normal(size=(4000, 1)), random.normal(size=(4000, 5))
    scores = np.sqrt(likeness) * shared + np.sqrt(1 - likeness) * own
    rejected = np.mean([middle_p(2 * _upper(np.abs(row))) <= 0.05 for row in scores])
    assert rejected <= 0.05


def test_nor_in_the_worst_case() -> None:
    # Three of five tests share each small p-value: the dependence for which Rüger's bound is met.
    random = np.random.default_rng(7)
    rejected = 0
    for _ in range(20_000):
        p_values = np.ones(5)
        if random.random() < 0.05:
            p_values[random.permutation(5)[:3]] = random.uniform(0, 0.03)
        rejected += middle_p(p_values) <= 0.05
    assert rejected / 20_000 == pytest.approx(0.05, abs=0.006)


def _upper(scores: Array) -> Array:
    from scipy.stats import norm

    return np.asarray(norm.sf(scores))
