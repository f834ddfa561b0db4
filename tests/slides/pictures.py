"""Pictures of which every pixel is known: glass, pale tissue, and purple squares in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

GLASS, PALE, PURPLE = (242, 240, 241), (225, 170, 205), (110, 60, 150)
DPI = 25400 / 0.972
"""Of PCam's resolution."""


def painted(
    height: int, width: int, tissue: tuple[int, int, int, int], purple: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """A picture with a rectangle of tissue, and perhaps one of purple in it; each is top, left, bottom, right."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = GLASS
    for box, colour in ((tissue, PALE), (purple, PURPLE)):
        if box is not None:
            pixels[box[0] : box[2], box[1] : box[3]] = colour
    noise = np.random.default_rng(0).integers(-3, 4, (height, width, 1))
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, dpi: float | None = DPI) -> Path:
    """Write a picture that says its resolution, if it has one."""
    Image.fromarray(pixels).save(path, **({} if dpi is None else {"dpi": (dpi, dpi)}))
    return path
