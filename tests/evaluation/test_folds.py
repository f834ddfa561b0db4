"""Intervals over folds hold the true difference about 95 times in 100, and know what they are of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from hpo.evaluation.compare import compare
from hpo.evaluation.folds import compare_folds
from tests.evaluation.simulate import METRICS, NETWORKS, PROCEDURE
from tests.evaluation.simulate_folds import FoldScenario, count_covered_by_folds

DATA_SETS = 150
FEWEST = int(binom.ppf(0.001, DATA_SETS, 0.92))
"""An interval that covers 92% has fewer than this once in a thousand times."""


@pytest.mark.parametrize(
    "scenario",
    [
        FoldScenario("one seed a fold", seeds=1, patches=150),
        FoldScenario("two seeds a fold, 20 slides", slides=20, patches=200, training=0.2),
    ],
    ids=lambda scenario: scenario.name,
)
def test_the_true_difference_is_within(scenario: FoldScenario) -> None:
    covered = count_covered_by_folds(scenario, DATA_SETS, resamples=250)
    for metric in METRICS:
        for whose in (PROCEDURE, NETWORKS):
            assert covered[metric, whose] >= FEWEST, (metric, whose, covered)


def made(folds: int = 4, seeds: int = 2, gain: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    labels = (random.random(120) < 0.5).astype(np.uint8)
    sides = [
        1 / (1 + np.exp(-((1 + more) * (labels - 0.5) + random.normal(size=(folds, seeds, 120))))) for more in (0, gain)
    ]
    return labels, sides[0], sides[1]


def test_values_are_the_means_over_all_trainings() -> None:
    labels, before, after = made()
    found = compare_folds(labels, before, after, resamples=300)
    flat = compare(labels, before.reshape(8, -1), after.reshape(8, -1), resamples=300)
    for name in ("auc", "accuracy", "f1"):
        assert found.metrics[name].difference.value == pytest.approx(flat.metrics[name].difference.value)
    assert (found.folds, found.seeds, found.unit) == (4, 2, "patches")
    assert len(found.metrics["auc"].by_fold) == 4


def test_equal_seeds_give_equal_intervals_and_sides_may_be_one() -> None:
    labels, before, after = made()
    assert compare_folds(labels, before, after, resamples=200) == compare_folds(labels, before, after, resamples=200)
    same = compare_folds(labels, before, before, resamples=200).metrics["auc"].difference
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_chance_in_training_widens_the_interval_and_a_shift_between_folds_does_not() -> None:
    labels, before, after = made()
    steady = compare_folds(labels, before, after, resamples=400).metrics["auc"].difference
    random = np.random.default_rng(2)
    logits = np.log(after / (1 - after)) + random.normal(size=(4, 2, 1)) * 1.5 * (labels - 0.5)
    wild = compare_folds(labels, before, 1 / (1 + np.exp(-logits)), resamples=400).metrics["auc"].difference
    assert wild.standard_error > steady.standard_error


@pytest.mark.parametrize("shape", [(1, 2), (3, 0)])
def test_one_fold_is_none(shape: tuple[int, int]) -> None:
    labels, before, _ = made(*(max(1, size) for size in shape))
    with pytest.raises(ValueError, match="two folds or more"):
        compare_folds(labels, before[:1], before[:1])
