"""Patches of made lymph-node tissue: lymphocytes, stroma and fat, with or without nests of tumour cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from hpo.data.nuclei import KINDS, KindName, Nucleus, draw_nuclei
from hpo.data.stain import Stain, random_stain, to_rgb
from hpo.data.textures import Textures, cut

Floats = npt.NDArray[np.float32]
Tissue = Literal["lymphoid", "follicle", "sinus", "stroma", "fat"]

REACH = 11  # how far outside the patch a nucleus may have its middle, pixels
MARGIN = REACH + 15  # of the canvas around the patch, so that every such nucleus lies on it whole
ROWS, DRAWN = 4, 12  # of WDBC a slide and kind of cell, and nuclei drawn from each

# How often each tissue is the patch's first or second one.
ABUNDANCE: dict[Tissue, float] = {"lymphoid": 0.34, "follicle": 0.16, "sinus": 0.2, "stroma": 0.2, "fat": 0.1}


@dataclass(frozen=True)
class Crowd:
    """Nuclei of one kind spread over a tissue: ``spacing`` pixels apart, of which the share ``density`` is there."""

    kind: KindName
    spacing: float
    density: float


CROWDS: dict[Tissue, tuple[Crowd, ...]] = {
    "lymphoid": (Crowd("lymphocyte", 8.0, 0.95),),
    "follicle": (Crowd("blast", 10.5, 0.8), Crowd("lymphocyte", 17.0, 0.5)),
    "sinus": (Crowd("lymphocyte", 11.5, 0.6), Crowd("blast", 22.0, 0.4)),
    "stroma": (Crowd("spindle", 17.0, 0.55), Crowd("lymphocyte", 24.0, 0.3)),
    "fat": (Crowd("spindle", 9.0, 0.2),),
}


@dataclass(frozen=True)
class Slide:
    """Properties that the patches of one slide share.

    Args:
        stain: of the slide.
        nuclei: of each kind of cell, one list for each of `ROWS` measured patients.
    """

    stain: Stain
    nuclei: dict[KindName, list[list[Nucleus]]]


def make_slide(rng: np.random.Generator) -> Slide:
    """A slide with its own stain and its own measured patients."""
    return Slide(random_stain(rng), {kind: draw_nuclei(kind, DRAWN, ROWS, rng) for kind in KINDS})


def centre(size: int) -> slice:
    """The central third of a patch, in either direction: 32 of 96 pixels, where PCam's label looks for tumour."""
    start = (size - size // 3) // 2
    return slice(start, start + size // 3)


def draw_patch(
    slide: Slide,
    textures: Textures,
    malignant: bool,
    size: int,
    rng: np.random.Generator,
    fat: bool | None = None,
) -> tuple[npt.NDArray[np.uint8], bool]:
    """One patch, malignant if and only if a pixel of a malignant nucleus lies in its centre.

    Args:
        slide: where the patch is from.
        textures: of the patch's split.
        malignant: the label. A benign patch may still have tumour outside its centre.
        size: side, pixels; >= 32.
        rng: the patch's own stream.
        fat: whether all of the tissue is fat, or none of it; None is as tissues happen to be.

    Returns:
        The pixels, uint8 of shape (size, size, 3), and whether a malignant nucleus lies anywhere in them.
    """
    regions = cut(textures.regions, size, rng)
    nest = np.zeros_like(regions[0]) if fat else _nest(regions[0], malignant, size, rng)
    second = _soft_step(regions[1] - np.float32(rng.normal(0.4, 0.9)), 0.12)
    tissues = _tissues(fat, rng)
    canvas = np.zeros((2, size + 2 * MARGIN, size + 2 * MARGIN), dtype=np.float32)
    inner = canvas[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
    inner += _background(tissues[0], textures, size, rng) * (1 - second)
    inner += _background(tissues[1], textures, size, rng) * second
    inner *= 1 - nest
    inner += _cytoplasm(textures, size, rng) * nest
    free = nest < 0.5
    for tissue, region in ((tissues[0], (second < 0.5) & free), (tissues[1], (second >= 0.5) & free)):
        walls = region & (inner[1] > 0.3)
        for crowd in CROWDS[tissue]:
            _populate(canvas, slide, crowd, walls if tissue == "fat" else region, rng)
    _populate(canvas, slide, Crowd("lymphocyte", 10.0, rng.uniform(0, 0.4)), ~free, rng)
    tumour = _plant_tumour(canvas, slide, ~free, malignant, rng)
    inner *= 1 + 0.08 * regions[2]  # the section's thickness
    blur = (0.0, slide.stain.blur, slide.stain.blur)
    seen = ndimage.gaussian_filter(inner, blur, mode="nearest", truncate=2.5)
    return to_rgb(seen, slide.stain, rng), tumour


def _tissues(fat: bool | None, rng: np.random.Generator) -> list[Tissue]:
    """The patch's first and second tissue."""
    if fat:
        return ["fat", "fat"]
    abundance = {name: share for name, share in ABUNDANCE.items() if fat is None or name != "fat"}
    names, shares = list(abundance), np.array(list(abundance.values()))
    return [names[i] for i in rng.choice(len(names), 2, p=shares if fat is None else shares / shares.sum())]


def _soft_step(field: Floats, width: float) -> Floats:
    return np.asarray(np.clip(field / (2 * width) + 0.5, 0, 1))


def _nest(field: Floats, malignant: bool, size: int, rng: np.random.Generator) -> Floats:
    """The density of tumour, in [0, 1]: over some point of the centre if malignant, else clear of it or nowhere."""
    middle = field[centre(size), centre(size)]
    if malignant:
        level = float(middle.flat[rng.integers(middle.size)]) - rng.exponential(0.85) - 0.1
    elif rng.uniform() < 0.2:
        level = float(middle.max()) + 0.25
    else:
        return np.zeros_like(field)
    return _soft_step(field - np.float32(level), 0.08)


def _background(tissue: Tissue, textures: Textures, size: int, rng: np.random.Generator) -> Floats:
    """Haematoxylin and eosin between the nuclei, shape (2, size, size)."""
    if tissue == "follicle":
        return _cytoplasm(textures, size, rng)
    if tissue == "stroma":
        sheet = cut(textures.fibres[rng.integers(len(textures.fibres))], size, rng)
        dyes = (0.12, 1.0)
    elif tissue == "fat":
        sheet = cut(textures.fat, size, rng)
        dyes = (0.16, 0.5)
    else:
        sheet = _clefts(textures, size, rng)
        dyes = (0.3, 0.5) if tissue == "lymphoid" else (0.12, 0.42)
    strength = np.float32(rng.uniform(0.8, 1.2))
    return np.asarray(np.multiply.outer(np.array(dyes, dtype=np.float32) * strength, sheet))


def _cytoplasm(textures: Textures, size: int, rng: np.random.Generator) -> Floats:
    """Cells that touch one another, tumour or germinal centre alike: granular, more or less torn apart by clefts."""
    dyes = np.array([rng.uniform(0.08, 0.28), rng.uniform(0.35, 0.7)], dtype=np.float32)
    return np.asarray(np.multiply.outer(dyes, cut(textures.grain, size, rng) * _clefts(textures, size, rng)))


def _clefts(textures: Textures, size: int, rng: np.random.Generator) -> Floats:
    """0 in the gaps between cells, 1 elsewhere; some tissues are torn more than others, whatever their cells."""
    return np.asarray(np.clip(cut(textures.gaps, size, rng) + np.float32(rng.uniform(-0.15, 0.45)), 0, 1))


@cache
def _hexagons(reach: int) -> npt.NDArray[np.float64]:
    steps = np.arange(-reach, reach + 1)
    row, column = (axis.ravel() for axis in np.meshgrid(steps, steps, indexing="ij"))
    return np.stack([row * 0.866, column + 0.5 * (row & 1)])


def _points(size: int, spacing: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places in and around the patch, on a turned and shaken hexagonal grid: evenly spread but not regular."""
    grid = _hexagons(int((size / 2 + REACH) * 1.5 / spacing) + 1)
    turn = rng.uniform(0, np.pi / 3)
    cos, sin = spacing * np.cos(turn), spacing * np.sin(turn)
    turned = np.stack([cos * grid[0] - sin * grid[1], sin * grid[0] + cos * grid[1]])
    shaken = turned + rng.normal(0, 0.2 * spacing, grid.shape)
    places = np.rint(shaken + size / 2 + rng.uniform(-spacing, spacing, (2, 1))).astype(np.int64).T
    return places[((places > -REACH) & (places < size + REACH)).all(axis=1)]


def _places(
    region: npt.NDArray[np.bool_], spacing: float, density: float, rng: np.random.Generator
) -> list[tuple[list[int], int]]:
    """Places (y, x) of nuclei within a region, and for each the number of the drawn nucleus to put there."""
    size = len(region)
    places = _points(size, spacing, rng)
    y, x = np.clip(places, 0, size - 1).T
    places = places[region[y, x] & (rng.uniform(size=len(places)) < density)]
    return list(zip(places.tolist(), rng.integers(DRAWN, size=len(places)).tolist(), strict=True))


def _populate(
    canvas: Floats, slide: Slide, crowd: Crowd, region: npt.NDArray[np.bool_], rng: np.random.Generator
) -> None:
    patient = slide.nuclei[crowd.kind][rng.integers(ROWS)]
    for place, which in _places(region, crowd.spacing, crowd.density, rng):
        _lay(canvas, patient[which], place)


def _plant_tumour(
    canvas: Floats, slide: Slide, nest: npt.NDArray[np.bool_], malignant: bool, rng: np.random.Generator
) -> bool:
    """Malignant nuclei all over the nest, at least one of them in the centre exactly if the patch is malignant.

    Returns:
        Whether any of them lies in the patch.
    """
    if not nest.any():
        return False
    middle = centre(len(nest))
    whole, target = np.zeros((2, *canvas.shape[1:]), dtype=bool)
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    whole[inner] = True
    target[inner][middle, middle] = True
    patient = slide.nuclei["tumour"][rng.integers(ROWS)]
    seen = hit = False
    for place, which in _places(nest, rng.uniform(14.5, 22.0), 0.9, rng):
        touches = _touches(target, patient[which], place)
        if malignant or not touches:
            _lay(canvas, patient[which], place)
            hit = hit or touches
            seen = seen or _touches(whole, patient[which], place)
    if malignant and not hit:
        _lay(canvas, patient[rng.integers(DRAWN)], rng.integers(middle.start, middle.stop, 2).tolist())
    return seen or malignant


def _corner(nucleus: Nucleus, place: list[int]) -> tuple[slice, slice]:
    side = len(nucleus.mask)
    y, x = place[0] + MARGIN - side // 2, place[1] + MARGIN - side // 2
    return slice(y, y + side), slice(x, x + side)


def _touches(target: npt.NDArray[np.bool_], nucleus: Nucleus, place: list[int]) -> bool:
    return bool((target[_corner(nucleus, place)] & nucleus.mask).any())


def _lay(canvas: Floats, nucleus: Nucleus, place: list[int]) -> None:
    below = canvas[:, *_corner(nucleus, place)]
    below *= nucleus.keep
    below += nucleus.add
