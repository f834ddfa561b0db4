"""The Keras layers of a described CNN."""

from __future__ import annotations

from typing import Any

from hpo.models.backend import keras
from hpo.models.pooling import TiledMaximum
from hpo.recipe.architecture import CnnSpec, blocks
from hpo.recipe.as_built import as_built
from hpo.recipe.form import Form
from hpo.recipe.geometry import shortcut_stride


def described_cnn(spec: CnnSpec, size: int, form: Form, batch_normalization: bool, jit_compile: bool) -> keras.Model:
    """The model, in the types that Keras is set to, and an output in float32.

    Args:
        spec: what it is made of.
        size: side of the patches, pixels.
        form: classes and channels of the data.
        batch_normalization: after every convolution, whatever the specification says.
        jit_compile: whether XLA is to compile its training.

    Raises:
        ValueError: if the patches are too small for it.
    """
    spec = as_built(spec)
    if (spec.crop or size) > size:
        raise ValueError(f"their middle cannot be {spec.crop} pixels wide")
    normalized = range(len(spec.convolutions)) if batch_normalization else spec.batch_normalization
    inputs = x = keras.Input((size, size, form.channels), name="patches")
    if spec.crop is not None and spec.crop < size:
        before = (size - spec.crop) // 2
        after = size - spec.crop - before
        x = keras.layers.Cropping2D(((before, after), (before, after)), name="crop")(x)
    for number, block in enumerate(blocks(spec.convolutions)):
        x = _block(spec, block, number, x, set(normalized))
        last = block[-1]
        if spec.pool > 1 and spec.convolutions[last].pool:
            x = _pooling(spec, f"pool{last + 1}", jit_compile)(x)
    x = _flattened(spec, x)
    for index, units in enumerate(spec.dense):
        x = _dropped(x, spec.dropout, f"dropout{index + 1}")
        x = keras.layers.Dense(units, activation=spec.activation, name=f"dense{index + 1}")(x)
    x = _dropped(x, spec.dropout, "dropout_last")
    logit = keras.layers.Dense(form.outputs, dtype="float32", name="logit")  # of which bfloat16 would make ties
    return keras.Model(inputs, logit(x), name="cnn")


def _block(spec: CnnSpec, block: tuple[int, ...], number: int, entering: Any, normalized: set[int]) -> Any:
    """Convolutions with activations, and a shortcut round them where there is one."""
    x = entering
    for index in block:
        convolution, name = spec.convolutions[index], f"conv{index + 1}"
        x = keras.layers.Conv2D(
            convolution.filters, convolution.kernel, strides=convolution.stride, padding=spec.padding, name=name
        )(x)
        if index in normalized:
            x = _normalized(spec, x, name)
        if index == block[-1] and spec.residual and number:
            shortcut = _shortcut(spec, block, entering, x, f"block{number + 1}_shortcut", index in normalized)
            x = keras.layers.Add(name=f"block{number + 1}_sum")([x, shortcut])
        x = _activation(spec, name)(x)
    return x


def _shortcut(spec: CnnSpec, block: tuple[int, ...], entering: Any, leaving: Any, name: str, normalized: bool) -> Any:
    if entering.shape == leaving.shape:
        return entering
    stride = shortcut_stride(spec, block)
    x = keras.layers.Conv2D(leaving.shape[-1], 1, strides=stride, padding=spec.padding, name=name)(entering)
    return _normalized(spec, x, name) if normalized else x


def _normalized(spec: CnnSpec, x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(momentum=spec.bn_momentum, name=f"{name}_bn")(x)


def _activation(spec: CnnSpec, name: str) -> keras.layers.Layer:
    if spec.activation == "relu":
        return keras.layers.ReLU(name=f"{name}_relu")
    return keras.layers.Activation(spec.activation, name=f"{name}_{spec.activation}")


def _flattened(spec: CnnSpec, x: Any) -> Any:
    """One row of values for each patch."""
    if spec.pooling == "average":
        return keras.layers.GlobalAveragePooling2D(name="average")(x)
    if spec.pooling == "max":
        return keras.layers.GlobalMaxPooling2D(name="maximum")(x)
    return keras.layers.Flatten(name="flatten")(x)


def _dropped(x: Any, rate: float, name: str) -> Any:
    return keras.layers.Dropout(rate, name=name)(x) if rate else x


def _pooling(spec: CnnSpec, name: str, jit_compile: bool) -> keras.layers.Layer:
    if not jit_compile:
        return keras.layers.MaxPooling2D(spec.pool, spec.pool_stride, padding=spec.padding, name=name)
    return TiledMaximum(spec.pool, spec.padding, name=name)
