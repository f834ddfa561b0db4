"""The network of all four programs: a small CNN with a width, a depth and dropout to tune."""

import keras


def net(shape, width=16, depth=2, dropout=0.0):
    inputs = keras.Input(shape)  # scaled to [-1, 1]
    x = inputs
    for block in range(depth):
        x = keras.layers.Conv2D(width * 2**block, 3, padding="same", activation="relu")(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))
