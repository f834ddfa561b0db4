"""Whether all values of an HDF5 dataset are stored, and can be read in bounded memory."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from hpo.data.regular_file import regular_file
from hpo.errors import DataError

CHUNK_LIMIT = 1 << 30
"""Bytes of the largest chunk that is read: HDF5 holds a compressed chunk in memory as a whole."""

_LIKELY_CHUNK = 128 << 20  # bytes: a larger chunk that was compressed more than 50 times is taken for a bomb
_CACHE = 8 << 20  # bytes of chunks, at least, that stay decompressed
_FILTERS = {
    4: "szip",
    305: "LZO",
    307: "bzip2",
    32000: "LZF",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32026: "Blosc2",
}

OpenPart = Callable[[Path, str], Any]
"""Opens a dataset of another file, by the file and the dataset's name."""


def beside(path: Path, name: str) -> Path:
    """A file that another one names: in that one's folder, else where this process is, as HDF5 has it."""
    neighbour = path.parent / name
    return neighbour if os.path.lexists(neighbour) else Path(name)


def check_filters(path: Path, found: Any) -> None:
    """See that a dataset can be decompressed.

    Raises:
        DataError: if a filter is missing; it names the filter, and what brings it.
    """
    filters = found.id.get_create_plist()
    for index in range(filters.get_nfilters()):
        number, _, _, said = filters.get_filter(index)
        if h5py.h5z.filter_avail(number):
            continue
        with contextlib.suppress(ImportError):
            importlib.import_module("hdf5plugin")  # where it is installed, importing it is enough
        if not h5py.h5z.filter_avail(number):
            known = _FILTERS.get(number) or said.decode(errors="replace").split("\n")[0][:40] or "an unknown filter"
            raise DataError(
                f"{path}: compressed by {known} (HDF5 filter {number}), which is not installed; pip install "
                f"hdf5plugin, or write the file again where it is, with: h5repack -f GZIP=1 {path.name} new.h5"
            )


def check_storage(path: Path, found: Any, open_part: OpenPart) -> Any:
    """The dataset, with as much cache as its chunks need.

    Raises:
        DataError: if values were never written, lie in a file that is missing, or in chunks too large to be read.
    """
    size = math.prod(found.shape) * found.dtype.itemsize
    if size == 0:
        return found
    if found.is_virtual:
        _check_sources(path, found, open_part)
        return found
    if found.external:
        return _check_external(path, found, size)
    name, stored = _name(found), found.id.get_storage_size()
    if stored > path.stat().st_size:
        raise DataError(f"{path}: damaged or truncated: {name} claims {stored:,} bytes, more than the whole file has")
    if found.chunks is not None:
        return _check_chunks(path, found, size, stored)
    if stored < size:
        raise DataError(f"{path}: {name} declares {size:,} bytes, but {stored:,} were written; write the file again")
    return found


def _check_chunks(path: Path, found: Any, size: int, stored: int) -> Any:
    name = _name(found)
    wanted = math.prod(-(-length // chunk) for length, chunk in zip(found.shape, found.chunks, strict=True))
    written = found.id.get_num_chunks()
    if written < wanted:
        raise DataError(
            f"{path}: {name} declares {size:,} bytes in {wanted:,} chunks, of which {written:,} were written (HDF5 "
            "reads the others as zeros); write the file again"
        )
    chunk = math.prod(found.chunks) * found.dtype.itemsize
    if chunk > CHUNK_LIMIT or (chunk > _LIKELY_CHUNK and chunk * wanted > 50 * stored):
        shape = "x".join(str(min(32, length)) if axis == 0 else str(length) for axis, length in enumerate(found.shape))
        raise DataError(
            f"{path}: {name} is stored in chunks of {chunk:,} bytes, each to be read as a whole; write it again with: "
            f"h5repack -l {name}:CHUNK={shape} {path.name} new.h5"
        )
    # A chunk that is read in parts is decompressed once.
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(521, max(_CACHE, chunk + 1), 1.0)
    return _opened_with(found, access)


def _check_sources(path: Path, found: Any, open_part: OpenPart) -> None:
    """A virtual dataset's sources; where one is missing, HDF5 reads zeros."""
    name, covered = _name(found), 0
    for source in found.virtual_sources():
        if "%" in source.file_name:
            raise DataError(
                f"{path}: {name} is virtual, by a pattern of file names ({source.file_name}); copy it into one file"
            )
        place = path if source.file_name == "." else beside(path, source.file_name)
        try:
            part = open_part(place, source.dset_name)
        except DataError as error:
            raise DataError(f"{path}: {name} is virtual, and a part of it cannot be read: {error}") from error
        taken = source.src_space
        if taken.get_select_type() == h5py.h5s.SEL_HYPERSLABS and taken.get_select_npoints() > 0:
            ends = taken.get_select_bounds()[1]
            if len(ends) != len(part.shape) or any(e >= length for e, length in zip(ends, part.shape, strict=True)):
                raise DataError(f"{place}: {source.dset_name} has shape {part.shape}, of which {path.name} takes more")
        covered += source.vspace.get_select_npoints()
    if covered < math.prod(found.shape):
        missing = math.prod(found.shape) - covered
        raise DataError(f"{path}: {name} is virtual, and {missing:,} of its values are in no file")


def _check_external(path: Path, found: Any, size: int) -> Any:
    """A dataset whose values lie in other, plain files."""
    name, held = _name(found), 0
    neighbours = all(beside(path, plain) == path.parent / plain for plain, _, _ in found.external)
    for plain, offset, length in found.external:
        try:
            there = regular_file(path.parent / plain if neighbours else Path(plain)).st_size - offset
        except DataError as error:
            raise DataError(f"{path}: {name} lies in another file; {error}") from error
        held += max(0, min(there, length))
    if held < size:
        raise DataError(f"{path}: {name} declares {size:,} bytes, the files that it lies in have {held:,} of them")
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_efile_prefix(os.fsencode(path.parent.resolve()) if neighbours else b"")
    return _opened_with(found, access)


def _opened_with(found: Any, access: Any) -> Any:
    file, name = found.file, found.name.encode()
    found.id._close()  # while it is open, it is opened again as it was
    return h5py.Dataset(h5py.h5d.open(file.id, name, access))


def _name(found: Any) -> str:
    return str(found.name).strip("/")[:60]
