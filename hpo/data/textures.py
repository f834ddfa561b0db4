"""Large textures of tissue, from which a patch cuts its background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from hpo.config.study import SAMPLE_SIDES

Floats = npt.NDArray[np.float32]

SIDE = SAMPLE_SIDES[1]
"""The largest patch that can be cut from a texture, pixels."""

_FAT_SPACING = 46.0
"""Between the centres of neighbouring fat cells, pixels."""


@dataclass(frozen=True)
class Textures:
    """Textures that one split's patches cut their backgrounds from; every array is float32 and at least `SIDE` square.

    Args:
        regions: smooth fields of mean 0 and standard deviation 1, shape (3, side, side), that set one tissue apart from
            another by a threshold.
        fibres: wavy bundles of collagen, in [0, 1], shape (3, side, side).
        fat: walls of fat cells, 1 on the wall and 0 in the empty cell, shape (side, side).
        gaps: loose packing, 1 in the tissue and 0 in the gaps between cells, shape (side, side).
        grain: granular cytoplasm, of mean 1, shape (side, side).
    """

    regions: Floats
    fibres: Floats
    fat: Floats
    gaps: Floats
    grain: Floats


def make_textures(rng: np.random.Generator) -> Textures:
    """The textures of one split."""
    return Textures(
        regions=np.stack([_smooth(rng, (SIDE, SIDE), 13.0) for _ in range(3)]),
        fibres=np.stack([_fibres(rng, waviness) for waviness in (6.0, 12.0, 20.0)]),
        fat=_fat(rng),
        gaps=np.clip(0.75 + 0.45 * _smooth(rng, (SIDE, SIDE), 2.2), 0, 1),
        grain=1 + 0.12 * _smooth(rng, (SIDE, SIDE), 0.8) + 0.14 * _smooth(rng, (SIDE, SIDE), 3.0),
    )


def cut(texture: Floats, size: int, rng: np.random.Generator) -> Floats:
    """A square from a random place of the texture, in one of the eight orientations.

    Args:
        texture: shape (..., side, side), side >= size.
        size: side of the square, pixels.
        rng: chooses place and orientation.

    Returns:
        A view of shape (..., size, size).
    """
    height, width = texture.shape[-2:]
    y, x, orientation = rng.integers((height - size + 1, width - size + 1, 8))
    piece = texture[..., y : y + size, x : x + size]
    if orientation & 1:
        piece = piece[..., ::-1]
    if orientation & 2:
        piece = piece[..., ::-1, :]
    return np.swapaxes(piece, -1, -2) if orientation & 4 else piece


def _smooth(rng: np.random.Generator, shape: tuple[int, int], sigma: float | tuple[float, float]) -> Floats:
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode="wrap")
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def _fibres(rng: np.random.Generator, waviness: float) -> Floats:
    """Long thin noise, bent by a smooth displacement: strands with pale clefts between them."""
    strands = 0.9 * _smooth(rng, (SIDE, SIDE), (0.8, 12.0)) + 0.8 * _smooth(rng, (SIDE, SIDE), (2.6, 26.0))
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    turn = rng.uniform(0, np.pi / 2)
    across = np.cos(turn) * y - np.sin(turn) * x + waviness * _smooth(rng, (SIDE, SIDE), 22.0)
    along = np.cos(turn) * x + np.sin(turn) * y + waviness * _smooth(rng, (SIDE, SIDE), 22.0)
    bent = ndimage.map_coordinates(strands, (across, along), order=1, mode="grid-wrap")
    return np.asarray(np.clip(0.62 + 0.28 * bent, 0, 1.3), dtype=np.float32)


def _fat(rng: np.random.Generator) -> Floats:
    """Walls half way between neighbouring cells' centres: thin, thicker where three cells meet."""
    count = int(SIDE / _FAT_SPACING) + 3
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count), indexing="ij"), axis=-1).reshape(-1, 2)
    centres = (grid - 1 + rng.uniform(-0.42, 0.42, grid.shape)) * _FAT_SPACING
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    bend = np.stack([_smooth(rng, (SIDE, SIDE), 10.0), _smooth(rng, (SIDE, SIDE), 10.0)], axis=-1) * 2.0
    pixels = np.stack([y, x], axis=-1) + bend
    nearest = cKDTree(centres).query(pixels.reshape(-1, 2), k=3)[0].reshape(SIDE, SIDE, 3)
    wall = np.exp(-(((nearest[..., 1] - nearest[..., 0]) / 2.4) ** 2))
    corner = np.exp(-(((nearest[..., 2] - nearest[..., 0]) / 7.0) ** 2))
    return np.asarray(np.clip(wall + corner, 0, 1), dtype=np.float32)
