"""``hpo tile``: slides and what is known of them, to a data set of patches in PCam's format."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from hpo.data.description import Description, write_description
from hpo.data.images.staging import staged
from hpo.data.pcam import SPLITS, SplitFiles, SplitName, SplitWriter, split_files
from hpo.data.split import most_balanced, nested_subset, split_rows
from hpo.errors import DataError
from hpo.slides.annotations import Annotations, annotations_beside, read_annotations
from hpo.slides.opening import open_slide
from hpo.slides.slide_table import SlideTable
from hpo.slides.tissue import find_tissue, read_overview
from hpo.slides.view import PCAM_MPP, View, resolution_of, view_at, view_by

Rule = Literal["centre", "overlap"]
BATCH = 256
BATCH_BYTES = 1 << 26
"""Patches that are held together, and their bytes, at most."""


@dataclass(frozen=True)
class TileSettings:
    """The patches to cut.

    Args:
        size: side, pixels.
        stride: pixels from patch to patch; None is the size, so that patches do not overlap.
        mpp: micrometres a pixel of the patches.
        slide_mpp: micrometres a pixel of level 0, where the files do not say it.
        least_tissue: share of tissue that a patch must have, in [0, 1].
        rule: ``centre`` labels a patch 1 if there is tumour in its central third, as PCam's 32 of 96 pixels;
            ``overlap`` if tumour covers a share of it.
        overlap: that share, in (0, 1].
        balance: ``natural`` keeps all patches; ``equal`` as many of either label.
        per_slide: patches of a slide, at most; None is all.
        shares: of training, validation and test, which are whole slides each; None makes one labelled set, which
            ``data.split`` of a study file divides by slides.
        seed: of all choices.
        positive: names of annotations that are tumour; the usual ones if empty.
    """

    size: int = 96
    stride: int | None = None
    mpp: float = PCAM_MPP
    slide_mpp: float | None = None
    least_tissue: float = 0.5
    rule: Rule = "centre"
    overlap: float = 0.5
    balance: Literal["natural", "equal"] = "natural"
    per_slide: int | None = None
    shares: tuple[float, float, float] | None = None
    seed: int = 0
    positive: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SlidePlan:
    """The patches of a slide.

    Args:
        path: of the slide.
        factor: pixels of level 0 that a pixel of the patches is wide.
        corners: upper left corners, pixels of the patches' resolution, int64 of shape (n, 2): x and y.
        labels: uint8 of shape (n,).
        touched: bool of shape (n,), whether there is tumour anywhere in the patch.
        known: how the labels are known, in words.
    """

    path: Path
    factor: float
    corners: npt.NDArray[np.int64]
    labels: npt.NDArray[np.uint8]
    touched: npt.NDArray[np.bool_]
    known: str


@dataclass(frozen=True)
class Tiled:
    """What was written.

    Args:
        counts: of each split, patches of label 0 and of label 1.
        slides: number of slides that gave patches.
        empty: slides without any.
    """

    counts: dict[str, tuple[int, int]]
    slides: int
    empty: tuple[str, ...]


def plan_slide(path: Path, settings: TileSettings, table: SlideTable | None, annotations: Path | None) -> SlidePlan:
    """The patches of a slide and their labels, from its overview alone.

    Args:
        path: of the slide.
        settings: what to cut.
        table: labels of whole slides.
        annotations: of this slide.

    Raises:
        HpoError: if the slide cannot be read, or nothing or two things are known of it.
    """
    whole = None if table is None else table.label_of(path)
    outlined = None if annotations is None else read_annotations(annotations, settings.positive)
    if whole is None and outlined is None:
        where = "" if table is None else f", nor a row in {table.path}"
        raise DataError(f"{path}: has neither {path.stem}.xml nor .geojson{where}; add one, or move it elsewhere")
    if outlined is not None and whole is not None and outlined.has_tumour != bool(whole):
        raise DataError(
            f"{outlined.path}: outlines {'tumour' if outlined.has_tumour else 'no tumour'}, but {table and table.path} "
            f"has label {whole} for {path.name}"
        )
    slide = open_slide(path)
    try:
        mpp = resolution_of(slide, settings.slide_mpp)
        view = view_at(slide, settings.mpp, mpp)
        corners = _corners(view, settings, mpp)
        if outlined is None:
            labels = np.full(len(corners), whole, np.uint8)
            return SlidePlan(path, view.factor, corners, labels, labels > 0, "whole slide")
        inside, touched = _under(outlined, view, corners, settings)
        return SlidePlan(path, view.factor, corners, inside, touched, "annotations")
    finally:
        slide.close()


def _corners(view: View, settings: TileSettings, mpp: float) -> npt.NDArray[np.int64]:
    """Of the patches that lie wholly on the slide and have enough tissue."""
    size, stride = settings.size, settings.stride or settings.size
    if min(view.width, view.height) < size:
        raise DataError(
            f"{view.slide.path}: has {view.width} x {view.height} pixels at {settings.mpp} micrometres per pixel; a "
            f"patch has {size} x {size}"
        )
    columns, rows = ((length - size) // stride + 1 for length in (view.width, view.height))
    x, y = (axis.ravel() * stride for axis in np.meshgrid(np.arange(columns), np.arange(rows)))
    tissue = find_tissue(read_overview(view.slide), mpp)
    shares = tissue.shares(x * view.factor, y * view.factor, size * view.factor)
    return np.stack([x, y], axis=1)[shares >= max(settings.least_tissue, 1e-9)].astype(np.int64)


def _under(
    outlined: Annotations, view: View, corners: npt.NDArray[np.int64], settings: TileSettings
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Label of each patch, and whether any tumour lies in it; the outlines are drawn a few pixels to a cell."""
    level, size = view.slide.levels[0], settings.size
    cell = max(1, size // 12)  # PCam's centre is four of them wide
    mask = outlined.mask(level.width, level.height, cell * view.factor)
    total = np.pad(mask, ((1, 0), (1, 0))).cumsum(axis=0, dtype=np.int64).cumsum(axis=1)

    def covered(first: int, side: int) -> npt.NDArray[np.float64]:
        x0, y0 = (np.clip(np.rint((corners[:, axis] + first) / cell), 0, mask.shape[1 - axis] - 1) for axis in (0, 1))
        x1, y1 = (
            np.clip(np.rint((corners[:, axis] + first + side) / cell), start + 1, mask.shape[1 - axis])
            for axis, start in ((0, x0), (1, y0))
        )
        x0, y0, x1, y1 = (one.astype(np.int64) for one in (x0, y0, x1, y1))
        inside = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
        return np.asarray(inside / ((x1 - x0) * (y1 - y0)))

    whole = covered(0, size)
    if settings.rule == "overlap":
        return (whole >= settings.overlap).astype(np.uint8), whole > 0
    return (covered((size - size // 3) // 2, size // 3) > 0).astype(np.uint8), whole > 0


def _thinned(plan: SlidePlan, settings: TileSettings) -> SlidePlan:
    """At most so many patches of a slide, of either label in proportion; the same ones for any other slides."""
    most = settings.per_slide
    if most is None or len(plan.labels) <= most:
        return plan
    random = np.random.default_rng([settings.seed, zlib.crc32(plan.path.name.encode())])
    wanted = {1: round(most * float(plan.labels.mean()))}
    wanted[0] = most - wanted[1]
    rows = np.sort(
        np.concatenate([random.permutation(np.flatnonzero(plan.labels == label))[:n] for label, n in wanted.items()])
    )
    return SlidePlan(plan.path, plan.factor, plan.corners[rows], plan.labels[rows], plan.touched[rows], plan.known)


@dataclass(frozen=True, eq=False)
class _Chosen:
    """Patches of one split: numbers of their slides, and their rows in the slides' plans."""

    slides: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.uint8]


def tile_slides(
    slides: Sequence[Path],
    folder: Path,
    settings: TileSettings,
    *,
    table: SlideTable | None = None,
    annotations: Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> Tiled:
    """Cut slides into a data set of patches, whole or not at all, a few patches at a time.

    Args:
        slides: their files, each of another name.
        folder: of the data set.
        settings: what to cut.
        table: labels of whole slides.
        annotations: folder of annotations; None looks beside each slide.
        overwrite: whether another data set there is replaced.
        progress: told of slides looked at, then of patches written.

    Raises:
        HpoError: if a slide cannot be used, a split would lack a label, or nothing can be written.
    """
    plans = []
    with staged(folder, overwrite=overwrite) as stage:
        for number, path in enumerate(slides):
            plan = plan_slide(path, settings, table, annotations_beside(path, annotations))
            plans.append(_thinned(plan, settings))
            progress("looking at slides", number + 1, len(slides))
        parts = _parts(plans, settings)
        total, done = sum(len(part.labels) for part in parts.values()), 0
        for name, part in parts.items():
            for written in _write(split_files(stage, name), part, plans, settings):
                done += written
                progress("writing patches", done, total)
        write_description(stage, Description(microns_per_pixel=settings.mpp))
    return Tiled(
        {name: (int((part.labels == 0).sum()), int((part.labels == 1).sum())) for name, part in parts.items()},
        len({int(slide) for part in parts.values() for slide in part.slides}),
        tuple(plan.path.name for plan in plans if not len(plan.labels)),
    )


def _parts(plans: Sequence[SlidePlan], settings: TileSettings) -> dict[SplitName, _Chosen]:
    counts = [len(plan.labels) for plan in plans]
    labels = np.concatenate([plan.labels for plan in plans])
    slides = np.repeat(np.arange(len(plans)), counts)
    rows = np.concatenate([np.arange(count) for count in counts])
    zeros, ones = int((labels == 0).sum()), int((labels == 1).sum())
    if not zeros or not ones:
        raise DataError(
            f"the slides give {zeros:,} patches of label 0 and {ones:,} of label 1; a data set needs both: add slides, "
            "or lower --tissue"
        )
    everything: dict[SplitName, npt.NDArray[np.int64]] = {"patches": np.arange(len(labels))}
    if settings.shares is not None:
        groups = np.unique(slides, return_inverse=True)[1].reshape(-1)
        divided = split_rows(labels, groups, settings.shares, settings.seed)
        everything = dict(zip(SPLITS, divided, strict=True))
    found: dict[SplitName, _Chosen] = {}
    for name, chosen in everything.items():
        kept = chosen
        if settings.balance == "equal":
            counted = [int((labels[chosen] == label).sum()) for label in (0, 1)]
            kept = chosen[np.sort(nested_subset(labels[chosen], most_balanced(counted), settings.seed))]
        if len(kept):
            found[name] = _Chosen(slides[kept], rows[kept], labels[kept])
    return found


def _write(files: SplitFiles, part: _Chosen, plans: Sequence[SlidePlan], settings: TileSettings) -> Iterator[int]:
    """Write a split; yields the number of patches of each batch."""
    meta: list[tuple[int, int, bool, bool, str]] = []
    together = max(1, min(BATCH, BATCH_BYTES // (3 * settings.size**2)))
    with SplitWriter(files, len(part.labels), settings.size) as writer:
        for number in np.unique(part.slides).tolist():
            plan = plans[number]
            places = np.flatnonzero(part.slides == number)
            slide = open_slide(plan.path)
            try:
                view = view_by(slide, plan.factor)
                for start in range(0, len(places), together):
                    batch = places[start : start + together]
                    corners = plan.corners[part.rows[batch]]
                    tiles = [view.read(x, y, settings.size, settings.size) for x, y in corners.tolist()]
                    writer.write(int(batch[0]), np.stack(tiles), part.labels[batch])
                    yield len(batch)
            finally:
                slide.close()
            meta += [
                (
                    *(round(place * plan.factor) for place in plan.corners[row][::-1].tolist()),
                    bool(plan.touched[row]),
                    bool(plan.labels[row]),
                    plan.path.stem,
                )
                for row in part.rows[places].tolist()
            ]
        writer.write_meta(meta)
