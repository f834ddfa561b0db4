"""Images of any size, read a piece at a time: what every kind of file gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

PLAUSIBLE_MPP = (0.05, 20.0)
"""Micrometres a pixel that a scanner may have; what a file says beyond is a screen's or printer's resolution."""


@dataclass(frozen=True)
class Level:
    """One resolution of an image's pyramid.

    Args:
        width, height: pixels.
        downsample: pixels of level 0 that one of its pixels is wide; 1 for level 0.
    """

    width: int
    height: int
    downsample: float


class SlideImage(Protocol):
    """An open image. Threads may read it at the same time.

    Attributes:
        path: of the file.
        mpp: micrometres a pixel of level 0, as the file says; None if it does not.
        levels: of the pyramid, the largest first.
    """

    path: Path
    mpp: float | None
    levels: tuple[Level, ...]

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Pixels of a rectangle within a level, in that level's coordinates: uint8 of shape (height, width, 3).

        Raises:
            DataError: if the file is damaged there.
        """
        ...

    def close(self) -> None:
        """Give back the file; nothing is read afterwards."""
        ...


def plausible_mpp(*values: float | None) -> float | None:
    """The mean of the resolutions of the two axes, or None where they are no scanner's."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known or len(known) < len(values):
        return None
    mean = sum(known) / len(known)
    return mean if PLAUSIBLE_MPP[0] <= mean <= PLAUSIBLE_MPP[1] else None


def on_white(pixels: Pixels) -> Pixels:
    """RGB of RGBA pixels ``(..., 4)``: what is transparent shows white, as an empty slide does."""
    alpha = pixels[..., 3:]
    if alpha.min(initial=255) == 255:
        return np.ascontiguousarray(pixels[..., :3])
    colour = pixels[..., :3].astype(np.uint16) * alpha + 255 * (255 - alpha.astype(np.uint16))
    return ((colour + 127) // 255).astype(np.uint8)
