"""A model in memory, whose weights are exchanged from recipe to recipe rather than rebuilt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.models.build import Arrays, build_model, load_weights, weights_of
from hpo.models.freeze import freeze
from hpo.recipe.architecture import ArchitectureSpec
from hpo.recipe.arithmetic import PLAIN, Arithmetic
from hpo.recipe.form import TWO_IN_RGB, Form
from hpo.recipe.recipe import Frozen

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
        form: classes and channels of the data.
        frozen: the layers that are not trained.

    Attributes:
        model: the one to train.
        frozen: the paths of the variables in layers that are not trained.
        holds: what the weights are at present, as whoever loaded them named it; None while that is uncertain.

    Raises:
        TrainingError: if the architecture cannot be built, or has no such layers to freeze.
    """

    def __init__(
        self,
        architecture: ArchitectureSpec,
        size: int,
        batch_normalization: bool,
        arithmetic: Arithmetic = PLAIN,
        form: Form = TWO_IN_RGB,
        frozen: Frozen = 0,
    ) -> None:
        plain = build_model(architecture, size, batch_normalization=batch_normalization, form=form)
        self.model = self._predictor = plain
        if arithmetic != PLAIN:
            self.model = build_model(
                architecture, size, batch_normalization=batch_normalization, arithmetic=arithmetic, form=form
            )
        self.frozen = freeze(self.model, frozen)
        self.size, self.arithmetic, self.form = size, arithmetic, form
        self.holds: object = None
        shape = tf.TensorSpec((PREDICTION_BATCH, size, size, form.channels), tf.uint8)
        self._logits = tf.function(
            lambda x: logits_of(plain(scaled(x), training=False)), input_signature=[shape], autograph=False
        )

    @property
    def logit_shape(self) -> tuple[int, ...]:
        """The shape of a patch's logits: () for two classes, else (K,)."""
        return self.form.logit_shape

    def predict(self, patches: NDArray[np.uint8], weights: Arrays | None = None) -> NDArray[np.float32]:
        """Logits, float32 ``(N,)`` or ``(N, K)``, of uint8 patches ``(N, size, size, channels)``.

        Args:
            patches: what to classify.
            weights: to classify with. They may stay in the model, whose own are lost. None is those that it has.
        """
        if weights is not None:
            load_weights(self._predictor, weights)
        elif self._predictor is not self.model:
            load_weights(self._predictor, weights_of(self.model))
        logits = np.empty((len(patches), *self.logit_shape), np.float32)
        for start in range(0, len(patches), PREDICTION_BATCH):
            batch: NDArray[Any] = patches[start : start + PREDICTION_BATCH]
            present = len(batch)
            if present < PREDICTION_BATCH:
                batch = np.concatenate([batch, np.zeros((PREDICTION_BATCH - present, *batch.shape[1:]), np.uint8)])
            logits[start : start + present] = self._logits(tf.constant(batch)).numpy()[:present]
        return logits

    def probabilities(self, patches: NDArray[np.uint8], *, symmetries: bool = False) -> NDArray[np.float32]:
        """Probabilities, of the shape of `predict`'s logits, by the weights that the model has.

        Args:
            patches: what to classify.
            symmetries: whether to average them over the eight flips and quarter turns.
        """
        if not symmetries:
            return probabilities(self.predict(patches))
        total = np.zeros((len(patches), *self.logit_shape), np.float64)
        for mirrored in (patches, patches[:, :, ::-1]):
            for quarters in range(4):
                total += probabilities(self.predict(np.rot90(mirrored, quarters, axes=(1, 2))))
        return (total / 8.0).astype(np.float32)


def logits_of(outputs: tf.Tensor) -> tf.Tensor:
    """A model's outputs ``(B, outputs)`` as logits: ``(B,)`` if there is one, else ``(B, K)``."""
    return outputs[:, 0] if outputs.shape[-1] == 1 else outputs


def probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities, float32, exact in both tails, so that small ones keep their order.

    Args:
        logits: ``(N,)`` of label 1, or ``(N, K)`` of each class.

    Returns:
        Of the same shape: the logistic function of one logit, the softmax of several.
    """
    if logits.ndim == 2:
        wide = logits.astype(np.float64)
        return np.exp(wide - np.logaddexp.reduce(wide, axis=1, keepdims=True)).astype(np.float32)
    return np.exp(-np.logaddexp(0.0, -logits.astype(np.float64))).astype(np.float32)
