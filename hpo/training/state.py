"""The whole training state as arrays, and back: weights, BatchNormalization statistics, optimizer slots, step count.

Of a training that averages its weights, the weights and their averages.
"""

from __future__ import annotations

import hashlib

import numpy as np

from hpo.errors import TrainingError
from hpo.models.backend import keras
from hpo.models.build import Arrays, load_weights, weights_of
from hpo.training.epoch import EpochFunction

_MODEL, _OPTIMIZER, _TRAINED = "model/", "optimizer/", "trained/"


def capture(function: EpochFunction) -> Arrays:
    """Every array that the next epoch depends on.

    Names begin with ``model/``, for the weights that are judged and used, or ``optimizer/``. Where the former are
    averages, ``trained/`` is what begins the names of the weights that training goes on with.
    """
    weights = weights_of(function.network.model)
    judged = weights if function.averages is None else weights | function.averages.values()
    state = _weights(function, weights, judged)
    return state | {_slot_name(variable.path): variable.value.numpy() for variable in _slots(function)}


def restore(function: EpochFunction, arrays: Arrays) -> None:
    """Sets the state that `capture` returned.

    Raises:
        TrainingError: if an array is missing or of another shape.
    """
    judged = model_arrays(arrays)
    if function.averages is None:
        load_weights(function.network.model, judged)
    else:
        load_weights(function.network.model, _below(_TRAINED, arrays))
        function.averages.load(judged)
    for variable in _slots(function):
        value = arrays.get(_slot_name(variable.path))
        if value is None or value.shape != tuple(variable.shape):
            raise TrainingError(f"the checkpoint has no {variable.path} of shape {tuple(variable.shape)}")
        variable.assign(value)


def start(function: EpochFunction, weights: Arrays) -> Arrays:
    """The state before the first step: the given weights and averages, all optimizer slots and the step count 0."""
    state = _weights(function, weights, weights)
    zeros = {_slot_name(v.path): np.zeros(tuple(v.shape), str(v.dtype)) for v in _slots(function)}
    return state | zeros


def model_arrays(arrays: Arrays) -> Arrays:
    """Only the model's variables of a state, by their paths; averages, where the training makes them."""
    return _below(_MODEL, arrays)


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


def _weights(function: EpochFunction, trained: Arrays, judged: Arrays) -> Arrays:
    state = {_MODEL + path: value for path, value in judged.items()}
    if function.averages is not None:
        state |= {_TRAINED + path: value for path, value in trained.items()}
    return state


def _below(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _slots(function: EpochFunction) -> list[keras.Variable]:
    """The optimizer's variables but for the learning rate, which every step sets anew."""
    optimizer = function.optimizer
    return [variable for variable in optimizer.variables if variable is not optimizer.learning_rate]


def _slot_name(path: str) -> str:
    return _OPTIMIZER + path.removeprefix("optimizer/")
