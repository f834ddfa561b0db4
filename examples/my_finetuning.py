"""Fine-tuning: a network whose backbone starts from weights in a file, and is frozen or not.

    python my_finetuning.py backbone.weights.h5     # makes the file, once

In the study file, the file is named, so that its SHA-256 is part of every training's key:

    architectures:
      - {name: fine, function: "my_finetuning:network", files: [backbone.weights.h5]}

How much of it is trained is a factor: ``frozen_layers: {reference: backbone, levels: [none, backbone]}``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras

WEIGHTS = Path(__file__).with_name("backbone.weights.h5")


def backbone(shape: tuple[int | None, int | None, int]) -> keras.Model:
    """What is learnt elsewhere: three convolutions, each at half the resolution of the one before.

    A network of `keras.applications` does as well; then its own weights go into the file.
    """
    inputs = x = keras.Input(shape)
    for number, filters in enumerate((8, 16, 32), 1):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", name=f"block{number}")(x)
        x = keras.layers.BatchNormalization(name=f"block{number}_bn")(x)
        x = keras.layers.ReLU(name=f"block{number}_relu")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x), name="backbone")


def network(shape: tuple[int, int, int], dropout: float = 0.0) -> keras.Model:
    """The backbone with the file's weights, and a fresh head: one logit.

    ``dropout`` is a factor, as every keyword argument is.
    """
    body = backbone(shape)
    body.load_weights(WEIGHTS)
    inputs = keras.Input(shape)
    x = keras.layers.Dropout(dropout, name="dropout")(body(inputs))
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(x), name="fine")


def pretrain(path: Path) -> None:
    """Make a weights file, so that the example needs no download: the backbone learns which way a patch was turned.

    That needs no labels: any patches will do, such as all those of which nobody knows the label (Gidaris et al. 2018).
    """
    import numpy as np

    random = np.random.default_rng(0)
    stripes = np.sin(np.linspace(0, 12, 32))[None, :, None, None] * random.uniform(0.3, 1, (256, 1, 1, 3))
    patches = np.clip(
        stripes * np.linspace(0.2, 1, 32)[None, None, :, None] + random.normal(0, 0.2, (256, 32, 32, 3)), -1, 1
    )
    turns = np.arange(256) % 4
    turned = np.stack([np.rot90(patch, count) for patch, count in zip(patches, turns, strict=True)])
    keras.utils.set_random_seed(0)
    body = backbone((32, 32, 3))
    model = keras.Sequential([body, keras.layers.Dense(4)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(turned.astype("float32"), turns, epochs=8, verbose=0)
    accuracy = model.evaluate(turned.astype("float32"), turns, verbose=0)[1]
    body.save_weights(path)
    sys.stdout.write(f"{path}: tells quarter turns apart in {accuracy:.0%} of its patches\n")


if __name__ == "__main__":
    pretrain(Path(sys.argv[1]))
