"""The whole training state as arrays, and back: weights, BatchNormalization statistics, optimizer slots, step count."""

from __future__ import annotations

import hashlib

import numpy as np

from hpo.errors import TrainingError
from hpo.models.backend import keras
from hpo.models.build import Arrays, load_weights, weights_of
from hpo.training.epoch import EpochFunction

_MODEL, _OPTIMIZER = "model/", "optimizer/"


def capture(function: EpochFunction) -> Arrays:
    """Every array that the next epoch depends on, by names beginning with ``model/`` or ``optimizer/``."""
    state = {_MODEL + path: value for path, value in weights_of(function.network.model).items()}
    return state | {_slot_name(variable.path): variable.value.numpy() for variable in _slots(function)}


def restore(function: EpochFunction, arrays: Arrays) -> None:
    """Sets the state that `capture` returned.

    Raises:
        TrainingError: if an array is missing or of another shape.
    """
    load_weights(function.network.model, model_arrays(arrays))
    for variable in _slots(function):
        value = arrays.get(_slot_name(variable.path))
        if value is None or value.shape != tuple(variable.shape):
            raise TrainingError(f"the checkpoint has no {variable.path} of shape {tuple(variable.shape)}")
        variable.assign(value)


def start(function: EpochFunction, weights: Arrays) -> Arrays:
    """The state before the first step: the given weights, all optimizer slots and the step count 0."""
    state = {_MODEL + path: value for path, value in weights.items()}
    zeros = {_slot_name(v.path): np.zeros(tuple(v.shape), str(v.dtype)) for v in _slots(function)}
    return state | zeros


def model_arrays(arrays: Arrays) -> Arrays:
    """Only the model's variables of a state, by their paths."""
    return {name.removeprefix(_MODEL): value for name, value in arrays.items() if name.startswith(_MODEL)}


def digest_of_weights(arrays: Arrays) -> str:
    """SHA-256 over the names, dtypes, shapes and bytes of a state's model variables, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for path, value in sorted(model_arrays(arrays).items()):
        digest.update(f"{path}:{value.dtype.str}:{value.shape}:".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def is_finite(arrays: Arrays) -> bool:
    """Whether no array holds an infinite value or not-a-number."""
    return all(bool(np.isfinite(value).all()) for value in arrays.values())


def _slots(function: EpochFunction) -> list[keras.Variable]:
    """The optimizer's variables but for the learning rate, which every step sets anew."""
    optimizer = function.optimizer
    return [variable for variable in optimizer.variables if variable is not optimizer.learning_rate]


def _slot_name(path: str) -> str:
    return _OPTIMIZER + path.removeprefix("optimizer/")
