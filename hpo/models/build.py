"""Keras models from architectures, and their initial weights.

Every model maps float32 patches scaled to [-1, 1], shape ``(batch, size, size, channels)``, to logits:
``(batch, 1)`` for two classes, ``(batch, K)`` for K.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import TrainingError
from hpo.models.backend import keras, pin_keras
from hpo.models.cnn import described_cnn
from hpo.models.own_function import file_hint, settings_kept
from hpo.models.own_function import import_function as _import
from hpo.models.seeds import random_uniform
from hpo.recipe.architecture import ArchitectureSpec, FunctionSpec
from hpo.recipe.arithmetic import PLAIN, Arithmetic, ComputeDtype, why_not_compiled
from hpo.recipe.form import TWO_IN_RGB, Form
from hpo.recipe.key import canonical, digest
from hpo.recipe.size import NetworkSize

Arrays = dict[str, NDArray[Any]]
"""From a variable's path, such as ``conv1/kernel``, to its value."""

RANDOM_STATE = "seed_generator_state"
"""The last part of the path of a variable that holds a layer's random state."""


def build_model(
    architecture: ArchitectureSpec,
    size: int,
    *,
    batch_normalization: bool = False,
    arithmetic: Arithmetic = PLAIN,
    form: Form = TWO_IN_RGB,
) -> keras.Model:
    """The Keras model of an architecture; its weights are of no meaning until `initial_weights` are loaded.

    Args:
        architecture: what the model is made of.
        size: side of the square patches, pixels.
        batch_normalization: BatchNormalization after every convolution, before its activation.
        arithmetic: what the model is to be trained in; its variables are float32 and have the same names in any.
        form: classes and channels of the data.

    Returns:
        A model from float32 ``(batch, size, size, channels)`` in [-1, 1] to logits, float32 ``(batch, outputs)``. The
        layers of a CNN are named ``conv1``, ``conv1_bn``, ``conv1_relu``, ``pool1``, ..., ``dense1``, ..., ``logit``
        (and ``block2_shortcut``), so that weights pass between models by name.

    Raises:
        TrainingError: if the architecture does not fit the patch size, or its function returns something else.
    """
    if isinstance(architecture, FunctionSpec):
        if batch_normalization:
            raise TrainingError(
                f"{architecture.function}: BatchNormalization cannot be inserted into a model that a function makes; "
                "set batch_normalization to false, or let the function build it in"
            )
        return _function_model(architecture, size, form, seed=0, compute_dtype=arithmetic.compute_dtype)
    reason = why_not_compiled(architecture) if arithmetic.jit_compile else None
    if reason is not None:
        raise TrainingError(reason)
    if architecture.dropout:
        # Keras numbers random states over the whole process; they are stored by name, so each model starts at one.
        keras.backend.clear_session(free_memory=False)
        pin_keras()
    try:
        with _computing_in(arithmetic.compute_dtype):
            return described_cnn(architecture, size, form, batch_normalization, arithmetic.jit_compile)
    except ValueError as error:
        raise TrainingError(f"the architecture does not fit patches of {size} pixels: {error}") from error


def initial_weights(architecture: ArchitectureSpec, model: keras.Model, seed: int) -> Arrays:
    """Random initial weights that depend on the architecture and the seed alone.

    A CNN's kernels are Glorot-uniform, each from its own random numbers addressed by seed and path, so that an
    inserted BatchNormalization does not change the other layers' values; biases are 0. A function is called again
    after `keras.utils.set_random_seed`.

    Args:
        architecture: of the model.
        model: as `build_model` made it.
        seed: the recipe's seed.

    Returns:
        A value for every variable of the model.

    Source: Glorot and Bengio 2010, Eq. 16 (Keras' default).
    """
    if isinstance(architecture, FunctionSpec):
        form = Form(max(2, model.output_shape[-1]), model.input_shape[-1])
        return weights_of(_function_model(architecture, model.input_shape[1], form, seed))
    return {variable.path: _fresh(variable.path, tuple(variable.shape), seed) for variable in model.variables}


def weights_of(model: keras.Model) -> Arrays:
    """The present value of each of a model's variables, BatchNormalization statistics included, by path."""
    return {variable.path: variable.value.numpy() for variable in model.variables}


def load_weights(model: keras.Model, arrays: Arrays) -> None:
    """Sets every variable of a model.

    Raises:
        TrainingError: if an array is missing or of another shape.
    """
    for variable in model.variables:
        value = arrays.get(variable.path)
        if value is None or value.shape != tuple(variable.shape):
            found = "nothing" if value is None else f"shape {value.shape}"
            raise TrainingError(f"weights of {variable.path}: found {found}, expected shape {tuple(variable.shape)}")
        variable.assign(value)


@contextmanager
def _computing_in(dtype: ComputeDtype) -> Iterator[None]:
    """Layers made inside compute in this type, those of a user's function too; their variables are float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if dtype == "float32" else f"mixed_{dtype}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _fresh(path: str, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    kind = path.rpartition("/")[2]
    if kind in ("gamma", "moving_variance"):
        return np.ones(shape, np.float32)
    if kind == RANDOM_STATE:  # of Dropout: two whole numbers, of which Keras counts up the second
        return np.array([int(digest([seed, path])[:7], 16), 0], np.int64)
    if kind != "kernel":
        return np.zeros(shape, np.float32)
    receptive_field = math.prod(shape[:-2])
    limit = math.sqrt(6.0 / (receptive_field * (shape[-2] + shape[-1])))
    return ((2.0 * random_uniform(shape, seed, path) - 1.0) * limit).astype(np.float32)


def network_size(spec: FunctionSpec, size: int, form: Form = TWO_IN_RGB) -> NetworkSize:
    """The size of the network that a function makes.

    It is counted by its variables' shapes, which take no memory, so a network that would not fit has a size too. Only a
    function that reads the values of its variables, as one that loads weights may, is built whole.

    Raises:
        TrainingError: if the function does not make a network.
    """
    try:
        return _counted(
            _function_model(spec, size, form, seed=0, inside=keras.StatelessScope(initialize_variables=False))
        )
    except TrainingError:
        return _counted(_function_model(spec, size, form, seed=0))
    finally:
        keras.backend.clear_session(free_memory=False)  # no random state without a value stays behind
        pin_keras()


def _counted(model: keras.Model) -> NetworkSize:
    trained, every = (
        sum(math.prod(weight.shape) for weight in weights) for weights in (model.trainable_weights, model.weights)
    )
    return NetworkSize(trained, every)


def _function_model(
    spec: FunctionSpec,
    size: int,
    form: Form,
    seed: int,
    compute_dtype: ComputeDtype = "float32",
    inside: AbstractContextManager[Any] | None = None,
) -> keras.Model:
    with settings_kept(spec):
        function = _import(spec)
        pin_keras()  # whatever the module has set when it was first imported
        # Keras numbers unnamed layers over the whole process; weights are stored by name, so each model starts at one.
        keras.backend.clear_session(free_memory=False)
        keras.utils.set_random_seed(seed % 2**32)
        try:
            with _computing_in(compute_dtype), inside or nullcontext():  # clearing the session would forget both
                # As the key has them: a whole number is an int, however it was written.
                arguments = canonical(dict(spec.arguments))
                model = function((size, size, form.channels), **arguments, **_outputs(spec, function, form))
        except (Exception, SystemExit) as error:
            said = " ".join(str(error).split())
            raise TrainingError(f"{spec.function}: {type(error).__name__}: {said}{file_hint(spec, error)}") from error
    problem = _problem(model, size, form)
    if problem:
        given = "one logit" if form.outputs == 1 else f"{form.outputs} logits"
        raise TrainingError(
            f"{spec.function}: {problem}; it must return a keras.Model from ({size}, {size}, {form.channels}) to "
            f"{given}, (None, {form.outputs})"
        )
    return model


def _outputs(spec: FunctionSpec, function: Any, form: Form) -> dict[str, int]:
    """The argument ``outputs`` for a function that takes it and makes no model of two classes, unless it is set."""
    if form.outputs == 1:
        return {}
    try:
        takes = "outputs" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        takes = False
    return {"outputs": form.outputs} if takes and "outputs" not in dict(spec.arguments) else {}


def check_repeatable(spec: FunctionSpec, model: keras.Model) -> None:
    """See that a function makes the same network when it is called once more with the same seed.

    Args:
        spec: the function.
        model: as `build_model` made it of this specification, its weights untouched.

    Raises:
        TrainingError: naming a variable that has another shape or value, or is not there.
    """
    form = Form(max(2, model.output_shape[-1]), model.input_shape[-1])
    first = weights_of(model)
    again = weights_of(_function_model(spec, model.input_shape[1], form, seed=0))
    for path in sorted({*first, *again}):
        one, other = first.get(path), again.get(path)
        if one is None or other is None or one.shape != other.shape:
            found = " and ".join("nothing" if value is None else str(value.shape) for value in (one, other))
            problem = f"two calls made {found}"
        elif not np.array_equal(one, other, equal_nan=True):
            problem = "two calls with one seed gave it other values"
        else:
            continue
        raise TrainingError(
            f"{spec.function}: of its variable {path} {problem}, so that no training could be resumed; draw random "
            "numbers by keras.random or from a fixed seed, and decide nothing by time or machine"
        )


def _problem(model: Any, size: int, form: Form) -> str:
    """What is wrong with a function's model; empty if nothing is."""
    if not isinstance(model, keras.Model):
        return f"it returned {type(model).__name__}"
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        return f"its {type(model).__name__} does not know its input and output; return keras.Model(inputs, outputs)"
    if model.input_shape != (None, size, size, form.channels) or model.output_shape != (None, form.outputs):
        return f"its model goes from {model.input_shape} to {model.output_shape}"
    paths = [variable.path for variable in model.variables]
    repeated = sorted({path for path in paths if paths.count(path) > 1})
    if repeated:
        return f"several of its variables are named {repeated[0]}"
    for parts in ("operations", "layers"):  # keras.ops.sigmoid is an operation, and no layer
        last = model
        while isinstance(last, keras.Model):
            last = getattr(last, parts, last.layers)[-1]
        applied = getattr(getattr(last, "activation", None), "__name__", "") or type(last).__name__.lower()
        if applied in ("sigmoid", "softmax"):
            return f"its last layer, {last.name}, applies {applied}, so that it gives no logit"
    return ""
