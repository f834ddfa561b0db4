"""A model in memory, whose weights are exchanged from recipe to recipe rather than rebuilt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.models.build import Arrays, build_model, load_weights, weights_of
from hpo.recipe.architecture import ArchitectureSpec
from hpo.recipe.arithmetic import PLAIN, Arithmetic

PREDICTION_BATCH = 128
"""Patches predicted together: one static shape, so that nothing is traced twice; the last batch is filled up."""

SCALE, OFFSET = 1.0 / 127.5, -1.0
"""From 0..255 to [-1, 1]: ``x * SCALE + OFFSET``, in training, prediction and the exported model alike."""


def scaled(patches: tf.Tensor) -> tf.Tensor:
    """Patches of 0..255, any dtype, as float32 in [-1, 1]."""
    return tf.cast(patches, tf.float32) * SCALE + OFFSET


class Network:
    """A Keras model with its compiled prediction.

    Args:
        architecture: what the model is made of.
        size: side of the patches, pixels.
        batch_normalization: whether BatchNormalization follows every convolution.
        arithmetic: that the model is trained in; predictions are computed in `PLAIN`.

    Attributes:
        model: the one to train.
        holds: what the weights are at present, as whoever loaded them named it; None while that is uncertain.

    Raises:
        TrainingError: if the architecture cannot be built.
    """

    def __init__(
        self, architecture: ArchitectureSpec, size: int, batch_normalization: bool, arithmetic: Arithmetic = PLAIN
    ) -> None:
        plain = build_model(architecture, size, batch_normalization=batch_normalization)
        self.model = self._predictor = plain
        if arithmetic != PLAIN:
            self.model = build_model(architecture, size, batch_normalization=batch_normalization, arithmetic=arithmetic)
        self.size, self.arithmetic = size, arithmetic
        self.holds: object = None
        shape = tf.TensorSpec((PREDICTION_BATCH, size, size, 3), tf.uint8)
        self._logits = tf.function(lambda x: plain(scaled(x), training=False)[:, 0], input_signature=[shape])

    def predict(self, patches: NDArray[np.uint8], weights: Arrays | None = None) -> NDArray[np.float32]:
        """Logits, float32 ``(N,)``, of uint8 patches ``(N, size, size, 3)``.

        Args:
            patches: what to classify.
            weights: to classify with. They may stay in the model, whose own are lost. None is those that it has.
        """
        if weights is not None:
            load_weights(self._predictor, weights)
        elif self._predictor is not self.model:
            load_weights(self._predictor, weights_of(self.model))
        logits = np.empty(len(patches), np.float32)
        for start in range(0, len(patches), PREDICTION_BATCH):
            batch: NDArray[Any] = patches[start : start + PREDICTION_BATCH]
            present = len(batch)
            if present < PREDICTION_BATCH:
                batch = np.concatenate([batch, np.zeros((PREDICTION_BATCH - present, *batch.shape[1:]), np.uint8)])
            logits[start : start + present] = self._logits(tf.constant(batch)).numpy()[:present]
        return logits


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logistic function, float32: exact in both tails, so that small probabilities keep their order."""
    return np.exp(-np.logaddexp(0.0, -logits.astype(np.float64))).astype(np.float32)
