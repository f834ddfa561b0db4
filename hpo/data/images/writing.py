"""Writes the patches of one split, with a table of where each comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpo.data.digest import Hashes, keep_hashes
from hpo.data.images.decoding import Pixels, Taken, Want
from hpo.data.images.found import Found
from hpo.data.images.reading import each
from hpo.data.images.taking import Refusal, take_image
from hpo.data.pcam import SplitFiles, SplitWriter

Corner = tuple[int, int]
_COORDINATES = re.compile(r"(?:^|[^A-Za-z0-9])x=?(\d{1,9})[_, ]+y=?(\d{1,9})(?![0-9])")
"""The place of a tile in its slide, as QuPath and others write it into names: ``[x=0,y=512,...]``, ``_x51_y1_``."""


@dataclass(frozen=True, slots=True)
class ToWrite:
    """An image that goes into a split.

    Args:
        found: where it is.
        label: of its class.
        slide: empty where slides are unknown.
        patches: rows that it takes.
    """

    found: Found
    label: int
    slide: str = ""
    patches: int = 1


@dataclass
class Written:
    """The fate of a split's images.

    Attributes:
        labels: of the patches, shape (N,), uint8.
        hashes: of the patches, shape (N, 32), uint8.
        slides: of the patches; empty names where they are unknown.
        changes: images converted, by what was done.
        refused: images that give no patches, and why.
        left_over: pixels that fill no tile.
        images: that gave patches.
    """

    labels: npt.NDArray[np.uint8]
    hashes: Hashes
    slides: list[str]
    changes: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[Found, Refusal]] = field(default_factory=list)
    left_over: int = 0
    images: int = 0

    def counts(self, classes: int) -> tuple[int, ...]:
        """Patches of each label."""
        return tuple(np.bincount(self.labels, minlength=classes).tolist())


def write_split(
    files: SplitFiles,
    images: Sequence[ToWrite],
    want: Want,
    root: Path,
    tick: Callable[[], None],
    *,
    skip: bool,
) -> Written:
    """Decodes images and writes their patches, in the images' order.

    Args:
        files: where to.
        images: at least one.
        want: what patches are to be made.
        root: the place that was imported, from which the table names files.
        tick: called for each image that is done.
        skip: whether images that cannot be taken are left out; else, once there is one, nothing more is written, and
            all others are looked at.

    Raises:
        DataError: if the files cannot be written, or an archive cannot be read.
    """
    firsts = np.concatenate([[0], np.cumsum([image.patches for image in images])]).astype(np.int64)
    count = int(firsts[-1])
    written = Written(np.repeat([image.label for image in images], np.diff(firsts)).astype(np.uint8), _room(count), [])
    corners: dict[int, list[Corner]] = {}
    size = want.side**2 * want.channels
    with SplitWriter(files, count, want.side, want.channels) as writer:
        for batch in each(
            [image.found for image in images], partial(take_image, want=want), lambda at: images[at].patches * size
        ):
            rows: dict[int, Pixels] = {}
            for at, result in batch:
                start, stop = int(firsts[at]), int(firsts[at + 1])
                if isinstance(result, Refusal):
                    written.refused.append((images[at].found, result))
                    writer.leave_out(range(start, stop))
                else:
                    rows[start] = result.patches
                    written.hashes[start:stop] = result.hashes
                    corners[at] = result.corners
                    _count(written, result)
                tick()
            if skip or not written.refused:
                _write(writer, rows, written.labels)
            batch.clear()  # before the next one is decoded
            rows.clear()
        if written.refused and not skip:
            writer.discard()
            return written
        kept = [at for at in range(len(images)) if at in corners]
        _shorten(written, images, kept, firsts)
        writer.write_meta(*_table(images, kept, corners, root))
    if len(written.labels):
        keep_hashes(files.x, written.hashes)
    return written


def _room(count: int) -> Hashes:
    return np.zeros((count, 32), dtype=np.uint8)


def _count(written: Written, result: Taken) -> None:
    written.changes.update(result.changes)
    written.left_over += result.left_over
    written.images += 1


def _write(writer: SplitWriter, rows: dict[int, Pixels], labels: npt.NDArray[np.uint8]) -> None:
    """Puts what was decoded together to its rows: stretches without a gap are written at once."""
    for stretch in _stretches(rows):
        patches = stretch[0][1] if len(stretch) == 1 else np.concatenate([patches for _, patches in stretch])
        start = stretch[0][0]
        writer.write(start, patches, labels[start : start + len(patches)])


def _stretches(rows: dict[int, Pixels]) -> list[list[tuple[int, Pixels]]]:
    stretches: list[list[tuple[int, Pixels]]] = []
    end = -1
    for start in sorted(rows):
        if start != end:
            stretches.append([])
        stretches[-1].append((start, rows[start]))
        end = start + len(rows[start])
    return stretches


def _shorten(written: Written, images: Sequence[ToWrite], kept: Sequence[int], firsts: npt.NDArray[np.int64]) -> None:
    stays = np.concatenate([np.arange(firsts[at], firsts[at + 1]) for at in kept] or [np.empty(0, np.int64)])
    written.labels, written.hashes = written.labels[stays], written.hashes[stays]
    written.slides = [images[at].slide for at in kept for _ in range(images[at].patches)]


def _table(
    images: Sequence[ToWrite], kept: Sequence[int], corners: dict[int, list[Corner]], root: Path
) -> tuple[list[tuple[object, ...]], list[str]]:
    """Rows and columns of the table: where in the slide or image, which slide, which file."""
    places = _places(images, kept, corners)
    has_slides = any(images[at].slide for at in kept)
    rows: list[tuple[object, ...]] = []
    for at in kept:
        image = images[at]
        name = image.found.relative(root)
        slide = (image.slide,) if has_slides else ()
        rows += [
            (*((top, left) if places else ()), *slide, name)
            for left, top in (places[at] if places else [(0, 0)] * image.patches)
        ]
    columns = ["", *(["coord_y", "coord_x"] if places else []), *(["wsi"] if has_slides else []), "file"]
    return rows, columns


def _places(
    images: Sequence[ToWrite], kept: Sequence[int], corners: dict[int, list[Corner]]
) -> dict[int, list[Corner]] | None:
    """A tile's corner in its image, or what every name says of its corner in the slide; None if neither is known."""
    if any(corners[at] for at in kept):
        return corners
    named = {at: _COORDINATES.search(images[at].found.name) for at in kept}
    found = {at: [(int(match[1]), int(match[2]))] for at, match in named.items() if match is not None}
    return found if len(found) == len(named) else None
