"""A user's own augmentation: a TensorFlow function from patches and a seed to patches, checked before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hpo.errors import TrainingError
from hpo.models.backend import tf
from hpo.models.own_function import import_function, settings_kept
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.key import canonical

OwnAugmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
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
    with settings_kept(spec):
        function = import_function(spec)
    arguments = canonical(dict(spec.arguments))  # as the key has them: a whole number is an int
    faults: list[str] = []

    def change(patches: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        try:
            changed = function(patches, seed, **arguments)
        except (Exception, SystemExit) as error:
            faults.append(f"{type(error).__name__}: {_in_a_line(error)}")
            raise
        problem = _problem(changed, patches)
        if problem:
            faults.append(f"{problem}; it must return float32 patches of the shape that it was given, as a tensor")
            raise TypeError(problem)
        # What is infinite is no colour: as no number it ends the training, where 255 would hide it.
        return tf.where(tf.math.is_finite(changed), tf.clip_by_value(changed, 0.0, 255.0), np.nan)

    signature = [tf.TensorSpec((batch, size, size, channels), tf.float32), tf.TensorSpec((2,), tf.int32)]
    traced: OwnAugmentation = tf.function(change, input_signature=signature)
    try:
        with settings_kept(spec):
            graph = traced.get_concrete_function().graph  # type: ignore[attr-defined]
    except TrainingError:
        raise
    except (Exception, SystemExit) as error:
        said = faults[0] if faults else f"{type(error).__name__}: {_in_a_line(error)}"
        raise TrainingError(f"{spec.function}: {said}") from error
    stateful = sorted({operation for operation in _operations(graph) if _is_stateful(operation)})
    if stateful:
        raise TrainingError(
            f"{spec.function}: it uses {stateful[0]}, which is no function of the seed, so that a resumed training "
            "would differ; draw with tf.random.stateless_uniform(shape, seed) and the like"
        )
    return traced


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
    noise = np.random.default_rng(0).integers(0, 256, (_BATCH, size, size, channels))
    patches = tf.constant(noise.astype(np.float32))
    for seed in ((1, 2), (3, 4)):
        try:
            first, again = (change(patches, tf.constant(seed)).numpy() for _ in range(2))
        except tf.errors.OpError as error:
            raise TrainingError(f"{spec.function}: {type(error).__name__}: {_in_a_line(error)}") from error
        if not np.isfinite(first).all():
            raise TrainingError(
                f"{spec.function}: it returned values that are infinite or no numbers, of patches of noise"
            )
        if not np.array_equal(first, again):
            raise TrainingError(f"{spec.function}: called twice with one seed, it returned two different results")


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _problem(changed: Any, patches: tf.Tensor) -> str:
    """What is wrong with what the function returned; empty if nothing is."""
    if not tf.is_tensor(changed):
        return f"it returned {type(changed).__name__}"
    if changed.dtype != tf.float32:
        return f"it returned {changed.dtype.name}"
    if not changed.shape.is_compatible_with(patches.shape):
        return f"of {tuple(patches.shape)} it returned {changed.shape}"
    return ""


def _operations(graph: Any) -> Iterator[str]:
    """The types of all operations, those of functions that the graph calls included."""
    for definition in (graph.as_graph_def(),):
        yield from (node.op for node in definition.node)
        for function in definition.library.function:
            yield from (node.op for node in function.node_def)


def _is_stateful(operation: str) -> bool:
    """Whether a type of operation keeps or changes something between two calls."""
    if "Stateless" in operation:
        return False
    return (
        "Random" in operation or "PyFunc" in operation or operation.startswith("Assign") or "Multinomial" in operation
    )
