"""Plans of drawn slides: where there is tissue, of which kinds, and where in it tumour lies.

A plan is a function of (seed, slide) alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from hpo.data.textures import SIDE, Textures, make_textures
from hpo.data.tissue import Slide, Tissue, make_slide

Floats = npt.NDArray[np.float32]
PIECE = SIDE
"""Side of a piece, pixels: as large as a texture, which repeats without a seam."""
COARSE = 8
"""Pixels that one value of the maps is wide."""
TISSUES: tuple[Tissue, ...] = ("lymphoid", "follicle", "sinus", "stroma", "fat")
"""The tissues of a slide, by the numbers that `Maps.kinds` has."""
_TEXTURES, _SLIDE, _MAPS = 100, 101, 102  # streams of random numbers; those of the pieces follow


@dataclass(frozen=True, eq=False)
class Maps:
    """Plan of a slide; each value stands for `COARSE` x `COARSE` pixels.

    Args:
        tissue: share of tissue, 0 on glass.
        second: share of the second tissue of each place.
        tumour: density of tumour; at 0.5 and above it is tumour.
        kinds: number of the first and second tissue of each place, int8 of shape (2, rows, columns).
    """

    tissue: Floats
    second: Floats
    tumour: Floats
    kinds: npt.NDArray[np.int8]

    @property
    def truth(self) -> npt.NDArray[np.bool_]:
        """Where there is tumour."""
        return np.asarray((self.tumour >= 0.5) & (self.tissue >= 0.5))


@dataclass(frozen=True, eq=False)
class Drawing:
    """A slide to be drawn.

    Args:
        seed: of everything.
        number: of the slide.
        side: pixels, a multiple of `PIECE`.
        maps: its plan.
        slide: its stain and its cells.
        textures: its backgrounds.
    """

    seed: int
    number: int
    side: int
    maps: Maps
    slide: Slide
    textures: Textures

    @property
    def pieces(self) -> int:
        """In either direction."""
        return self.side // PIECE


@lru_cache(maxsize=2)
def make_drawing(seed: int, number: int, side: int, tumour: bool) -> Drawing:
    """The plan of a slide.

    Args:
        seed: >= 0.
        number: of the slide, >= 0.
        side: pixels, a multiple of `PIECE`.
        tumour: whether it has any.
    """
    random = np.random.default_rng([seed, number, _MAPS])
    textures = make_textures(np.random.default_rng([seed, number, _TEXTURES]))
    slide = make_slide(np.random.default_rng([seed, number, _SLIDE]))
    return Drawing(seed, number, side, _plan(side // COARSE, tumour, random), slide, textures)


def _plan(size: int, tumour: bool, random: np.random.Generator) -> Maps:
    """A round piece of tissue with a ragged edge; a few tissues in it; and nests of tumour of very different sizes."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    edge = 0.4 + 0.05 * _field(size, 0.12, random) + 0.02 * _field(size, 0.03, random)
    tissue = np.clip((edge - np.hypot(y * random.uniform(1, 1.3), x)) * size / 3 + 0.5, 0, 1)
    holes = _field(size, 0.05, random) > 2.0
    tissue *= 1 - ndimage.gaussian_filter(holes.astype(np.float32), 1.0)
    second = np.clip(_field(size, 60 / size, random) / 0.3 + 0.5, 0, 1)
    kinds = np.stack([_patchwork(size, random) for _ in range(2)])
    nests = np.zeros_like(tissue)
    if tumour:
        # Islands of a hundred micrometres to several millimetres: a fine field, let through where a coarse one is high.
        coarse, fine = _field(size, 0.08, random), _field(size, 18 / size, random)
        height = coarse + 0.35 * fine
        inside = height[tissue > 0.9]
        level = np.quantile(inside, 1 - random.uniform(0.08, 0.25)) if len(inside) else 0.0
        nests = np.clip((height - level) / 0.16 + 0.5, 0, 1)
    return Maps(tissue.astype(np.float32), second.astype(np.float32), nests.astype(np.float32), kinds)


def _field(size: int, scale: float, random: np.random.Generator) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1, whose bumps have this share of the side; cheap at any size."""
    sigma = max(scale * size, 1.0)
    small = max(8, min(size, round(size / sigma * 4)))
    noise = ndimage.gaussian_filter(
        random.standard_normal((small, small), dtype=np.float32), 4 * small / size * sigma / 4
    )
    large = ndimage.zoom(noise, size / small, order=1, grid_mode=True, mode="nearest")[:size, :size]
    return np.asarray((large - large.mean()) / large.std(), np.float32)


def _patchwork(size: int, random: np.random.Generator) -> npt.NDArray[np.int8]:
    """Number of the tissue at each place: the one whose field is highest, of more where the tissue is common."""
    fields = [_field(size, 0.06, random) + bonus for bonus in (0.6, 0.0, 0.1, 0.1, -0.5)]
    return np.asarray(np.argmax(fields, axis=0), np.int8)
