"""What a CNN specification amounts to, by arithmetic, without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from hpo.recipe.architecture import CnnSpec, blocks
from hpo.recipe.as_built import as_built
from hpo.recipe.form import TWO_IN_RGB, Form


class Window(NamedTuple):
    """A layer that slides a window over its input.

    Args:
        kind: what it is.
        number: of its convolution (from 0), as built; of its block's last for a shortcut.
        side: of the window, pixels.
        input: side of its input, pixels.
        output: side of its output, pixels.
        channels: of its input.
        filters: of its output; pooling keeps the channels.
    """

    kind: Literal["kernel", "shortcut", "pooling"]
    number: int
    side: int
    input: int
    output: int
    channels: int
    filters: int

    @property
    def multiplications(self) -> int:
        """For one patch."""
        return 0 if self.kind == "pooling" else self.output**2 * self.side**2 * self.channels * self.filters

    @property
    def parameters(self) -> int:
        """Weights and biases, those of a BatchNormalization apart."""
        return 0 if self.kind == "pooling" else (self.side**2 * self.channels + 1) * self.filters


def windows(spec: CnnSpec, patch_size: int, channels: int = 3) -> Iterator[Window]:
    """Convolutions, shortcuts and pooling, in order from the input; ends after one that does not fit.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
        channels: of the patches.
    """
    spec = as_built(spec)
    side = min(patch_size, spec.crop or patch_size)
    for number, block in enumerate(blocks(spec.convolutions)):
        entering, entered = side, channels
        for index in block:
            layer = spec.convolutions[index]
            output = _output_side(side, layer.kernel, layer.stride, spec.padding)
            yield Window("kernel", index, layer.kernel, side, output, channels, layer.filters)
            side, channels = output, layer.filters
            if side < 1:
                return
        if spec.residual and number and (entering, entered) != (side, channels):
            yield Window("shortcut", block[-1], 1, entering, side, entered, channels)
        if spec.pool > 1 and spec.convolutions[block[-1]].pool:
            output = _output_side(side, spec.pool, spec.pool_stride, spec.padding)
            yield Window("pooling", block[-1], spec.pool, side, output, channels, channels)
            side = output
            if side < 1:
                return


def shortcut_stride(spec: CnnSpec, block: tuple[int, ...]) -> int:
    """Step of the 1x1 convolution beside a block, pixels: what the block's own convolutions make together."""
    return math.prod(spec.convolutions[index].stride for index in block)


def multiplications(spec: CnnSpec, patch_size: int, form: Form = TWO_IN_RGB) -> int:
    """Multiplications that one patch takes from input to logit.

    Training takes about three times as many, with as many additions.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
        form: classes and channels of the data.
    """
    layers = list(windows(spec, patch_size, form.channels))
    widths = _widths(spec, layers[-1], form.outputs)
    return sum(layer.multiplications for layer in layers) + sum(given * units for given, units in pairwise(widths))


def is_fitting(spec: CnnSpec, patch_size: int) -> bool:
    """Whether every kernel sees an input as large as itself, so that no weights lie on padding alone.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
    """
    return all(
        layer.output >= 1 and (layer.kind == "pooling" or layer.side <= layer.input)
        for layer in windows(spec, patch_size)
    )


def trainable_parameters(
    spec: CnnSpec, patch_size: int, *, batch_normalization: bool = False, form: Form = TWO_IN_RGB
) -> int:
    """The number of trainable parameters of a CNN.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
        batch_normalization: the recipe's: one after every convolution.
        form: classes and channels of the data.
    """
    layers = list(windows(spec, patch_size, form.channels))
    widths = _widths(spec, layers[-1], form.outputs)
    return (
        sum(layer.parameters for layer in layers)
        + normalization_values(spec, patch_size, batch_normalization=batch_normalization)
        + sum((given + 1) * units for given, units in pairwise(widths))
    )


def normalization_values(spec: CnnSpec, patch_size: int, *, batch_normalization: bool = False) -> int:
    """Scales and offsets of all BatchNormalizations, which are trained; their statistics are as many, and are not.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
        batch_normalization: the recipe's: one after every convolution.
    """
    normalized = as_built(spec).batch_normalization
    return sum(
        2 * layer.filters
        for layer in windows(spec, patch_size)
        if layer.kind != "pooling" and (batch_normalization or layer.number in normalized)
    )


def _widths(spec: CnnSpec, last: Window, outputs: int) -> list[int]:
    """Values that enter the dense part, and units of each of its layers, the logits included."""
    values = last.filters * (last.output**2 if spec.pooling == "flatten" else 1)
    return [values, *as_built(spec).dense, outputs]


def _output_side(side: int, window: int, stride: int, padding: str) -> int:
    return -(-side // stride) if padding == "same" else (side - window) // stride + 1
