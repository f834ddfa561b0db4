"""Augmentation inside the graph, driven by random numbers drawn outside it.

An epoch's random numbers are a function of (seed, epoch) alone: no generator has a state that a checkpoint would have
to hold, and an epoch repeats exactly whatever was trained before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.models.seeds import random_uniform, random_words
from hpo.training.alter import NOTHING, Alterations, Asked, draw_alterations
from hpo.training.sampling import balanced_rows


@dataclass(frozen=True)
class Draws:
    """The random numbers of one epoch of ``S`` steps with ``B`` patches each.

    Args:
        order: int32 ``(S, B)``: which patch stands where.
        turns: bool ``(S, B, 3)``: mirror left-right, mirror top-bottom, transpose.
        stain: float32 ``(S, B, 6)``: scale, then shift, of the three optical-density channels.
        alterations: the numbers of all other changes.
    """

    order: NDArray[np.int32]
    turns: NDArray[np.bool_]
    stain: NDArray[np.float32]
    alterations: Alterations


def draw_epoch(
    seed: int,
    epoch: int,
    patches: int,
    batch_size: int,
    stain_jitter: float,
    others: Asked = NOTHING,
    *,
    equally: NDArray[np.uint8] | None = None,
) -> Draws:
    """Draws the patch order and the augmentation of an epoch, statelessly.

    Args:
        seed: the recipe's seed.
        epoch: counted from 1.
        patches: number of training patches; each comes at most once, and the last incomplete batch is left out.
        batch_size: patches a step.
        stain_jitter: strength ``j``: scales are uniform in ``1 +- j``, shifts in ``+- 0.3 j``.
        others: the changes that are asked for besides.
        equally: number of each patch's class, ``(patches,)``, if every class is to come equally often: some patches
            then come several times, others not at all.
    """
    shape = (patches // batch_size, batch_size)
    used = shape[0] * batch_size
    if equally is None:
        order = np.argsort(random_words(patches, seed, epoch, "order"), kind="stable")[:used]
    else:
        order = balanced_rows(equally, used, seed, epoch)
    turns = random_uniform((*shape, 3), seed, epoch, "turns") < 0.5
    spread = 2.0 * random_uniform((*shape, 6), seed, epoch, "stain") - 1.0
    strength = stain_jitter * np.array([1.0, 1.0, 1.0, 0.3, 0.3, 0.3])
    centre = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    stain = (centre + strength * spread).astype(np.float32)
    alterations = draw_alterations(seed, epoch, others, stain)
    return Draws(order.reshape(shape).astype(np.int32), turns, stain, alterations)


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
def turn(patches: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Flips and quarter turns: three fair bits make all eight symmetries of the square equally likely.

    XLA makes one loop over the pixels of this, which takes a tenth of the time of gathering them one by one.

    Args:
        patches: any dtype, ``(B, size, size, 3)``.
        turns: bool ``(B, 3)``: mirror left-right, mirror top-bottom, transpose, in this order.
    """
    left_right, top_bottom, transposed = tf.unstack(turns[:, :, None, None, None], axis=1)
    patches = tf.where(left_right, patches[:, :, ::-1], patches)
    patches = tf.where(top_bottom, patches[:, ::-1], patches)
    return tf.where(transposed, tf.transpose(patches, (0, 2, 1, 3)), patches)


@tf.function(jit_compile=True, autograph=False)  # type: ignore[untyped-decorator]
def jitter_stain(patches: tf.Tensor, stain: tf.Tensor) -> tf.Tensor:
    """Changes each patch's stain in optical density, as another slide or laboratory would.

    With ``x`` in 0..255, per channel: ``OD = -log((x + 1) / 256)``, ``OD' = scale * OD + shift`` and
    ``x' = 256 * exp(-OD') - 1``, clipped to 0..255.

    Args:
        patches: of 0..255, any dtype, ``(B, size, size, 3)``.
        stain: float32 ``(B, 6)``: three scales, three shifts.

    Returns:
        float32 ``(B, size, size, 3)``.

    Source: Beer-Lambert law; Tellez et al. 2018 (H&E stain augmentation), here on the RGB channels themselves.
    """
    scale, shift = stain[:, None, None, :3], stain[:, None, None, 3:]
    density = -tf.math.log((tf.cast(patches, tf.float32) + 1.0) / 256.0)
    return tf.clip_by_value(256.0 * tf.exp(-(scale * density + shift)) - 1.0, 0.0, 255.0)
