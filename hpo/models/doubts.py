"""What of a user's own network is sound, and hardly what the user wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hpo.models.backend import keras


def doubts_about(model: keras.Model) -> list[str]:
    """What of a function's model is sound, and hardly what its user wants."""
    scaled = [
        layer.name
        for layer in _layers(model)
        if isinstance(layer, keras.layers.Rescaling) and float(np.max(np.abs(layer.scale))) < _DOWN
    ]
    doubts = [
        f"its layer {name} scales patches down that are scaled to [-1, 1] already, and so hardly differ any more; take "
        "it out"
        for name in scaled
    ]
    bare = ", ".join(sorted({type(one).__name__ for one in _bare_operations(model)}))
    if bare:
        doubts.append(f"it calls {bare} of keras.ops, which model.keras will have, and Keras cannot load from model.h5")
    return doubts


_DOWN = 0.05
"""A scale below which a layer means bytes: 1/255 and 1/127.5 are."""


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Every layer, those of models within the model included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _bare_operations(model: keras.Model) -> Iterator[Any]:
    """Operations that are no layers, those of models within the model included."""
    for one in getattr(model, "operations", model.layers):
        if isinstance(one, keras.Model):
            yield from _bare_operations(one)
        elif not isinstance(one, keras.layers.Layer):
            yield one
