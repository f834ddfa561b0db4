"""Max-pooling written for XLA is max-pooling."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hpo.models.backend import keras, tf
from hpo.models.pooling import TiledMaximum


def gradient(layer: keras.layers.Layer, x: tf.Tensor, *, jit_compile: bool = False) -> tf.Tensor:
    """Of the sum of squares of what the layer returns."""

    def derive(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(total, x)

    return tf.function(derive, jit_compile=jit_compile)(x)


@pytest.mark.parametrize(("window", "padding", "side"), list(itertools.product((2, 3), ("same", "valid"), (6, 7, 8))))
def test_it_gives_the_values_and_gradients_of_keras_own(window: int, padding: str, side: int) -> None:
    x = tf.constant(np.random.default_rng(side).normal(size=(2, side, side + 1, 3)) - 3, tf.float32)
    ours, theirs = TiledMaximum(window, padding), keras.layers.MaxPooling2D(window, window, padding=padding)
    assert np.array_equal(ours(x), theirs(x))
    assert tuple(ours.compute_output_shape(x.shape)) == ours(x).shape
    assert np.array_equal(gradient(ours, x), gradient(theirs, x))
    assert np.array_equal(gradient(ours, x, jit_compile=True), gradient(theirs, x))


def test_the_largest_values_of_a_window_share_its_gradient() -> None:
    x = tf.constant([[[[3.0], [1.0]], [[3.0], [0.0]]]])
    assert gradient(TiledMaximum(2, "same"), x).numpy().ravel().tolist() == [3.0, 0.0, 3.0, 0.0]
