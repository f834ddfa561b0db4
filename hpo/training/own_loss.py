"""A user's own loss: a TensorFlow function from labels and logits to each patch's loss, checked before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.plain import in_a_line
from hpo.recipe.architecture import FunctionSpec
from hpo.training.own_traced import Traced, traced

OwnLoss = Traced
"""From labels and logits, both float32 ``(B,)`` or ``(B, K)``, to losses, float32 ``(B,)``."""

_BATCH = 8  # patches of the check


def own_loss(spec: FunctionSpec, batch: int, shape: tuple[int, ...] = ()) -> OwnLoss:
    """The user's function with its arguments, traced by TensorFlow.

    Args:
        spec: the function.
        batch: how many patches it is given at once.
        shape: of a patch's logits: ``()`` for two classes, else ``(K,)``.

    Raises:
        TrainingError: if it cannot be imported, raises, returns something else than a float32 number for each patch, or
            is not the same each time.
    """
    return traced(
        spec,
        [tf.TensorSpec((batch, *shape), tf.float32)] * 2,
        _problem,
        "return a float32 tensor with the loss of each patch (one number for all: tf.fill(tf.shape(logits)[:1], loss))",
        "which is not the same each time, so that a resumed training would differ; take it out",
    )


def check_loss(spec: FunctionSpec, shape: tuple[int, ...] = ()) -> None:
    """Call the function as training will, and see that it keeps its contract; see docs/functions.md.

    Args:
        spec: the function.
        shape: of a patch's logits.

    Raises:
        TrainingError: as `own_loss`; or if a loss or its gradient is not finite, or does not depend on the logits.
    """
    loss = own_loss(spec, _BATCH, shape)
    labels, logits = probe_logits(shape)
    try:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = loss(labels, logits)
        gradient = tape.gradient(losses, logits)
    except (tf.errors.OpError, LookupError) as error:
        raise TrainingError(f"{spec.function}: {type(error).__name__}: {in_a_line(error)}") from error
    if gradient is None or not np.any(gradient.numpy()):
        raise TrainingError(f"{spec.function}: it has no gradient by the logits, so that nothing would be learnt")
    if not (np.isfinite(losses.numpy()).all() and np.isfinite(gradient.numpy()).all()):
        raise TrainingError(
            f"{spec.function}: its losses or their gradients are infinite or no numbers, of logits from -6 to 6"
        )


def probe_logits(shape: tuple[int, ...] = ()) -> tuple[tf.Tensor, tf.Tensor]:
    """Labels and made logits of a few patches, both float32 ``(B, *shape)``; the same in every process."""
    logits = tf.constant(3.0 * np.random.default_rng(0).standard_normal((_BATCH, *shape)), tf.float32)
    numbers = np.arange(_BATCH) % (shape[0] if shape else 2)
    return tf.constant(np.eye(shape[0])[numbers] if shape else numbers, tf.float32), logits


def _problem(losses: Any, labels: tf.Tensor) -> str:
    """What is wrong with what the function returned; empty if nothing is."""
    if not tf.is_tensor(losses):
        return f"it returned {type(losses).__name__}"
    if losses.dtype != tf.float32:
        return f"it returned {losses.dtype.name}"
    if losses.shape.rank != 1 or not losses.shape.is_compatible_with(labels.shape[:1]):
        return f"of labels {tuple(labels.shape)} it returned {losses.shape}"
    return ""
