"""A user's own augmentation: a TensorFlow function from patches and a seed to patches, checked before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.plain import in_a_line
from hpo.recipe.architecture import FunctionSpec
from hpo.training.own_traced import Traced, traced

OwnAugmentation = Traced
"""From patches of 0..255, float32 ``(B, size, size, channels)``, and a seed, int32 ``(2,)``, to such patches."""

_BATCH = 4  # patches of the check


def own_augmentation(spec: FunctionSpec, size: int, batch: int, channels: int = 3) -> OwnAugmentation:
    """The user's function with its arguments, traced by TensorFlow; what it returns is clipped to 0..255.

    Args:
        spec: the function.
        size: side of the patches, pixels.
        batch: how many it is given at once.
        channels: of a patch.

    Raises:
        TrainingError: if it cannot be imported, raises, returns something else than float32 patches of that shape, or
            uses what is no function of the seed.
    """
    change = traced(
        spec,
        [tf.TensorSpec((batch, size, size, channels), tf.float32), tf.TensorSpec((2,), tf.int32)],
        _problem,
        "return float32 patches of the shape that it was given, as a tensor",
        "which is no function of the seed, so that a resumed training would differ; draw with "
        "tf.random.stateless_uniform(shape, seed) and the like",
    )

    def clipped(patches: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        changed = change(patches, seed)
        # What is infinite is no colour: as no number it ends the training, where 255 would hide it.
        return tf.where(tf.math.is_finite(changed), tf.clip_by_value(changed, 0.0, 255.0), np.nan)

    return clipped


def check_augmentation(spec: FunctionSpec, size: int, channels: int = 3) -> None:
    """Call the function as training will, and see that it keeps its contract; see docs/functions.md.

    Args:
        spec: the function.
        size: side of the patches, pixels.
        channels: of a patch.

    Raises:
        TrainingError: as `own_augmentation`; or if it returns values that are not finite, or other patches for the same
            seed.
    """
    change = own_augmentation(spec, size, _BATCH, channels)
    patches = noise_patches(size, channels)
    for seed in ((1, 2), (3, 4)):
        try:
            first, again = (change(patches, tf.constant(seed)).numpy() for _ in range(2))
        except tf.errors.OpError as error:
            raise TrainingError(f"{spec.function}: {type(error).__name__}: {in_a_line(error)}") from error
        if not np.isfinite(first).all():
            raise TrainingError(
                f"{spec.function}: it returned values that are infinite or no numbers, of patches of noise"
            )
        if not np.array_equal(first, again):
            raise TrainingError(f"{spec.function}: called twice with one seed, it returned two different results")


def noise_patches(size: int, channels: int = 3) -> tf.Tensor:
    """A few patches of noise, float32 ``(B, size, size, channels)``, 0..255; the same in every process."""
    noise = np.random.default_rng(0).integers(0, 256, (_BATCH, size, size, channels))
    return tf.constant(noise.astype(np.float32))


def _problem(changed: Any, patches: tf.Tensor) -> str:
    """What is wrong with what the function returned; empty if nothing is."""
    if not tf.is_tensor(changed):
        return f"it returned {type(changed).__name__}"
    if changed.dtype != tf.float32:
        return f"it returned {changed.dtype.name}"
    if not changed.shape.is_compatible_with(patches.shape):
        return f"of {tuple(patches.shape)} it returned {changed.shape}"
    return ""
