"""What a CNN specification amounts to, by arithmetic, without TensorFlow."""

from __future__ import annotations

from hpo.recipe.architecture import CnnSpec, as_built


def multiplications(spec: CnnSpec, patch_size: int) -> int:
    """Multiplications that one patch takes from input to logit.

    Training takes about three times as many, with as many additions.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
    """
    spec = as_built(spec)
    side, channels, count = patch_size, 3, 0
    for convolution in spec.convolutions:
        side = _output_side(side, convolution.kernel, convolution.stride, spec.padding)
        count += side * side * convolution.kernel**2 * channels * convolution.filters
        channels = convolution.filters
        if spec.pool > 1:
            side = _output_side(side, spec.pool, spec.pool_stride, spec.padding)
    values = side * side * channels
    for units in (*spec.dense, 1):
        count += values * units
        values = units
    return count


def is_fitting(spec: CnnSpec, patch_size: int) -> bool:
    """Whether every kernel sees an input as large as itself, so that no weights lie on padding alone.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
    """
    side = patch_size
    for convolution in spec.convolutions:
        if side < convolution.kernel:
            return False
        side = _output_side(side, convolution.kernel, convolution.stride, spec.padding)
        if spec.pool > 1:
            side = _output_side(side, spec.pool, spec.pool_stride, spec.padding)
    return side >= 1


def trainable_parameters(spec: CnnSpec, patch_size: int, *, batch_normalization: bool = False) -> int:
    """The number of trainable parameters of a CNN on RGB patches.

    Args:
        spec: the architecture.
        patch_size: side of the square patches, pixels.
        batch_normalization: the recipe's: one after every convolution.
    """
    spec = as_built(spec)
    side, channels, count = patch_size, 3, 0
    for number, convolution in enumerate(spec.convolutions):
        count += (convolution.kernel**2 * channels + 1) * convolution.filters
        if batch_normalization or number in spec.batch_normalization:
            count += 2 * convolution.filters
        channels = convolution.filters
        side = _output_side(side, convolution.kernel, convolution.stride, spec.padding)
        if spec.pool > 1:
            side = _output_side(side, spec.pool, spec.pool_stride, spec.padding)
    values = side * side * channels
    for units in (*spec.dense, 1):
        count += (values + 1) * units
        values = units
    return count


def _output_side(side: int, window: int, stride: int, padding: str) -> int:
    return -(-side // stride) if padding == "same" else (side - window) // stride + 1
