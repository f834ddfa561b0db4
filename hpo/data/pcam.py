"""PatchCamelyon's own file format: one HDF5 file of patches and one of labels a split, and a table of slides.

Names are PCam's, ``camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5`` with ``_meta.csv``; a single labelled
set without splits is ``patches_{x,y}.h5``. Any of the HDF5 files may be gzipped, with ``.gz`` after its name.

Source: Veeling et al. 2018, "Rotation Equivariant CNNs for Digital Pathology".
"""

from __future__ import annotations

import csv
import gzip
import math
import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

import h5py
import numpy as np
import numpy.typing as npt

from hpo.data.hdf5 import open_array
from hpo.data.progress import Progress, silent
from hpo.data.regular_file import regular_file
from hpo.errors import DataError

SplitName = Literal["train", "valid", "test", "patches"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")
MOST_CHANNELS = 32
"""Channels that a patch may have."""
META_COLUMNS = ("", "coord_y", "coord_x", "tumor_patch", "center_tumor_patch", "wsi")


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split, existing or not.

    Args:
        name: of the split; ``patches`` is a single labelled set.
        x: HDF5 with dataset ``x``, uint8 of shape (N, side, side, channels).
        y: HDF5 with dataset ``y``, integers from 0 of shape (N, 1, 1, 1) or (N,), or one-hot rows of shape (N, K).
        meta: CSV whose column ``wsi`` names each patch's slide and ``file`` the image that it was; optional.
    """

    name: SplitName
    x: Path
    y: Path
    meta: Path


def split_files(folder: Path, name: SplitName) -> SplitFiles:
    """The paths that a split has in a folder."""
    stem = "patches" if name == "patches" else f"camelyonpatch_level_2_split_{name}"
    return SplitFiles(name, folder / f"{stem}_x.h5", folder / f"{stem}_y.h5", folder / f"{stem}_meta.csv")


def compressed(path: Path) -> Path:
    """The same file gzipped."""
    return path.with_name(path.name + ".gz")


def present(files: SplitFiles) -> bool:
    """Whether the split has at least one of its two HDF5 files, gzipped or not."""
    return any(os.path.lexists(path) or os.path.lexists(compressed(path)) for path in (files.x, files.y))


def unpack(path: Path, progress: Progress = silent) -> None:
    """Makes sure that a file is there, decompressing its ``.gz`` beside it once.

    Raises:
        DataError: if neither is there, the ``.gz`` is damaged, or the folder cannot be written to.
    """
    if os.path.lexists(path):
        return
    source = compressed(path)
    if not os.path.lexists(source):
        raise DataError(f"{path}: no such file, nor {source.name}; see `hpo data fetch`, `import` and `sample`")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    total = regular_file(source).st_size
    try:
        with source.open("rb") as raw, gzip.open(raw) as inside, part.open("wb") as out:
            while block := inside.read(1 << 22):
                out.write(block)
                progress(f"decompressing {source.name}", raw.tell(), total)
        part.replace(path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{source}: damaged or truncated gzip file ({error}); fetch or copy it again") from error
    except OSError as error:
        raise DataError(
            f"{source}: cannot be decompressed into its folder ({error.strerror or error}); gunzip it to a folder "
            "that can be written to"
        ) from error
    finally:
        part.unlink(missing_ok=True)


class PatchShape(NamedTuple):
    """The patches of an ``x`` file: how many, their side in pixels, and their channels."""

    patches: int
    side: int
    channels: int


def check_patches(path: Path, patch_size: int | None) -> PatchShape:
    """Number, side and channels of the patches in an ``x`` file.

    Args:
        path: the file.
        patch_size: side that the patches must have, pixels; None allows any.

    Raises:
        DataError: if the dataset is not uint8 of shape (N, side, side, channels), is empty, or has another patch size.
    """
    with open_array(path, "x") as x:
        shape, dtype = tuple(x.shape), x.dtype
    if len(shape) != 4 or not 1 <= shape[3] <= MOST_CHANNELS:
        grey = "; give grey patches a last axis of length 1: x[..., None]" if len(shape) == 3 else ""
        raise DataError(
            f"{path}: x has shape {shape}; RGB patches have shape (N, side, side, 3), and others 1 to {MOST_CHANNELS} "
            f"channels in place of the 3{grey}"
        )
    if dtype != np.uint8:
        raise DataError(f"{path}: x has dtype {dtype}; patches are uint8, 0 to 255")
    if shape[0] == 0:
        raise DataError(f"{path}: x is empty: shape {shape}")
    if shape[1] != shape[2]:
        raise DataError(f"{path}: patches are {shape[1]} x {shape[2]} pixels; they must be square")
    if patch_size is not None and shape[1] != patch_size:
        raise DataError(
            f"{path}: patches are {shape[1]} x {shape[1]} pixels, the study file's data.patch_size says {patch_size}; "
            "change one of the two"
        )
    return PatchShape(int(shape[0]), int(shape[1]), int(shape[3]))


class SplitWriter:
    """Writes one split under temporary names; the files appear, whole, when the ``with`` block ends well.

    Args:
        files: where to; existing files are replaced.
        count: number of patches.
        patch_size: side, pixels.
        channels: of a patch.

    Raises:
        DataError: if the files cannot be written.
    """

    def __init__(self, files: SplitFiles, count: int, patch_size: int, channels: int = 3) -> None:
        self._files, self._count, self._patch = files, count, (patch_size, patch_size, channels)
        self._parts = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in (files.x, files.y)}
        self._labels = np.zeros(count, dtype=np.uint8)
        self._written = np.zeros(count, dtype=bool)
        self._left_out = np.zeros(count, dtype=bool)
        self._is_discarded = False
        self._meta: Sequence[Sequence[object]] | None = None
        self._columns: Sequence[str] = META_COLUMNS

    def __enter__(self) -> Self:
        folder = self._files.x.parent
        need = self._count * math.prod(self._patch)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
            if free < need:
                raise DataError(f"{folder}: {need:,} bytes are needed for {self._files.x.name}, {free:,} are free")
            self._file = h5py.File(self._parts[self._files.x], "w")
        except OSError as error:
            raise DataError(f"{folder}: cannot be written to: {error}") from error
        self._x = self._file.create_dataset("x", (self._count, *self._patch), dtype=np.uint8)
        return self

    def write(self, row: int, patches: npt.NDArray[np.uint8], labels: npt.ArrayLike) -> None:
        """Puts patches (n, side, side, channels) and labels (n,) at rows ``row``, ``row + 1``, ..."""
        self._x[row : row + len(patches)] = patches
        self._labels[row : row + len(patches)] = labels
        self._written[row : row + len(patches)] = True

    def leave_out(self, rows: Sequence[int]) -> None:
        """Makes the split shorter by rows that there is nothing for; those after them move up."""
        self._left_out[list(rows)] = True

    def discard(self) -> None:
        """Leaves the files as they were."""
        self._is_discarded = True

    def write_meta(self, rows: Sequence[Sequence[object]], columns: Sequence[str] = META_COLUMNS) -> None:
        """Sets the table beside the patches: for each the values of the columns after the first, which is its row."""
        self._meta, self._columns = rows, columns

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._is_discarded:
                self._finish()
        finally:
            self._file.close()
            for part in self._parts.values():
                part.unlink(missing_ok=True)

    def _finish(self) -> None:
        kept = ~self._left_out
        missing = np.flatnonzero(kept & ~self._written)
        if len(missing):
            raise DataError(
                f"{self._files.x}: {len(missing)} of {self._count} patches were never written, the first is row "
                f"{missing[0]}; nothing is kept: did an image or archive change while it was read?"
            )
        if not kept.all():
            self._close_up(np.flatnonzero(kept))
        self._file.close()
        with h5py.File(self._parts[self._files.y], "w") as file:
            file.create_dataset("y", data=self._labels.reshape(-1, 1, 1, 1))
        self._files.meta.unlink(missing_ok=True)
        if self._meta is not None:
            with self._files.meta.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file, lineterminator="\n")
                table.writerow(self._columns)
                table.writerows((row, *values) for row, values in enumerate(self._meta))
        for path, part in self._parts.items():
            part.replace(path)

    def _close_up(self, rows: npt.NDArray[np.int64]) -> None:
        """Writes the rows that stay to a file of their own: an HDF5 data set without chunks cannot shrink."""
        part = self._parts[self._files.x]
        shorter = part.with_name(f"{part.name}.shorter.part")
        block = max(1, (1 << 26) // math.prod(self._patch))
        try:
            with h5py.File(shorter, "w") as file:
                x = file.create_dataset("x", (len(rows), *self._patch), dtype=np.uint8)
                for start in range(0, len(rows), block):
                    x[start : start + block] = self._x[rows[start : start + block]]
            shorter.replace(part)
        finally:
            shorter.unlink(missing_ok=True)
        self._labels = self._labels[rows]
