"""Random changes of patches that a search space may ask for: shifts, blur, H&E jitter, brightness, mixup and cutmix.

As with turns and stain jitter, all random numbers are drawn outside the graph, as a function of (seed, epoch) alone.
Each change has an address of its own, so that one that is switched on alters no other's numbers; one that is off draws
nothing, is compiled into nothing and costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.data.stain import RUIFROK_JOHNSTON
from hpo.models.backend import tf
from hpo.models.seeds import random_uniform, random_words
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.augmentations import NO_AUGMENTATIONS, Augmentations
from hpo.recipe.recipe import Recipe


class Alterations(NamedTuple):
    """The random numbers of ``S`` steps with ``B`` patches each; the last axis is empty where a change is off.

    NumPy arrays of an epoch, or tensors of a part of one, or of one step (then without the first axis).

    Args:
        shift: int32 ``(S, B, 2)``: by how many pixels, down and right.
        blur: float32 ``(S, B, 1)``: standard deviation, pixels.
        stain: float32 ``(S, B, 12)``: a 3x3 matrix by rows and three shifts, of optical density.
        brightness: float32 ``(S, B, 1)``: the factor.
        mix: float32 ``(S, B, 6)``: share of the other patch everywhere; its share of the label; and the rectangle that
            it covers, from row to row and from column to column.
        seed: int32 ``(S, 2)``, of the user's own function; ``(S, 0)`` without one.
    """

    shift: Any
    blur: Any
    stain: Any
    brightness: Any
    mix: Any
    seed: Any


@dataclass(frozen=True)
class Altering:
    """Which changes a step is compiled for; how strong they are is data to it."""

    shift: bool = False
    blur_radius: int = 0
    he_jitter: bool = False
    brightness: bool = False
    mixes: bool = False
    own: FunctionSpec | None = None

    @classmethod
    def of(cls, recipe: Recipe) -> Altering:
        """The changes that a recipe asks for."""
        asked = recipe.augmentations
        return cls(
            shift=asked.shift > 0,
            blur_radius=asked.blur_radius,
            he_jitter=asked.he_jitter > 0,
            brightness=asked.brightness > 0,
            mixes=asked.mixes,
            own=recipe.augment,
        )

    def signature(self, batch: int) -> Alterations:
        """The tensors of a part of an epoch, as a compiled function's input."""

        def of(width: int, is_on: bool, dtype: tf.DType = tf.float32) -> tf.TensorSpec:
            return tf.TensorSpec((None, batch, width if is_on else 0), dtype)

        return Alterations(
            shift=of(2, self.shift, tf.int32),
            blur=of(1, self.blur_radius > 0),
            stain=of(12, self.he_jitter),
            brightness=of(1, self.brightness),
            mix=of(6, self.mixes),
            seed=tf.TensorSpec((None, 2 if self.own else 0), tf.int32),
        )


@dataclass(frozen=True)
class Asked:
    """What an epoch's numbers are drawn for.

    Args:
        augmentations: how strong each change is.
        size: side of the patches, pixels.
        has_own: whether the user's own function is called too.
    """

    augmentations: Augmentations = NO_AUGMENTATIONS
    size: int = 0
    has_own: bool = False


NOTHING = Asked()


def draw_alterations(seed: int, epoch: int, of: Asked, stain: NDArray[np.float32]) -> Alterations:
    """Draw the numbers of an epoch, statelessly.

    Args:
        seed: the recipe's seed.
        epoch: counted from 1.
        of: what is asked for.
        stain: float32 ``(S, B, 6)``, the scales and shifts of stain jitter: they are made part of H&E jitter's.
    """
    asked, shape = of.augmentations, (stain.shape[0], stain.shape[1])

    def uniform(width: int, is_on: bool, what: str) -> NDArray[np.float64]:
        return random_uniform((*shape, width), seed, epoch, what) if is_on else np.empty((*shape, 0))

    shift = np.floor(uniform(2, asked.shift > 0, "shift") * (2 * asked.shift + 1)) - asked.shift
    he = 2.0 * uniform(4, asked.he_jitter > 0, "he") - 1.0
    brightness = 1.0 + asked.brightness * (2.0 * uniform(1, asked.brightness > 0, "brightness") - 1.0)
    seeds = random_words(2 * shape[0] if of.has_own else 0, seed, epoch, "own") >> np.uint64(33)
    return Alterations(
        shift=shift.astype(np.int32),
        blur=(asked.blur * uniform(1, asked.blur_radius > 0, "blur")).astype(np.float32),
        stain=_stain_maps(asked.he_jitter * he, stain) if asked.he_jitter > 0 else np.empty((*shape, 0), np.float32),
        brightness=brightness.astype(np.float32),
        mix=_mixing(asked, seed, epoch, of.size, shape) if asked.mixes else np.empty((*shape, 0), np.float32),
        seed=seeds.reshape(shape[0], 2 if of.has_own else 0).astype(np.int32),
    )


def _stain_maps(he: NDArray[np.float64], stain: NDArray[np.float32]) -> NDArray[np.float32]:
    """H&E jitter, and after it stain jitter, as one affine map of optical density.

    With ``C = OD . inverse(M)`` the concentrations, ``C' = scale * C + shift`` and ``OD' = C' . M``.
    """
    stains = RUIFROK_JOHNSTON
    unmix = np.linalg.inv(stains)
    # OD' = OD + sum over both stains of (j_scale * (OD . unmix) + 0.3 j_shift) * stain
    matrix = np.eye(3) + np.einsum("ck,...k,kd->...cd", unmix[:, :2], he[..., :2], stains[:2])
    shift = 0.3 * he[..., 2:] @ stains[:2]
    scale, more = stain[..., :3].astype(np.float64), stain[..., 3:]
    matrix = (matrix * scale[..., None, :]).reshape(*he.shape[:-1], 9)
    return np.concatenate([matrix, shift * scale + more], axis=-1).astype(np.float32)


def _mixing(asked: Augmentations, seed: int, epoch: int, size: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """What `Alterations.mix` holds: the other patch's share is a half or less, so that each patch stays what it is."""
    from scipy.special import betaincinv  # takes a while to import, and most trainings need none

    def share(alpha: float, what: str) -> NDArray[np.float64]:
        drawn: NDArray[np.float64] = betaincinv(alpha, alpha, random_uniform(shape, seed, epoch, what))
        folded: NDArray[np.float64] = np.minimum(drawn, 1.0 - drawn)
        return folded

    mixed, box = np.zeros(shape), np.zeros((*shape, 4))
    if asked.mixup > 0:
        mixed = share(asked.mixup, "mixup")
    if asked.cutmix > 0:
        half = 0.5 * np.sqrt(share(asked.cutmix, "cutmix"))[..., None]
        centre = random_uniform((*shape, 2), seed, epoch, "cutmix centre")
        ends = np.stack([centre - half, centre + half], axis=-1).reshape(*shape, 4)
        box = np.clip(np.round(size * ends), 0, size)
    if asked.mixup > 0 and asked.cutmix > 0:
        is_mixup = random_uniform(shape, seed, epoch, "mixup or cutmix") < 0.5
        mixed, box = np.where(is_mixup, mixed, 0.0), np.where(is_mixup[..., None], 0.0, box)
    area = (box[..., 1] - box[..., 0]) * (box[..., 3] - box[..., 2]) / size**2
    return np.concatenate([np.stack([mixed, mixed + area], axis=-1), box], axis=-1).astype(np.float32)


def shift(patches: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """Moves each patch down and right; its mirror image comes in at the edges, whose own pixels are not repeated.

    Args:
        patches: any dtype, ``(B, size, size, 3)``.
        pixels: int32 ``(B, 2)``, each less than ``size``.
    """
    last = patches.shape[1] - 1
    from_where = tf.range(last + 1)[None, :, None] - pixels[:, None, :]
    mirrored = last - tf.abs(last - tf.abs(from_where))
    patches = tf.gather(patches, mirrored[:, :, 0], axis=1, batch_dims=1)
    return tf.gather(patches, mirrored[:, :, 1], axis=2, batch_dims=1)


def blur(patches: tf.Tensor, deviation: tf.Tensor, radius: int) -> tf.Tensor:
    """Gaussian blur, each patch with its own standard deviation; edges are mirrored.

    Args:
        patches: of 0..255, any dtype, ``(B, size, size, 3)``.
        deviation: float32 ``(B, 1)``, pixels; 0 is none.
        radius: pixels to either side that count, less than ``size``.

    Returns:
        float32 ``(B, size, size, 3)``.
    """
    distance = tf.range(-radius, radius + 1, dtype=tf.float32)[None]
    weights = tf.exp(-0.5 * tf.square(distance / tf.maximum(deviation, 1e-3)))
    weights /= tf.reduce_sum(weights, axis=1, keepdims=True)
    # Each direction by itself: together, XLA would compute the first anew for every pixel of the second.
    return _blur_along(_blur_along(tf.cast(patches, tf.float32), weights, 1), weights, 2)


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
def _blur_along(patches: tf.Tensor, weights: tf.Tensor, axis: int) -> tf.Tensor:
    """The sum of moved copies, which XLA makes one loop of."""
    taps, size = weights.shape[1], patches.shape[axis]
    pads = [[0, 0] for _ in range(4)]
    pads[axis] = [taps // 2, taps // 2]
    padded = tf.pad(patches, pads, "REFLECT")
    total = tf.zeros_like(patches)
    for tap in range(taps):
        moved = padded[:, tap : tap + size] if axis == 1 else padded[:, :, tap : tap + size]
        total += weights[:, tap, None, None, None] * moved
    return total


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
def restain(patches: tf.Tensor, stain: tf.Tensor) -> tf.Tensor:
    """Changes each patch's optical density by an affine map; see `hpo.training.augment.jitter_stain` for the density.

    Args:
        patches: of 0..255, any dtype, ``(B, size, size, 3)``.
        stain: float32 ``(B, 12)``: of ``OD' = OD . matrix + shift`` the matrix by rows, then the shift.

    Returns:
        float32 ``(B, size, size, 3)``, of 0..255.

    Source: Ruifrok and Johnston 2001, "Quantification of histochemical staining by color deconvolution".
    """
    matrix = stain[:, None, None, :]
    density = -tf.math.log((tf.cast(patches, tf.float32) + 1.0) / 256.0)
    changed = matrix[..., 9:]
    for channel in range(3):
        changed += density[..., channel : channel + 1] * matrix[..., 3 * channel : 3 * channel + 3]
    return tf.clip_by_value(256.0 * tf.exp(-changed) - 1.0, 0.0, 255.0)


def brighten(patches: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Multiplies each patch's values of 0..255 by a factor, float32 ``(B, 1)``, and clips them to 0..255."""
    return tf.clip_by_value(tf.cast(patches, tf.float32) * factor[:, :, None, None], 0.0, 255.0)


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
def mix(patches: tf.Tensor, labels: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Combines each patch with its neighbour in the batch, which the random order made a random one.

    Args:
        patches: of 0..255, any dtype, ``(B, size, size, 3)``.
        labels: float32 ``(B,)``, or ``(B, K)`` with a column for each class.
        numbers: float32 ``(B, 6)``; see `Alterations.mix`.

    Returns:
        Patches, float32, and labels, of the same shapes.
    """
    patches = tf.cast(patches, tf.float32)
    size = patches.shape[1]
    place = tf.range(size, dtype=tf.float32)[None]
    rows = tf.logical_and(place >= numbers[:, 2:3], place < numbers[:, 3:4])
    columns = tf.logical_and(place >= numbers[:, 4:5], place < numbers[:, 5:6])
    covered = tf.logical_and(rows[:, :, None], columns[:, None, :])
    share = tf.where(covered, 1.0, numbers[:, 0, None, None])[..., None]
    of_label = tf.reshape(numbers[:, 1], [-1] + [1] * (len(labels.shape) - 1))
    patches += share * (tf.roll(patches, 1, axis=0) - patches)
    return patches, labels + of_label * (tf.roll(labels, 1, axis=0) - labels)
