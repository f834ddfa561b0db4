"""What TensorFlow could not do, in terms of what the user asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from hpo.errors import OutOfMemoryError, TrainingError
from hpo.models.backend import tf
from hpo.recipe.recipe import Recipe


@contextmanager
def enough_memory(recipe: Recipe) -> Iterator[None]:
    """Says what to ask for less of where there is not enough memory.

    Raises:
        OutOfMemoryError: instead of what TensorFlow and Python raise.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError(
            f"not enough memory for batch_size {recipe.batch_size} with {recipe.patches} patches; lower either"
        ) from error


@contextmanager
def compilable(recipe: Recipe) -> Iterator[None]:
    """Says in a line what XLA cannot compile, which TensorFlow tells in many.

    Raises:
        TrainingError: instead of what TensorFlow raises, if the recipe asks for XLA.
    """
    try:
        yield
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
        if not recipe.arithmetic.jit_compile:
            raise
        operation = re.search(r"Detected at node (\S+)", error.message)
        raise TrainingError(
            f"XLA cannot compile {operation.group(1) if operation else 'this training'}, or not reproducibly; "
            "set arithmetic.jit_compile to false"
        ) from error
