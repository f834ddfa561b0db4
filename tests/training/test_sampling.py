"""Classes of unequal size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.models.backend import tf
from hpo.recipe.fitting import Fitting
from hpo.training.augment import draw_epoch
from hpo.training.losses import losses_of
from hpo.training.sampling import balanced_rows, balanced_weights

LABELS = np.array([0] * 30 + [1] * 5 + [2] * 12, np.uint8)


def test_balanced_weights_give_every_class_the_same_total_and_patches_a_mean_of_one() -> None:
    weights = balanced_weights(LABELS, 3)
    assert weights.dtype == np.float32
    assert np.bincount(LABELS) * weights == pytest.approx([47 / 3] * 3)
    assert balanced_weights(np.array([0, 2], np.uint8), 3).tolist() == [
        pytest.approx(1 / 3 * 2),
        0,
        pytest.approx(2 / 3),
    ]


@given(st.lists(st.integers(0, 3), min_size=4, max_size=60), st.integers(1, 90), st.integers(0, 5), st.integers(1, 5))
def test_classes_come_equally_often_and_patches_of_a_class_too(
    labels: list[int], count: int, seed: int, epoch: int
) -> None:
    numbers = np.array(labels, np.uint8)
    rows = balanced_rows(numbers, count, seed, epoch)
    assert rows.shape == (count,)
    by_class = np.bincount(numbers[rows], minlength=4)[np.unique(numbers)]
    assert by_class.max() - by_class.min() <= 1
    times = np.bincount(rows, minlength=len(labels))
    for label in set(labels):
        of_class = times[numbers == label]
        assert of_class.max() - of_class.min() <= 1


def test_the_choice_depends_on_seed_and_epoch_alone() -> None:
    first = balanced_rows(LABELS, 40, 3, 2)
    assert np.array_equal(first, balanced_rows(LABELS, 40, 3, 2))
    assert not np.array_equal(first, balanced_rows(LABELS, 40, 3, 3))
    assert not np.array_equal(first, balanced_rows(LABELS, 40, 4, 2))
    assert len({int(row) for epoch in range(1, 20) for row in balanced_rows(LABELS, 40, 3, epoch)}) == len(LABELS)


def test_classes_are_mixed_within_an_epoch() -> None:
    order = draw_epoch(0, 1, 47, 5, 0.0, equally=LABELS).order
    assert order.shape == (9, 5)
    assert np.bincount(LABELS[order.ravel()]).tolist() == [15, 15, 15]
    assert all(len(set(LABELS[batch].tolist())) > 1 for batch in order)


@pytest.mark.parametrize("fitting", [Fitting(), Fitting(loss="focal", label_smoothing=0.1)], ids=str)
def test_a_weight_multiplies_the_loss_of_its_class_and_is_mixed_as_labels_are(fitting: Fitting) -> None:
    logits, targets = tf.constant([0.5, 0.5, -2.0]), tf.constant([0.0, 1.0, 0.25])
    plain = losses_of(targets, logits, fitting).numpy()
    weighted = losses_of(targets, logits, fitting, tf.constant([2.0, 10.0])).numpy()
    assert weighted == pytest.approx(plain * [2.0, 10.0, 4.0], rel=1e-6)
    rows = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    scores = tf.constant([[0.1, 0.2, 0.3], [1.0, -1.0, 0.0]])
    plain = losses_of(rows, scores, fitting).numpy()
    weighted = losses_of(rows, scores, fitting, tf.constant([2.0, 3.0, 5.0])).numpy()
    assert weighted == pytest.approx(plain * [2.0, 4.0], rel=1e-6)
