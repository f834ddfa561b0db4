"""Rows of an array of patches in HDF5, read so that no chunk is decompressed twice and memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

GAP = 4  # rows that may lie unread between two that are read at once
SLAB = 256  # rows read at once, at most, of patches that lie one after the other
AT_ONCE = 64 << 20  # bytes read at once, at most; a patch or a chunk may be larger
HASHED_AT_ONCE = 256 << 20  # bytes: chunks that cut across more patches than that are decompressed again

Patches = npt.NDArray[np.uint8]


def read_rows(x: Any, ascending: npt.NDArray[np.int64], order: npt.NDArray[np.intp], found: Patches) -> None:
    """Puts rows of an array into their places.

    Args:
        x: HDF5 dataset of patches, (N, side, side, 3).
        ascending: rows to read, sorted; shape (n,).
        order: where each goes in ``found``, shape (n,).
        found: uint8 of shape (n, side, side, 3); filled.
    """
    apart = x.chunks is None and not x.is_virtual
    step = _slab(x) if apart else _aligned(x, SLAB)
    runs = _runs(ascending, step) if apart else _aligned_runs(ascending, step, int(x.chunks[0]) if x.chunks else step)
    for start, stop in runs:
        first, rows = int(ascending[start]), ascending[start:stop] - ascending[start]
        last = int(ascending[stop - 1]) + 1
        if apart or (last - first) * _patch_bytes(x) <= AT_ONCE:
            found[order[start:stop]] = x[first:last][rows]
        else:
            _read_tiles(x, first, rows, order[start:stop], found)


def row_blocks(x: Any) -> Iterator[tuple[int, Patches]]:
    """All patches in their order, some at a time, with the row of the first."""
    step = _slab(x)
    if x.chunks is not None or x.is_virtual:
        cut = x.chunks is not None and x.chunks[1:] != x.shape[1:]
        step = max(1, min(_aligned(x, SLAB), (HASHED_AT_ONCE if cut else AT_ONCE) // _patch_bytes(x)))
    for start in range(0, len(x), step):
        yield start, x[start : start + step]


def _slab(x: Any) -> int:
    """Rows of patches that lie one after the other which are read at once."""
    return max(1, min(SLAB, AT_ONCE // _patch_bytes(x)))


def _aligned(x: Any, rows: int) -> int:
    """About so many rows, in whole chunks; of a virtual array, whose chunks are elsewhere, as many as fit."""
    if x.chunks is None:
        return max(rows, AT_ONCE // _patch_bytes(x))
    chunk = int(x.chunks[0])
    return chunk * max(1, rows // chunk)


def _patch_bytes(x: Any) -> int:
    return int(np.prod(x.shape[1:], dtype=np.int64)) or 1


def _runs(ascending: npt.NDArray[np.int64], slab: int) -> list[tuple[int, int]]:
    """Stretches of the sorted rows that lie close enough together to be read at once, ``slab`` rows at most."""
    runs, start = [], 0
    breaks = np.flatnonzero(np.diff(ascending) > GAP) + 1
    for stop in [*breaks.tolist(), len(ascending)]:
        while start < stop:
            end = min(stop, int(np.searchsorted(ascending, ascending[start] + slab)))
            runs.append((start, end))
            start = end
    return runs


def _aligned_runs(ascending: npt.NDArray[np.int64], step: int, chunk: int) -> list[tuple[int, int]]:
    """The same for rows in chunks: a stretch ends at a multiple of ``step``, or before chunks that are not read."""
    skipped = np.diff(ascending // chunk) > 1 + GAP // chunk
    edges = np.flatnonzero((np.diff(ascending // step) > 0) | skipped) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(ascending)], strict=True))


def _read_tiles(x: Any, first: int, rows: npt.NDArray[np.int64], places: npt.NDArray[np.intp], found: Patches) -> None:
    """Reads rows of chunks that cut across patches, one chunk after the other.

    A part of a chunk is read at a time; the dataset's cache holds the chunk meanwhile.
    """
    sides = x.chunks[1:] if x.chunks is not None else x.shape[1:]
    corners = product(*(range(0, length, side) for length, side in zip(x.shape[1:], sides, strict=True)))
    at_once = max(1, AT_ONCE // int(np.prod(sides)))
    for top, left, channel in corners:
        tile = (slice(top, top + sides[0]), slice(left, left + sides[1]), slice(channel, channel + sides[2]))
        for begin in range(0, int(rows[-1]) + 1, at_once):
            start, stop = np.searchsorted(rows, [begin, begin + at_once])
            if start < stop:
                span = slice(first + int(rows[start]), first + int(rows[stop - 1]) + 1)
                found[(places[start:stop], *tile)] = x[(span, *tile)][rows[start:stop] - rows[start]]
