"""Layers that are not trained: the first few of a network, or those whose names fit a pattern."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from hpo.errors import TrainingError, nearest
from hpo.models.backend import keras
from hpo.recipe.recipe import EVERY_LAYER_TRAINED, Frozen


def freeze(model: keras.Model, frozen: Frozen) -> frozenset[str]:
    """Takes layers out of training: neither gradients nor optimizer slots, and BatchNormalization in inference mode.

    Args:
        model: changed. Layers that are frozen already stay so.
        frozen: how many of the layers with weights, from the input on, each with the normalizations that follow it; or
            a pattern such as ``conv*`` of layers' names, where a model within the model counts as a layer too. 0,
            ``none`` and the empty pattern are none.

    Returns:
        The paths of the variables in the layers that were frozen.

    Raises:
        TrainingError: if no layer fits, there are not so many, or nothing would be left to train.
    """
    if frozen in EVERY_LAYER_TRAINED:
        return frozenset()
    chosen = _first(model, frozen) if isinstance(frozen, int) else _named(model, frozen)
    for layer in chosen:
        layer.trainable = False
    if not model.trainable_variables:
        raise TrainingError(f"frozen_layers: {frozen} leaves nothing to train; {_listing(model)}")
    return frozenset(variable.path for layer in chosen for variable in layer.variables)


def _first(model: keras.Model, count: int) -> list[keras.layers.Layer]:
    """The first layers with weights; normalizations come with the layer before them, or with the first."""
    chosen: list[keras.layers.Layer] = []
    counted = 0
    for layer in _layers(model):
        if not _is_normalization(layer):
            counted += 1
        if counted > count:
            return chosen
        chosen.append(layer)
    raise TrainingError(f"frozen_layers: {count} leaves nothing to train; {_listing(model)}")


def _named(model: keras.Model, pattern: str) -> list[keras.layers.Layer]:
    every = [*_containers(model), *_layers(model)]
    chosen = [layer for layer in every if fnmatchcase(layer.name, pattern)]
    if not any(layer.variables for layer in chosen):
        names = {layer.name for layer in every}
        raise TrainingError(
            f"frozen_layers: no layer with weights is named {pattern!r}; {nearest(pattern.strip('*?'), names)}"
        )
    return chosen


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Every layer that has weights, from the input on, those of models within the model included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif layer.weights:
            yield layer


def _containers(model: keras.Model) -> Iterator[keras.Model]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield layer
            yield from _containers(layer)


def _is_normalization(layer: keras.layers.Layer) -> bool:
    return "Normalization" in type(layer).__name__


def _listing(model: keras.Model) -> str:
    names = [layer.name for layer in _layers(model) if not _is_normalization(layer)]
    return f"its layers with weights are {', '.join(names)}"
