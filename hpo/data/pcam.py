"""PCam's own files: HDF5, one of patches and one of labels a split, perhaps gzipped, read in chunks."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from hpo.errors import DataError

BASE = "camelyonpatch_level_2_split_"
"""How the official files' names begin."""

SPLITS = ("train", "valid", "test")

_ROWS_AT_ONCE = 1024
"""Patches read together: 28 MB of 96x96 RGB."""


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split.

    Args:
        name: ``train``, ``valid`` or ``test``.
        x: HDF5 file of the patches, dataset ``x``, uint8 ``(N, size, size, 3)``.
        y: HDF5 file of the labels, dataset ``y``, ``(N, 1, 1, 1)``.
        meta: CSV file that names each patch's slide, or None.
    """

    name: str
    x: Path
    y: Path
    meta: Path | None


def find_split(folder: Path, name: str) -> SplitFiles | None:
    """The files of a split, gzipped ones unpacked; None if neither is there.

    Raises:
        DataError: if only one of the pair is there, or a gzipped file is damaged.
    """
    x, y = (_unpacked(folder / f"{BASE}{name}_{kind}.h5") for kind in ("x", "y"))
    if x is None and y is None:
        return None
    if x is None or y is None:
        kind = "x" if x is None else "y"
        raise DataError(f"{folder / f'{BASE}{name}_{kind}.h5'}: is missing, the other file of the split is there")
    meta = folder / f"{BASE}{name}_meta.csv"
    return SplitFiles(name, x, y, meta if meta.exists() else None)


def open_shape(file: Path) -> tuple[int, int]:
    """Number and side (pixels) of a file's patches.

    Raises:
        DataError: if the file is damaged, empty, or does not hold uint8 square RGB patches.
    """
    with _dataset(file, "x") as patches:
        shape, kind = tuple(patches.shape), patches.dtype
        if kind != np.uint8:
            raise DataError(f"{file}: dataset 'x' is {kind}, not uint8")
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
            raise DataError(f"{file}: dataset 'x' has shape {shape}, not (N, size, size, 3): square RGB patches")
        if shape[0] == 0:
            raise DataError(f"{file}: dataset 'x' is empty")
        return int(shape[0]), int(shape[1])


def open_labels(file: Path) -> NDArray[np.uint8]:
    """All labels of a file, uint8 ``(N,)``.

    Raises:
        DataError: if the file is damaged, has another shape than ``(N, 1, 1, 1)`` or ``(N,)``, or holds anything but
            0 and 1.
    """
    with _dataset(file, "y") as dataset:
        shape = tuple(dataset.shape)
        if not shape or any(side != 1 for side in shape[1:]):
            raise DataError(f"{file}: dataset 'y' has shape {shape}, not (N, 1, 1, 1)")
        try:
            labels: NDArray[np.generic] = dataset[()].reshape(-1)
        except OSError as error:
            raise DataError(f"{file}: is damaged ({error})") from error
    wrong = np.flatnonzero(~np.isin(labels, (0, 1)))
    if len(wrong):
        raise DataError(f"{file}: label {labels[wrong[0]]} in row {wrong[0]}; labels are 0 (benign) and 1 (malignant)")
    return labels.astype(np.uint8)


def read_rows(file: Path, rows: NDArray[np.intp], size: int) -> NDArray[np.uint8]:
    """Patches, uint8 ``(n, size, size, 3)``, in the order asked for.

    Args:
        file: HDF5 file of patches.
        rows: ``(n,)``; the file is passed through once, in ascending order.
        size: side of the patches, pixels.

    Raises:
        DataError: if the file is damaged.
    """
    patches = np.empty((len(rows), size, size, 3), dtype=np.uint8)
    order = np.argsort(rows, kind="stable")
    with _dataset(file, "x") as dataset:
        for first in range(0, len(order), _ROWS_AT_ONCE):
            places = order[first : first + _ROWS_AT_ONCE]
            wanted = rows[places]
            # h5py reads a span much faster than a list of rows, unless the rows are few and far between.
            low, high = int(wanted[0]), int(wanted[-1]) + 1
            try:
                if high - low <= 4 * len(wanted):
                    patches[places] = dataset[low:high][wanted - low]
                else:
                    unique, inverse = np.unique(wanted, return_inverse=True)
                    patches[places] = dataset[unique][inverse]
            except OSError as error:
                raise DataError(f"{file}: is damaged between rows {low} and {high} ({error})") from error
    return patches


def content_digests(file: Path, size: int) -> NDArray[np.bytes_]:
    """A digest of each patch's pixels, ``(N,)``: equal for identical patches."""
    count, _ = open_shape(file)
    digests = []
    for first in range(0, count, _ROWS_AT_ONCE):
        patches = read_rows(file, np.arange(first, min(first + _ROWS_AT_ONCE, count)), size)
        digests += [hashlib.blake2b(patch.tobytes(), digest_size=16).hexdigest().encode() for patch in patches]
    return np.array(digests, dtype="S32")


def unpack(packed: Path, target: Path, progress: Callable[[int], None] | None = None) -> None:
    """Decompress a gzipped file beside itself, under a temporary name until it is whole.

    Args:
        packed: the ``.gz`` file.
        target: what it becomes.
        progress: called with the number of bytes of each piece written.

    Raises:
        DataError: if the file is damaged or cut short.
    """
    partial = target.with_name(target.name + ".part")
    try:
        with gzip.open(packed, "rb") as source, partial.open("wb") as sink:
            while piece := source.read(1 << 22):
                sink.write(piece)
                if progress is not None:
                    progress(len(piece))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        partial.unlink(missing_ok=True)
        raise DataError(f"{packed}: is damaged or cut short ({error}); fetch it again") from error
    partial.replace(target)


def _unpacked(file: Path) -> Path | None:
    packed = file.with_name(file.name + ".gz")
    if not file.exists() and packed.exists():
        free = shutil.disk_usage(file.parent).free
        if free < 2 * packed.stat().st_size:
            raise DataError(f"{packed}: {free:,} bytes free are too few to unpack it")
        unpack(packed, file)
    return file if file.exists() else None


@contextmanager
def _dataset(file: Path, name: str) -> Iterator[h5py.Dataset]:
    try:
        handle = h5py.File(file, "r")
    except OSError as error:
        raise DataError(f"{file}: is damaged or not an HDF5 file ({error})") from error
    with handle:
        if name not in handle:
            found = ", ".join(handle) or "nothing"
            raise DataError(f"{file}: has no dataset {name!r}; found {found}")
        yield handle[name]
