"""Pieces of drawn slides: lymph-node tissue on glass, of any size, a piece at a time.

Every piece is a function of (seed, slide, row, column) alone, and neighbours share their nuclei, so that the pieces fit
together and any number of processes draws the same slide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from hpo.data.nuclei import KindName
from hpo.data.stain import to_rgb
from hpo.data.textures import SIDE, Textures
from hpo.data.tissue import CROWDS, DRAWN, MARGIN, ROWS, Crowd
from hpo.slides.drawn_plan import COARSE, PIECE, TISSUES, Drawing, Floats

_PIECE, _NOISE = 103, 104  # streams of random numbers; those of the plan precede
_TUMOUR_SPACING = 17.0


@dataclass(frozen=True)
class _Cells:
    """Nuclei of one kind, to be laid: their places in the slide and which drawn nucleus each is."""

    kind: KindName
    places: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    which: npt.NDArray[np.int64]


@lru_cache(maxsize=256)
def _cells(drawing: Drawing, row: int, column: int) -> tuple[_Cells, ...]:
    """The nuclei whose middles lie in a piece."""
    if not (0 <= row < drawing.pieces and 0 <= column < drawing.pieces):
        return ()
    random = np.random.default_rng([drawing.seed, drawing.number, _PIECE, row, column])
    share = PIECE // COARSE
    window = (slice(row * share, (row + 1) * share), slice(column * share, (column + 1) * share))
    maps = drawing.maps
    solid, tumour = maps.tissue[window] >= 0.5, maps.tumour[window] >= 0.5
    if not solid.any():
        return ()
    first = maps.second[window] < 0.5
    kinds = np.where(first, maps.kinds[0][window], maps.kinds[1][window])
    found = []
    for number, tissue in enumerate(TISSUES):
        here = solid & ~tumour & (kinds == number)
        if here.any():
            walls = _walls(drawing, here) if tissue == "fat" else None
            found += [_spread(crowd, here, row, column, random, walls) for crowd in CROWDS[tissue]]
    nest = solid & tumour
    if nest.any():
        found.append(_spread(Crowd("lymphocyte", 14.0, 0.2), nest, row, column, random))
        found.append(_spread(Crowd("tumour", _TUMOUR_SPACING, 0.9), nest, row, column, random))
    return tuple(found)


def _walls(drawing: Drawing, here: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels of a piece that are walls of fat cells."""
    return np.kron(here, np.ones((COARSE, COARSE), bool)) & (drawing.textures.fat[:PIECE, :PIECE] > 0.6)


def _spread(
    crowd: Crowd,
    region: npt.NDArray[np.bool_],
    row: int,
    column: int,
    random: np.random.Generator,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> _Cells:
    """Nuclei over a region of a piece, on a shaken hexagonal grid."""
    spacing = crowd.spacing
    steps = np.arange(-1, int(PIECE / (0.866 * spacing)) + 2)
    down, across = np.meshgrid(steps, steps, indexing="ij")
    grid = np.stack([down * 0.866, across + 0.5 * (down & 1)], axis=-1).reshape(-1, 2) * spacing
    places = np.rint(grid + random.normal(0, 0.2 * spacing, grid.shape) + random.uniform(0, spacing, 2)).astype(
        np.int64
    )
    places = places[((places >= 0) & (places < PIECE)).all(axis=1)]
    keep = region[places[:, 0] // COARSE, places[:, 1] // COARSE] & (random.uniform(size=len(places)) < crowd.density)
    if allowed is not None:
        keep &= allowed[places[:, 0], places[:, 1]]
    places = places[keep]
    rows = random.integers(ROWS, size=len(places))
    if crowd.kind == "tumour":
        rows[:] = 0  # the cells of a slide's tumour resemble one another
    which = random.integers(DRAWN, size=len(places))
    return _Cells(crowd.kind, places + np.array([row, column]) * PIECE, rows, which)


def draw_piece(drawing: Drawing, row: int, column: int) -> npt.NDArray[np.uint8]:
    """The pixels of a piece, uint8 of shape (PIECE, PIECE, 3)."""
    random = np.random.default_rng([drawing.seed, drawing.number, _NOISE, row, column])
    canvas = _ground(drawing, row, column)
    stain = drawing.slide.stain
    if canvas.any():
        for cells in _around(drawing, row, column):
            _lay_all(canvas, drawing, cells, row, column)
        canvas = ndimage.gaussian_filter(canvas, (0.0, stain.blur, stain.blur), mode="nearest", truncate=2.5)
    inner = canvas[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return to_rgb(np.ascontiguousarray(inner), stain, random)


def _around(drawing: Drawing, row: int, column: int) -> Iterator[_Cells]:
    """Nuclei of a piece and of its neighbours, in an order that all pieces share."""
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            yield from _cells(drawing, row + down, column + across)


def _lay_all(canvas: Floats, drawing: Drawing, cells: _Cells, row: int, column: int) -> None:
    origin = np.array([row, column]) * PIECE - MARGIN
    places = cells.places - origin
    size = canvas.shape[1]
    nuclei = drawing.slide.nuclei[cells.kind]
    half = len(nuclei[0][0].mask) // 2
    near = ((places >= half) & (places < size - half)).all(axis=1)
    for (y, x), patient, which in zip(
        places[near].tolist(), cells.rows[near].tolist(), cells.which[near].tolist(), strict=True
    ):
        nucleus = nuclei[patient][which]
        below = canvas[:, y - half : y + half + 1, x - half : x + half + 1]
        below *= nucleus.keep
        below += nucleus.add


def _ground(drawing: Drawing, row: int, column: int) -> Floats:
    """Haematoxylin and eosin between the nuclei, shape (2, side, side), with a margin around the piece."""
    maps, side = drawing.maps, PIECE + 2 * MARGIN
    window = (row * PIECE - MARGIN, column * PIECE - MARGIN, side)
    tissue = _magnified(maps.tissue, *window)
    if not tissue.any():
        return np.zeros((2, side, side), np.float32)
    second, nest = _magnified(maps.second, *window), _magnified(maps.tumour, *window)
    sheets = _sheets(drawing.textures, side)
    places = np.clip((np.arange(side) + np.array([[window[0]], [window[1]]])) // COARSE, 0, len(maps.tissue) - 1)
    kinds = maps.kinds[:, places[0][:, None], places[1][None, :]]
    mixed = np.zeros((2, side, side), np.float32)
    for number in range(len(TISSUES)):
        for which, weight in ((0, 1 - second), (1, second)):
            here = kinds[which] == number
            if here.any():
                mixed += sheets[number] * (weight * here)
    mixed += (_cytoplasm(drawing.textures, side) - mixed) * nest
    thick = 1 + 0.08 * _repeated(drawing.textures.regions[2], side)
    return np.asarray(mixed * (tissue * thick), np.float32)


def _magnified(field: Floats, top: int, left: int, side: int) -> Floats:
    """A window of a map, a value a pixel, between the map's values."""
    count = len(field)
    places = [(np.arange(side) + start + 0.5) / COARSE - 0.5 for start in (top, left)]
    low = [np.clip(np.floor(place).astype(np.int64), 0, count - 1) for place in places]
    high = [np.clip(one + 1, 0, count - 1) for one in low]
    share = [np.clip(place - one, 0, 1).astype(np.float32) for place, one in zip(places, low, strict=True)]
    upper = field[low[0]][:, low[1]] * (1 - share[1]) + field[low[0]][:, high[1]] * share[1]
    lower = field[high[0]][:, low[1]] * (1 - share[1]) + field[high[0]][:, high[1]] * share[1]
    return np.asarray(upper * (1 - share[0][:, None]) + lower * share[0][:, None], np.float32)


def _repeated(texture: Floats, side: int) -> Floats:
    """A texture with its own continuation around it; a piece begins where the texture does."""
    places = (np.arange(side) - MARGIN) % SIDE
    return np.asarray(texture[places[:, None], places[None, :]])


def _sheets(textures: Textures, side: int) -> list[Floats]:
    """The ground of each of `TISSUES`, shape (2, side, side)."""
    gaps = _clefts(textures, side)
    dyes = {"lymphoid": (0.3, 0.5), "sinus": (0.12, 0.42), "stroma": (0.12, 1.0), "fat": (0.16, 0.5)}
    found = []
    for tissue in TISSUES:
        if tissue == "follicle":
            found.append(_cytoplasm(textures, side))
            continue
        sheet = gaps
        if tissue == "stroma":
            sheet = _repeated(textures.fibres[1], side)
        elif tissue == "fat":
            sheet = _repeated(textures.fat, side)
        found.append(np.multiply.outer(np.array(dyes[tissue], np.float32), sheet))
    return found


def _clefts(textures: Textures, side: int) -> Floats:
    return np.asarray(np.clip(_repeated(textures.gaps, side) + np.float32(0.15), 0, 1))


def _cytoplasm(textures: Textures, side: int) -> Floats:
    dyes = np.array([0.18, 0.52], np.float32)
    return np.asarray(np.multiply.outer(dyes, _repeated(textures.grain, side) * _clefts(textures, side)))
