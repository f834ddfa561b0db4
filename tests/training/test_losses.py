"""Losses against their equations in NumPy, of one logit and of one for each class."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.recipe.fitting import Fitting
from hpo.training.losses import losses_of

LOGITS = np.array([[1.5, -0.3, 0.2], [-2.0, 0.7, 3.0], [0.1, 0.2, 0.3], [4.0, -4.0, 0.0]], np.float32)
TARGETS = np.array([[1, 0, 0], [0, 0.25, 0.75], [0, 1, 0], [0, 1, 0]], np.float32)

GIVEN = [
    Fitting(),
    Fitting(label_smoothing=0.2),
    Fitting(loss="focal"),
    Fitting(loss="focal", focal_gamma=0.5, label_smoothing=0.1),
    Fitting(loss="poly"),
    Fitting(loss="poly", poly_epsilon=-0.5, label_smoothing=0.1),
]


def reference(targets: NDArray[np.float64], logits: NDArray[np.float64], fitting: Fitting) -> NDArray[np.float64]:
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (1 - fitting.label_smoothing) * targets + fitting.label_smoothing / targets.shape[1]
    if fitting.loss == "focal":
        return -(y * (1 - p) ** fitting.focal_gamma * np.log(p)).sum(1)
    poly = fitting.poly_epsilon * (1 - (y * p).sum(1)) if fitting.loss == "poly" else 0.0
    return -(y * np.log(p)).sum(1) + poly


@pytest.mark.parametrize("fitting", GIVEN, ids=str)
def test_of_many_classes_it_is_the_equation(fitting: Fitting) -> None:
    found = losses_of(tf.constant(TARGETS), tf.constant(LOGITS), fitting).numpy()
    assert found.shape == (4,)
    assert found == pytest.approx(reference(TARGETS.astype(float), LOGITS.astype(float), fitting), rel=1e-5)


@pytest.mark.parametrize("fitting", GIVEN, ids=str)
def test_one_logit_is_the_softmax_of_two_of_which_the_first_is_zero(fitting: Fitting) -> None:
    targets, logits = TARGETS[:, 1], LOGITS[:, 2]
    found = losses_of(tf.constant(targets), tf.constant(logits), fitting).numpy()
    both = np.stack([0 * logits, logits], 1).astype(float)
    assert found == pytest.approx(reference(np.stack([1 - targets, targets], 1).astype(float), both, fitting), rel=1e-5)


@pytest.mark.parametrize("fitting", GIVEN, ids=str)
def test_gradients_are_finite_however_sure_the_network_is(fitting: Fitting) -> None:
    for label in (0.0, 1.0):
        logits = tf.constant([-1e4, -90.0, -20.0, 0.0, 20.0, 90.0, 1e4])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = losses_of(tf.fill(logits.shape, label), logits, fitting)
        assert np.isfinite(loss.numpy()).all()
        assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_a_focal_loss_of_gamma_zero_is_cross_entropy_and_a_higher_one_forgives_the_easy() -> None:
    targets, logits = tf.constant([1.0, 1.0]), tf.constant([3.0, -3.0])
    plain = losses_of(targets, logits, Fitting()).numpy()
    assert losses_of(targets, logits, Fitting(loss="focal", focal_gamma=0.0)).numpy() == pytest.approx(plain, rel=1e-6)
    share = losses_of(targets, logits, Fitting(loss="focal")).numpy() / plain
    assert share[0] < 0.01 < 0.9 < share[1]
