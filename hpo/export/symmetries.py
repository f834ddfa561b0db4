"""A model's average over the eight flips and quarter turns, as a model that Keras alone can load.

Keras' older HDF5 format holds layers only, and no layer mirrors a picture. A dense layer along one axis whose weights
are 1 on the other diagonal does: it moves whole numbers of 0..255 without rounding, whatever computes it.
"""

from __future__ import annotations

import numpy as np

from hpo.models.backend import keras


def averaged(model: keras.Model) -> keras.Model:
    """The mean of a model's probabilities over the eight symmetries of the square.

    Args:
        model: from raw patches ``(N, size, size, channels)`` of 0..255 to probabilities ``(N, outputs)``.

    Returns:
        A model with the same input and output, named as the given one; it takes eight times as long.
    """
    shape = model.input_shape[1:]
    inputs = keras.Input(shape, name="patches")
    left_right = _mirror("abcd,ce->abed", shape, "mirror_left_right")
    top_bottom = _mirror("abcd,be->aecd", shape, "mirror_top_bottom")
    turned = []
    for one in (inputs, keras.layers.Permute((2, 1, 3), name="transpose")(inputs)):
        mirrored = left_right(one)
        turned += [one, mirrored, top_bottom(one), top_bottom(mirrored)]
    for layer in (left_right, top_bottom):
        layer.set_weights([np.eye(shape[0], dtype=np.float32)[::-1]])
    mean = keras.layers.Average(name="mean_of_symmetries")([model(one) for one in turned])
    return keras.Model(inputs, mean, name=f"{model.name}_averaged")


def _mirror(equation: str, shape: tuple[int, int, int], name: str) -> keras.layers.Layer:
    return keras.layers.EinsumDense(equation, output_shape=shape, trainable=False, name=name)
