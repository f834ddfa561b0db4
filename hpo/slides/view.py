"""A slide at the resolution that a model was trained at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hpo.errors import DataError
from hpo.slides.image import Pixels, SlideImage

PCAM_MPP = 0.972
"""Micrometres a pixel of PCam's patches: level 2 of slides scanned at 0.243."""
_SAME = 0.02
"""A level that is nearer than this to the wanted resolution is taken as it is."""
_MARGIN = 4
"""Pixels read beyond what is resampled, so that pieces of a slide fit together."""


@dataclass(frozen=True)
class View:
    """A slide scaled by one factor.

    Args:
        slide: open for reading.
        factor: pixels of level 0 that one pixel of the view is wide.
        level: that is read.
        ratio: pixels of that level that one pixel of the view is wide; 1 where nothing is resampled.
        width, height: pixels of the view.
    """

    slide: SlideImage
    factor: float
    level: int
    ratio: float
    width: int
    height: int

    def read(self, x: int, y: int, width: int, height: int) -> Pixels:
        """Pixels of a rectangle, uint8 of shape (height, width, 3); beyond the right and lower edge it is mirrored.

        Raises:
            DataError: if the file is damaged there.
        """
        right, lower = min(x + width, self.width), min(y + height, self.height)
        inside = self._resampled(x, y, right - x, lower - y) if self.ratio != 1 else self._level(x, y, right, lower)
        if inside.shape[:2] == (height, width):
            return inside
        missing = ((0, height - inside.shape[0]), (0, width - inside.shape[1]), (0, 0))
        return np.pad(inside, missing, mode="symmetric")

    def _level(self, x: int, y: int, right: int, lower: int) -> Pixels:
        return self.slide.read(self.level, x, y, right - x, lower - y)

    def _resampled(self, x: int, y: int, width: int, height: int) -> Pixels:
        level, ratio = self.slide.levels[self.level], self.ratio
        left, top = max(0, math.floor((x - _MARGIN) * ratio)), max(0, math.floor((y - _MARGIN) * ratio))
        right = min(level.width, math.ceil((x + width + _MARGIN) * ratio))
        lower = min(level.height, math.ceil((y + height + _MARGIN) * ratio))
        # What is asked for, padded by whole pixels of the view, so that the filter sees what lies beyond.
        before = (min(_MARGIN, x), min(_MARGIN, y))
        after = (min(_MARGIN, self.width - x - width), min(_MARGIN, self.height - y - height))
        box = (
            (x - before[0]) * ratio - left,
            (y - before[1]) * ratio - top,
            min((x + width + after[0]) * ratio - left, right - left),
            min((y + height + after[1]) * ratio - top, lower - top),
        )
        size = (before[0] + width + after[0], before[1] + height + after[1])
        source = Image.fromarray(self.slide.read(self.level, left, top, right - left, lower - top))
        scaled = np.asarray(source.resize(size, Image.Resampling.HAMMING, box=box))
        return scaled[before[1] : before[1] + height, before[0] : before[0] + width]


def view_at(slide: SlideImage, mpp: float, slide_mpp: float) -> View:
    """The slide at a resolution.

    Args:
        slide: open for reading.
        mpp: micrometres a pixel that are wanted.
        slide_mpp: micrometres a pixel of level 0.
    """
    return view_by(slide, mpp / slide_mpp)


def view_by(slide: SlideImage, factor: float) -> View:
    """The slide with one pixel for ``factor`` pixels of level 0, from the smallest level that has the detail."""
    level = max(
        (number for number, one in enumerate(slide.levels) if one.downsample <= factor * (1 + _SAME)),
        key=lambda number: slide.levels[number].downsample,
        default=0,
    )
    ratio = factor / slide.levels[level].downsample
    if abs(ratio - 1) <= _SAME:
        ratio, factor = 1.0, slide.levels[level].downsample
    width, height = (
        max(1, int(length / ratio + 1e-6)) for length in (slide.levels[level].width, slide.levels[level].height)
    )
    return View(slide, factor, level, ratio, width, height)


def resolution_of(slide: SlideImage, said: float | None) -> float:
    """Micrometres a pixel of level 0: what the user says, or else the file.

    Raises:
        DataError: if neither says it.
    """
    mpp = said or slide.mpp
    if mpp is None:
        raise DataError(
            f"{slide.path}: does not say its resolution; give its micrometres per pixel, such as --mpp 0.5 for a scan "
            "with a 20x lens"
        )
    return mpp
