"""A custom Keras model: ``architectures: [{name: residual, function: "my_models:residual"}]``.

The function takes the shape of a patch and returns an uncompiled functional `keras.Model`. Its input is already scaled
to [-1, 1]. Its output is one logit, ``(None, 1)``, without an activation; hpo adds loss and sigmoid.
"""

from __future__ import annotations

import keras


def residual(shape: tuple[int, int, int], width: int = 16) -> keras.Model:
    """A small residual network with global average pooling; about 20,000 parameters at any patch size.

    ``width`` is a factor: name it in the search space, ``width: {reference: 16, levels: [8, 16, 32], scale: log}``.
    """
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(width, 5, strides=2, padding="same", activation="relu")(inputs)
    for filters in (width, 2 * width):
        shortcut = keras.layers.Conv2D(filters, 1, strides=2, padding="same")(x)
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
        x = keras.layers.Conv2D(filters, 3, padding="same")(x)
        x = keras.layers.Activation("relu")(keras.layers.Add()([x, shortcut]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))
