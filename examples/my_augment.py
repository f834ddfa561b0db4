"""An augmentation of your own: ``augment: "my_augment:elastic"`` in the study file.

A TensorFlow function of training patches, float32 ``(batch, height, width, 3)`` of 0 to 255, and a seed, int32
``(2,)``, which is different in every step. It returns patches of the same shape and type. All its random numbers come
from the seed, so that a training that was interrupted sees the very same patches.
"""

from __future__ import annotations

import tensorflow as tf


def elastic(patches: tf.Tensor, seed: tf.Tensor, bend: float = 2.0) -> tf.Tensor:
    """Bend each patch as tissue bends on a slide: a smooth random field moves its pixels, bilinearly.

    ``bend`` is the largest shift in pixels, and a factor: name it in the search space,
    ``bend: {reference: 2.0, levels: [0.0, 2.0, 4.0]}``.

    Source: Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks".
    """
    batch, height, width = patches.shape[0], patches.shape[1], patches.shape[2]
    coarse = tf.random.stateless_uniform((batch, 4, 4, 2), seed, -bend, bend)
    field = tf.image.resize(coarse, (height, width), method="bicubic")
    rows = tf.range(height, dtype=tf.float32)[None, :, None] + field[..., 0]
    columns = tf.range(width, dtype=tf.float32)[None, None, :] + field[..., 1]
    rows = tf.clip_by_value(rows, 0.0, height - 1.0)
    columns = tf.clip_by_value(columns, 0.0, width - 1.0)
    top, left = tf.floor(rows), tf.floor(columns)
    below, beside = rows - top, columns - left
    bent = tf.zeros_like(patches)
    for down, vertical in ((0, 1.0 - below), (1, below)):
        for right, horizontal in ((0, 1.0 - beside), (1, beside)):
            row = tf.minimum(tf.cast(top, tf.int32) + down, height - 1)
            column = tf.minimum(tf.cast(left, tf.int32) + right, width - 1)
            corner = tf.gather_nd(patches, tf.stack([row, column], axis=-1), batch_dims=1)
            bent += (vertical * horizontal)[..., None] * corner
    return bent
