"""Resampling and comparison of K classes, against the plain definitions."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.evaluation.compare import compare, measure, metric_standard_error
from hpo.evaluation.delong import auc_standard_error, compare_auc, compare_auc_by_class, compare_macro_auc
from hpo.evaluation.mcnemar import compare_accuracy
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.scores import KNOWN, metrics_of, score
from hpo.evaluation.weighted_classes import SUPPORTED, WeightedClasses
from tests.evaluation.test_scores import made


@pytest.mark.parametrize("units", [6, 90])
def test_drawn_and_left_out_units_have_the_metrics_of_their_patches(units: int) -> None:
    """Six slides take the way by pairs won, ninety patches the way by sorted ranks."""
    labels, first = made(3, 90)
    rows = [first, made(3, 90, seed=0)[1] ** 2]
    rows[1] = rows[1] / rows[1].sum(axis=1, keepdims=True)
    of_patch = np.arange(90) % units
    weighted = WeightedClasses(labels, rows, of_patch, SUPPORTED)
    weights = np.random.default_rng(1).multinomial(units, np.full(units, 1 / units), 5).T.astype(float)
    drawn, left = weighted.drawn(weights), weighted.without_each()
    for number, row in enumerate(rows):
        for draw in range(5):
            patches = np.repeat(np.arange(90), weights[of_patch, draw].astype(int))
            expected = metrics_of(labels[patches], row[patches])
            assert drawn[:, number, draw] == pytest.approx([expected[name] for name in SUPPORTED], nan_ok=True)
        for unit in range(0, units, 5):
            kept = of_patch != unit
            expected = metrics_of(labels[kept], row[kept])
            assert left[:, number, unit] == pytest.approx([expected[name] for name in SUPPORTED])


def test_a_comparison_has_the_differences_of_the_macro_metrics_and_a_test_for_each_class() -> None:
    labels, good = made(4, 200)
    poor = np.stack([0.5 * good + 0.125, 0.4 * good + 0.15])
    poor[:, :60] = np.roll(poor[:, :60], 1, axis=2)
    found = compare(labels, poor, np.stack([good, good]), resamples=300)
    for name in METRICS:
        before = np.mean([metrics_of(labels, row)[name] for row in poor])
        after = metrics_of(labels, good)[name]
        metric = found.metrics[name]
        assert metric.difference.value == pytest.approx(after - before)
        assert metric.difference.low < metric.difference.value < metric.difference.high
    assert found.auc_test.difference == pytest.approx(found.auc.difference.value)
    assert len(found.class_tests) == 4
    assert np.mean([one.difference for one in found.class_tests]) == pytest.approx(found.auc_test.difference)
    assert found.accuracy_test.p_value < 0.01
    assert measure(labels, good[None], resamples=100).metrics["f1"].value == pytest.approx(
        metrics_of(labels, good)["f1"]
    )


def test_slides_are_the_units_where_they_are_known() -> None:
    labels, rows = made(3, 120)
    found = measure(labels, rows[None], slides=np.array([f"s{n % 12}" for n in range(120)]), resamples=100)
    assert (found.sampling.unit, found.sampling.units) == ("slides", 12)


def test_a_class_against_the_rest_is_tested_as_two_classes_are() -> None:
    labels, rows = made(3, 150)
    other = np.roll(rows, 1, axis=0)[None]
    for label, one in enumerate(compare_auc_by_class(labels, other, rows[None])):
        assert one == compare_auc(labels == label, other[..., label], rows[None, :, label])


def test_the_macro_areas_standard_error_is_its_spread_over_splits() -> None:
    areas, errors, differences, of_difference = [], [], [], []
    for seed in range(200):
        labels, rows = made(3, 150, seed)
        blurred = (rows + 0.4) / (rows + 0.4).sum(axis=1, keepdims=True)
        noise = np.random.default_rng(seed).dirichlet([2, 2, 2], 150)
        blurred = 0.5 * blurred + 0.5 * noise
        areas.append(metrics_of(labels, rows)["auc"])
        errors.append(auc_standard_error(labels, rows[None]))
        test = compare_macro_auc(labels, rows[None], blurred[None])
        differences.append(test.difference)
        of_difference.append(test.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)
    assert np.mean(of_difference) == pytest.approx(np.std(differences), rel=0.15)


def test_mcnemar_counts_patches_that_only_one_side_calls_rightly() -> None:
    labels = np.array([0, 1, 2, 2])
    before, after = np.eye(3)[[0, 0, 2, 1]][None], np.eye(3)[[1, 1, 2, 2]][None]
    found = compare_accuracy(labels, before, after)
    assert (found.only_before, found.only_after) == ((1,), (2,))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("metric", KNOWN)
def test_every_metric_has_a_standard_error(metric: str, classes: int) -> None:
    spread, errors = [], []
    for seed in range(40):
        labels, rows = made(classes, 120, seed)
        row = rows[:, 1] if classes == 2 else rows
        spread.append(score(metric, labels, row))
        if seed < 4:
            errors.append(metric_standard_error(labels, row, metric))
    assert np.mean(errors) == pytest.approx(np.std(spread), rel=0.5)
