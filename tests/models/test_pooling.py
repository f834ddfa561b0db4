"""Max-pooling written for XLA is max-pooling."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hpo.models.backend import keras, tf
from hpo.models.pooling import TiledMaximum
from hpo.recipe.architecture import Padding


def gradient(layer: keras.layers.Layer, x: tf.Tensor, *, jit_compile: bool = False) -> tf.Tensor:
    """Of the sum of squares of what the layer returns."""

    def derive(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(total, x)

    return tf.function(derive, jit_compile=jit_compile)(x)


CASES = list(itertools.product((2, 3), ("same", "valid"), (6, 7, 8), ("float32", "bfloat16")))


@pytest.mark.parametrize(("window", "padding", "side", "dtype"), CASES)
def test_it_gives_the_values_and_gradients_of_keras_own(window: int, padding: Padding, side: int, dtype: str) -> None:
    # All values differ, in bfloat16 too, and all are below 0, which padding with zeros would show.
    order = np.random.default_rng(side).permutation(2 * side * (side + 1) * 3).reshape(2, side, side + 1, 3)
    x = tf.constant(-np.exp2(order / 8 - 60), dtype)
    ours = TiledMaximum(window, padding, dtype=dtype)
    theirs = keras.layers.MaxPooling2D(window, window, padding=padding, dtype=dtype)
    assert np.array_equal(ours(x), theirs(x))
    assert tuple(ours.compute_output_shape(x.shape)) == ours(x).shape
    assert np.array_equal(gradient(ours, x), gradient(theirs, x))
    assert np.array_equal(gradient(ours, x, jit_compile=True), gradient(theirs, x))


def test_the_largest_values_of_a_window_share_its_gradient() -> None:
    x = tf.constant([[[[3.0], [1.0]], [[3.0], [0.0]]]])
    assert gradient(TiledMaximum(2, "same"), x).numpy().ravel().tolist() == [3.0, 0.0, 3.0, 0.0]
