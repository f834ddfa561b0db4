"""Max-pooling that XLA can compile reproducibly."""

from __future__ import annotations

from typing import Any

from hpo.models.backend import keras, tf
from hpo.recipe.architecture import Padding


class TiledMaximum(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Keras' MaxPooling2D where windows do not overlap: the same values, in operations with a deterministic gradient.

    XLA has none for max-pooling itself (tensorflow/tensorflow issue 69417), for windows may overlap and their gradients
    then meet in any order. Where several values of a window are the largest they share its gradient; MaxPooling2D gives
    it to the first.

    Args:
        window: side of a window and step between windows, pixels.
        padding: as in Keras.
    """

    def __init__(self, window: int, padding: Padding, **layer: Any) -> None:
        super().__init__(**layer)
        self.window, self.padding = window, padding

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The largest value of each window of ``(B, height, width, channels)``."""
        height, width, channels = x.shape[1:]
        rows, columns = self._windows(height), self._windows(width)
        if self.padding == "same":
            around = [(0, 0), self._around(height), self._around(width), (0, 0)]
            x = tf.pad(x, around, constant_values=x.dtype.min)
        else:
            x = x[:, : rows * self.window, : columns * self.window]
        windows = tf.reshape(x, (-1, rows, self.window, columns, self.window, channels))
        return tf.reduce_max(windows, (2, 4))

    def compute_output_shape(self, shape: tuple[int | None, int, int, int]) -> tuple[int | None, int, int, int]:
        """``(B, rows of windows, columns of windows, channels)``."""
        return (shape[0], self._windows(shape[1]), self._windows(shape[2]), shape[3])

    def _windows(self, side: int) -> int:
        return -(-side // self.window) if self.padding == "same" else side // self.window

    def _around(self, side: int) -> tuple[int, int]:
        missing = self._windows(side) * self.window - side
        return missing // 2, missing - missing // 2
