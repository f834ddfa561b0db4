"""Nuclei drawn from measured ones.

Size, outline and chromatin of each nucleus come from whole rows of the Wisconsin Diagnostic Breast Cancer data (WDBC:
569 patients, the mean and the worst of ten features of cell nuclei in each). Its unit of length is an arbitrary one,
so that only ratios are used: the mean benign nucleus is scaled to a lymphocyte's seven pixels, which makes the mean
malignant one ten pixels across, at PCam's 0.97 micrometres a pixel.

Source: Street, Wolberg and Mangasarian 1993, "Nuclear feature extraction for breast tumor diagnosis".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]

PIXELS_PER_UNIT = 3.5 / 12.147  # a lymphocyte's radius by WDBC's mean benign radius
HARMONICS = np.arange(2, 8)


@dataclass(frozen=True)
class Nucleus:
    """One drawn nucleus, ready to be laid over a tissue of two dyes: ``tissue * keep + add``.

    Args:
        keep: what shows through, shape (side, side), float32 in [0, 1].
        add: haematoxylin and eosin that the nucleus adds, shape (2, side, side), float32.
        mask: pixels that belong to the nucleus, shape (side, side), bool.
    """

    keep: Floats
    add: Floats
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kind:
    """Differences of one kind of cell's nuclei from the measured row that they are drawn from.

    Args:
        malignant: which rows of WDBC.
        side: side of the drawing, pixels.
        scale: of the radius.
        stretch: long by short axis, beyond the row's own.
        density: haematoxylin of a nucleus of the mean benign area, whose chromatin a larger one dilutes.
        open_: range of how far the chromatin is drawn to the rim, leaving the middle pale; 0 is solid.
        nucleoli: mean number.
        halo: eosin of the cell's own cytoplasm around the nucleus.
    """

    malignant: bool
    side: int
    scale: float = 1.0
    stretch: tuple[float, float] = (1.0, 1.0)
    density: float = 1.9
    open_: tuple[float, float] = (0.0, 0.2)
    nucleoli: float = 0.0
    halo: float = 0.0


KindName = Literal["tumour", "lymphocyte", "blast", "spindle"]
KINDS: dict[KindName, Kind] = {
    "tumour": Kind(True, 29, scale=1.34, density=1.6, open_=(0.1, 0.6), nucleoli=1.6, halo=0.25),
    "lymphocyte": Kind(False, 15, density=1.6),
    "blast": Kind(False, 17, scale=1.12, density=1.5, open_=(0.0, 0.5), nucleoli=0.2, halo=0.1),
    "spindle": Kind(False, 23, scale=0.95, stretch=(2.0, 3.4), density=1.6, open_=(0.0, 0.35)),
}


@dataclass(frozen=True)
class _Measured:
    radius: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    texture: npt.NDArray[np.float64]
    smoothness: npt.NDArray[np.float64]
    compactness: npt.NDArray[np.float64]
    concavity: npt.NDArray[np.float64]


@cache
def _measured(malignant: bool) -> _Measured:
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    names = [str(name) for name in bunch.feature_names]
    rows = bunch.data[bunch.target == (0 if malignant else 1)]

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.asarray(rows[:, names.index(name)], dtype=np.float64)

    return _Measured(
        radius=column("mean radius"),
        # "Worst" is the mean of the three largest nuclei of an image: about two standard deviations above its mean.
        spread=(column("worst radius") - column("mean radius")) / 2,
        texture=column("mean texture"),
        smoothness=column("mean smoothness"),
        compactness=column("mean compactness"),
        concavity=column("mean concavity"),
    )


def draw_nuclei(kind: KindName, count: int, rows: int, rng: np.random.Generator) -> list[list[Nucleus]]:
    """Nuclei of one kind of cell, as one slide has them.

    Args:
        kind: of cell.
        count: how many nuclei to draw from each row.
        rows: how many rows of WDBC (patients) to draw from, without repetition.
        rng: chooses the rows and draws.

    Returns:
        One list a row, of ``count`` nuclei each.
    """
    settings = KINDS[kind]
    measured = _measured(settings.malignant)
    chosen = rng.choice(len(measured.radius), rows, replace=False)
    each = np.repeat(chosen, count)
    radius = _radii(measured, each, settings, rng)
    distance, angle = _polar(len(each), settings, rng)
    rim = radius[:, None, None] * _outline(measured, each, angle, rng)
    soft = np.clip(rim - distance + 0.5, 0, 1)
    open_ = np.repeat(rng.uniform(*settings.open_, rows), count)
    haematoxylin = _chromatin(measured, each, distance / rim, open_, rng)
    density = np.repeat(settings.density * np.exp(rng.uniform(-0.5, 0.5, rows)), count)
    haematoxylin *= density[:, None, None]
    eosin = np.full_like(haematoxylin, 0.25)
    _add_nucleoli(haematoxylin, eosin, radius, rng.poisson(settings.nucleoli, len(each)), rng)
    halo = settings.halo * np.clip((rim + 4.0 - distance) / 4.0, 0, 1) * (1 - soft)
    keep = (1 - soft) * (1 - halo)
    add = np.stack([haematoxylin * soft + 0.2 * halo, eosin * soft + 0.6 * halo], axis=1)
    nuclei = [Nucleus(keep[i].astype(np.float32), add[i].astype(np.float32), soft[i] > 0.5) for i in range(len(each))]
    return [nuclei[start : start + count] for start in range(0, len(nuclei), count)]


def _radii(
    measured: _Measured, each: npt.NDArray[np.int64], settings: Kind, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    radius = measured.radius[each] + measured.spread[each] * rng.normal(size=len(each))
    radius = np.maximum(radius, 0.6 * measured.radius[each]) * PIXELS_PER_UNIT * settings.scale
    return np.minimum(radius, settings.side * 0.38)


def _polar(
    count: int, settings: Kind, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distance and angle of each pixel from the centre, in the nucleus's own turned and stretched frame."""
    axis = np.arange(settings.side) - settings.side // 2
    shift = rng.uniform(-0.5, 0.5, (2, count, 1, 1))
    y, x = axis[:, None] - shift[0], axis[None, :] - shift[1]
    turn = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    stretch = np.sqrt(rng.uniform(*settings.stretch, (count, 1, 1)))
    along = (x * np.cos(turn) + y * np.sin(turn)) / stretch
    across = (y * np.cos(turn) - x * np.sin(turn)) * stretch
    return np.hypot(along, across), np.arctan2(across, along)


def _outline(
    measured: _Measured,
    each: npt.NDArray[np.int64],
    angle: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Rim by mean radius, as a function of the angle.

    For a contour ``1 + sum a_k cos(k angle + phase_k)`` the perimeter's excess ``P^2 / (4 pi A) - 1``, which is WDBC's
    compactness, is ``sum (k^2 - 1) a_k^2 / 2``: the row's compactness is shared among the harmonics, the more of it to
    the higher ones the more concave the row.
    """
    concavity = measured.concavity[each][:, None]
    weight = np.where(HARMONICS == 2, 1.0, 0.15 + 3.0 * concavity / (HARMONICS - 1.5))
    weight = weight * rng.gamma(1.0, size=weight.shape)
    weight /= weight.sum(axis=1, keepdims=True)
    excess = measured.compactness[each][:, None] * weight
    amplitude = np.sqrt(2 * excess / (HARMONICS**2 - 1)) + 0.1 * measured.smoothness[each][:, None] / HARMONICS
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    rim = np.ones_like(angle)
    for k, harmonic in enumerate(HARMONICS):
        rim += amplitude[:, k, None, None] * np.cos(harmonic * angle + phase[:, k, None, None])
    return np.maximum(rim, 0.35)


def _chromatin(
    measured: _Measured,
    each: npt.NDArray[np.int64],
    depth: npt.NDArray[np.float64],
    open_: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Relative haematoxylin: clumps as coarse as the row's texture, and the middle paler than the rim."""
    clumps = ndimage.gaussian_filter(rng.normal(size=depth.shape), (0, 0.8, 0.8))
    clumps /= clumps.std()
    contrast = 0.010 * measured.texture[each]
    pale = open_[:, None, None] * np.clip(1.25 - depth**2, 0, 1)
    return np.asarray(np.clip((1 - pale) * (1 + contrast[:, None, None] * clumps), 0.15, None))


def _add_nucleoli(
    haematoxylin: npt.NDArray[np.float64],
    eosin: npt.NDArray[np.float64],
    radius: npt.NDArray[np.float64],
    numbers: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> None:
    axis = np.arange(haematoxylin.shape[1]) - haematoxylin.shape[1] // 2
    for place in range(3):
        centre = rng.normal(0, 0.3, (2, len(radius), 1, 1)) * radius[:, None, None]
        size = rng.uniform(0.9, 1.5, (len(radius), 1, 1))
        distance = (axis[:, None] - centre[0]) ** 2 + (axis[None, :] - centre[1]) ** 2
        spot = np.exp(-distance / (2 * size**2)) * (numbers > place)[:, None, None]
        haematoxylin += 0.8 * spot
        eosin += 0.6 * spot
