"""HDF5 datasets that are wholly there: opened by name, through links, as far as they lead.

HDF5 reads what was never written, and what lies in a file that is missing, as zeros. Here it is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from hpo.data.hdf5_storage import beside, check_filters, check_storage
from hpo.data.regular_file import begins_with, os_error, regular_file
from hpo.errors import DataError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_STEPS = 100  # links that are followed
# What h5py raises for damaged files, and NumPy for types and sizes that it has no counterpart of.
_FAULTS = (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError, MemoryError, AttributeError)


@dataclass
class _Opened:
    """The files that are open already: files name other files, which may name the first ones."""

    stack: ExitStack
    arrays: dict[tuple[str, str], Any] = field(default_factory=dict)


@contextmanager
def open_array(path: Path, name: str) -> Iterator[Any]:
    """The HDF5 dataset of that name, for reading; all of its values are there.

    Raises:
        DataError: if the file is missing, unreadable, locked, damaged or truncated, or lacks the dataset or some of
            its values; also if reading fails within.
    """
    with ExitStack() as stack:
        array = _open(path, name, _Opened(stack))
        try:
            yield array
        except (OSError, RuntimeError) as error:
            raise _fault(path, error) from error


def other_files(path: Path, name: str) -> list[Path]:
    """The files beside ``path`` that hold values of the dataset: of external links, virtual and external storage.

    Raises:
        DataError: as `open_array`.
    """
    opened = _Opened(ExitStack())
    with opened.stack:
        _open(path, name, opened)
        others = {file: None for file, _ in opened.arrays} | {
            os.path.realpath(beside(Path(file), plain)): None
            for (file, _), found in opened.arrays.items()
            for plain, _, _ in found.external or ()
        }
        return [Path(file) for file in others if file != os.path.realpath(path)]


def _open(path: Path, name: str, opened: _Opened) -> Any:
    address = (os.path.realpath(path), name)
    if address not in opened.arrays:
        opened.arrays[address] = None
        opened.arrays[address] = _open_new(path, name, opened)
    if opened.arrays[address] is None:
        raise DataError(f"{path}: its dataset {name!r} leads from file to file, and back to itself")
    return opened.arrays[address]


def _open_new(path: Path, name: str, opened: _Opened) -> Any:
    file = _open_file(path, opened.stack)
    try:
        place = _follow(path, file, name)
        if isinstance(place, h5py.ExternalLink):
            return _elsewhere(path, name, place, opened)
        found = _dataset(path, name, file[place])
        check_filters(path, found)
        return check_storage(path, found, lambda part, inner: _open(part, inner, opened))
    except _FAULTS as error:
        raise _fault(path, error) from error


def _elsewhere(path: Path, name: str, link: h5py.ExternalLink, opened: _Opened) -> Any:
    try:
        return _open(beside(path, link.filename), link.path, opened)
    except DataError as error:
        raise DataError(f"{path}: {name!r} is a link to another file; {error}") from error


def _open_file(path: Path, stack: ExitStack) -> Any:
    size = regular_file(path).st_size
    if size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes); fetch or copy it again")
    try:
        _check_signature(path, size)
        try:
            return stack.enter_context(h5py.File(path, "r"))
        except OSError as error:
            if "unable to lock file" not in str(error) or isinstance(error, BlockingIOError):
                raise
            return stack.enter_context(h5py.File(path, "r", locking=False))  # a file system that has no locks
    except _FAULTS as error:
        raise _fault(path, error) from error


def _check_signature(path: Path, size: int) -> None:
    """HDF5 begins at byte 0, or after a block of the user's of 512, 1024, 2048 ... bytes."""
    with path.open("rb") as file:
        beginning = file.read(64)
        place = 0
        while place < size:
            file.seek(place)
            if file.read(8) == SIGNATURE:
                return
            place = max(512, 2 * place)
    raise DataError(f"{path}: not HDF5: {begins_with(beginning)}")


def _follow(path: Path, file: Any, name: str) -> str | h5py.ExternalLink:
    """The end of soft links: a path without links, or the external link that goes on from here."""
    todo, place = [part for part in name.split("/") if part], ""
    for _ in range(_STEPS):
        if not todo:
            return place
        part, group = todo.pop(0), file[place or "/"]
        there = isinstance(group, h5py.Group) and group.id.links.exists(part.encode())
        link = group.get(part, getlink=True) if there else None
        if isinstance(link, h5py.SoftLink):
            todo = [*(piece for piece in link.path.split("/") if piece), *todo]
            place = "" if link.path.startswith("/") else place
        elif isinstance(link, h5py.ExternalLink):
            return h5py.ExternalLink(link.filename, "/".join([link.path, *todo]))
        elif link is None:
            found = [str(name)[:60] for name in list(file)[:9]]
            shown = ", ".join([*found[:8], *(["..."] if len(found) > 8 else [])]) or "nothing"
            raise DataError(f"{path}: has no dataset {name!r} (found: {shown})")
        else:
            place = f"{place}/{part}"
    raise DataError(f"{path}: {name!r} is a link that leads back to itself; a dataset was expected")


def _dataset(path: Path, name: str, found: Any) -> Any:
    if not isinstance(found, h5py.Dataset):
        raise DataError(f"{path}: {name!r} is a group; a dataset was expected")
    if found.shape is None:
        raise DataError(f"{path}: {name} is empty: it has no values and no shape")
    try:
        _ = found.dtype
    except (TypeError, ValueError) as error:  # NumPy has no such type
        raise DataError(f"{path}: {name} is of a type that cannot be read ({_first_line(error)})") from error
    return found


def _fault(path: Path, error: BaseException) -> DataError:
    text = _first_line(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os_error(path, error)
    if "truncated" in text:
        return DataError(f"{path}: truncated ({text}); fetch or copy it again")
    if "already open for write" in text:
        return DataError(f"{path}: a program writes to it, or was killed so; end that, then: h5clear -s {path.name}")
    if isinstance(error, TypeError):
        return DataError(f"{path}: holds a type that cannot be read ({text})")
    return DataError(f"{path}: damaged ({text}); fetch or copy it again")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip("\"'").splitlines() or [type(error).__name__]
    return lines[0][:200]
