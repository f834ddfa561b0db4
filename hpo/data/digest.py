"""Digests of patches: they address data sets and find repeated patches."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpo.data.hdf5 import open_array, other_files
from hpo.data.progress import Progress, silent
from hpo.data.regular_file import regular_file
from hpo.data.rows import row_blocks
from hpo.whole_file import whole_file

Hashes = npt.NDArray[np.uint8]
"""SHA-256 of each patch's pixels, shape (N, 32), uint8."""

FORMAT = 1
_MARGIN = 1 << 16  # bytes of a kept file beyond its hashes: a larger one is none of ours


def patch_hashes(path: Path, count: int, progress: Progress = silent) -> Hashes:
    """The SHA-256 of every patch in an ``x`` file, read once and then kept beside it.

    The kept file, ``.NAME.hashes.npz``, counts as long as the data's size and modification time are the same, and
    those of other files that hold a part of it; where the folder cannot be written to, nothing is kept.

    Args:
        path: the file.
        count: number of its patches.
        progress: takes the number of patches read so far.

    Raises:
        DataError: if a part of the file cannot be read.
    """
    kept, stamp = _kept(path, count)
    hashes = _load(kept, stamp)
    if hashes is None:
        hashes = _compute(path, count, progress)
        _save(kept, stamp, hashes)
    return hashes


def keep_hashes(path: Path, hashes: Hashes) -> None:
    """Keeps the hashes of an ``x`` file that was just written, so that nobody reads it for them."""
    kept, stamp = _kept(path, len(hashes))
    _save(kept, stamp, hashes)


def _kept(path: Path, count: int) -> tuple[Path, npt.NDArray[np.int64]]:
    """The place of kept hashes, and the data that they are valid for."""
    stamp = np.array(
        [FORMAT, *file_stamp(path), *(n for part in other_files(path, "x") for n in file_stamp(part)), count]
    )
    return path.with_name(f".{path.name}.hashes.npz"), stamp


def _compute(path: Path, count: int, progress: Progress) -> Hashes:
    hashes = np.empty((count, 32), dtype=np.uint8)
    with open_array(path, "x") as x:
        for start, patches in row_blocks(x):
            for row, patch in enumerate(patches, start):
                hashes[row] = np.frombuffer(hashlib.sha256(patch.tobytes()).digest(), dtype=np.uint8)
            progress(f"reading {path.name}", start + len(patches), count)
    return hashes


def file_stamp(path: Path) -> tuple[int, int]:
    """Size and modification time, by which a file is known again.

    Raises:
        DataError: if it cannot be read.
    """
    status = regular_file(path)
    return status.st_size, status.st_mtime_ns


def _load(kept: Path, stamp: npt.NDArray[np.int64]) -> Hashes | None:
    try:
        if abs(regular_file(kept).st_size - 32 * int(stamp[-1])) > _MARGIN:
            return None
        with np.load(kept, allow_pickle=False) as file:
            hashes = np.asarray(file["hashes"])
            if np.array_equal(file["stamp"], stamp) and hashes.shape == (stamp[-1], 32) and hashes.dtype == np.uint8:
                return hashes
    except Exception:  # whatever NumPy finds in a file that may be anything: the hashes are computed again
        return None
    return None


def _save(kept: Path, stamp: npt.NDArray[np.int64], hashes: Hashes) -> None:
    try:
        with whole_file(kept) as unfinished, unfinished.open("wb") as file:
            np.savez(file, stamp=stamp, hashes=hashes)
    except OSError:  # a read-only folder or a full disk: the hashes are computed again next time
        return


def content_digest(hashes: Hashes, labels: npt.NDArray[np.uint8], patch_size: int) -> str:
    """SHA-256, 64 hexadecimal digits, of patches and labels in their order."""
    total = hashlib.sha256(f"patches {FORMAT} {len(labels)} {patch_size}\n".encode())
    total.update(np.ascontiguousarray(hashes).tobytes())
    total.update(np.ascontiguousarray(labels).tobytes())
    return total.hexdigest()


def identities(hashes: Hashes) -> npt.NDArray[np.int64]:
    """A number for each patch, shape (N,), equal exactly where the patches are."""
    keys = np.ascontiguousarray(hashes).view("V32").reshape(-1)
    return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.int64).reshape(-1)
