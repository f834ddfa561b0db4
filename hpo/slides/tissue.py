"""Overview of a slide, and where there is tissue on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from hpo.slides.image import Pixels, SlideImage
from hpo.slides.view import view_by

OVERVIEW_SIDE = 4096
"""Pixels of an overview's longer side, at most."""
_BLOCK = 2048
_GLASS = (0.05, 0.15)
"""Bounds of Otsu's threshold: a slide that is all glass, or all tissue, has no two groups to part."""
_MASK_MPP = 4.0
"""Micrometres a pixel that the mask has at least: it shows tissue, not the gaps between cells."""
_MASK_SIDE = 2048
"""Pixels of the mask's longer side, at most."""
_SPECK = 30
"""Pixels of the mask that a piece of tissue must have at least: a few cells."""


@dataclass(frozen=True, eq=False)
class Overview:
    """A slide made small.

    Args:
        pixels: uint8 of shape (height, width, 3).
        factor: pixels of the slide's level 0 that one of its pixels is wide.
    """

    pixels: Pixels
    factor: float


def read_overview(slide: SlideImage, side: int = OVERVIEW_SIDE) -> Overview:
    """Read the whole slide at no more than ``side`` pixels of its longer side, read a block at a time.

    Raises:
        DataError: if the file is damaged.
    """
    largest = slide.levels[0]
    factor = max(1.0, max(largest.width, largest.height) / side)
    view = view_by(slide, factor)
    block = max(64, round(_BLOCK / view.ratio))
    pixels = np.empty((view.height, view.width, 3), np.uint8)
    for y in range(0, view.height, block):
        for x in range(0, view.width, block):
            width, height = min(block, view.width - x), min(block, view.height - y)
            pixels[y : y + height, x : x + width] = view.read(x, y, width, height)
    return Overview(pixels, view.factor)


@dataclass(frozen=True, eq=False)
class Tissue:
    """Where there is tissue.

    Args:
        mask: bool of shape (height, width), over an overview.
        factor: pixels of the slide's level 0 that one of its pixels is wide.
        threshold: colour that parts tissue from glass, in optical density.
    """

    mask: npt.NDArray[np.bool_]
    factor: float
    threshold: float

    def shares(self, left: npt.ArrayLike, top: npt.ArrayLike, side: float) -> npt.NDArray[np.float64]:
        """Share of tissue in squares, in [0, 1]; what lies beyond the slide does not count.

        Args:
            left, top: of each square, pixels of level 0, of shapes that broadcast.
            side: pixels of level 0.
        """
        x0, x1 = (self._within(np.asarray(left) + shift, self.mask.shape[1]) for shift in (0, side))
        y0, y1 = (self._within(np.asarray(top) + shift, self.mask.shape[0]) for shift in (0, side))
        x1, y1 = np.maximum(x1, x0 + 1), np.maximum(y1, y0 + 1)
        total = self._summed
        inside = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
        return np.asarray(inside / ((x1 - x0) * (y1 - y0)))

    def _within(self, place: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.int64]:
        return np.clip(np.rint(place / self.factor), 0, length).astype(np.int64)

    @cached_property
    def _summed(self) -> npt.NDArray[np.int64]:
        total = np.zeros((self.mask.shape[0] + 2, self.mask.shape[1] + 2), np.int64)
        total[1:-1, 1:-1] = self.mask
        return total.cumsum(axis=0).cumsum(axis=1)


def find_tissue(overview: Overview, mpp: float) -> Tissue:
    """Tissue by its colour: where the optical densities of the three channels differ.

    Stained tissue absorbs some colours more than others; glass, the black edge of a scan and dust absorb all alike.
    Otsu's threshold parts the two, within bounds that hold where a slide has only one of them.

    Args:
        overview: of the slide.
        mpp: micrometres a pixel of the slide's level 0.

    Source: Otsu 1979, on the saturation in optical density of van der Laak et al. 2000 (hue-saturation-density).
    """
    finest = int(_MASK_MPP / (overview.factor * mpp))
    reduction = max(1, finest, -(-max(overview.pixels.shape) // _MASK_SIDE))
    colour = _colour(np.asarray(Image.fromarray(overview.pixels).reduce(reduction)))
    threshold = float(np.clip(otsu(colour), *_GLASS))
    mask = colour > threshold
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.reshape(-1), minlength=count + 1)
    kept = sizes >= _SPECK
    kept[0] = False
    return Tissue(kept[labels], overview.factor * reduction, threshold)


def all_tissue(overview: Overview) -> Tissue:
    """No background: everything counts as tissue."""
    return Tissue(np.ones(overview.pixels.shape[:2], bool), overview.factor, 0.0)


def _colour(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Largest less smallest optical density of the three channels, smoothed: float32 of shape (height, width)."""
    light = _light(pixels)
    table = -np.log(np.clip(np.arange(256, dtype=np.float32)[:, None] / light, 1 / 255, 1.0))
    density = np.stack([table[:, channel][pixels[..., channel]] for channel in range(3)], axis=-1)
    return np.asarray(ndimage.gaussian_filter(np.ptp(density, axis=-1), 1.5), np.float32)


def _light(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Colour of the empty slide: of the brightest pixels, if they look like glass, or else white."""
    sample = pixels[:: max(1, pixels.shape[0] // 512), :: max(1, pixels.shape[1] // 512)].reshape(-1, 3)
    darkest = sample.min(axis=1)
    light = np.median(sample[darkest >= np.percentile(darkest, 98)], axis=0)
    is_glass = light.min() >= 200 and np.ptp(light) <= 25
    return np.asarray(light if is_glass else (255.0, 255.0, 255.0), np.float32)


def otsu(values: npt.NDArray[np.float32], bins: int = 256) -> float:
    """The threshold with the largest variance between the two groups that it parts.

    Source: Otsu 1979, "A threshold selection method from gray-level histograms".
    """
    counts, edges = np.histogram(values, bins)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][np.nanargmax(np.where(np.isfinite(apart), apart, -1))])


def outlined(overview: Overview, tissue: Tissue, side: int) -> Image.Image:
    """The overview at no more than ``side`` pixels, with the outline of the tissue in it."""
    scale = min(1.0, side / max(overview.pixels.shape[:2]))
    size = [max(1, round(length * scale)) for length in overview.pixels.shape[1::-1]]
    picture = np.array(Image.fromarray(overview.pixels).resize((size[0], size[1]), Image.Resampling.BOX))
    shrunk = overview.factor / tissue.factor  # the mask's last pixels may reach over the edge
    box = (0.0, 0.0, overview.pixels.shape[1] * shrunk, overview.pixels.shape[0] * shrunk)
    mask = np.asarray(Image.fromarray(tissue.mask).resize((size[0], size[1]), Image.Resampling.NEAREST, box=box))
    edge = mask ^ ndimage.binary_erosion(mask, iterations=max(1, side // 700))
    picture[edge] = (0, 90, 60)
    return Image.fromarray(picture)
