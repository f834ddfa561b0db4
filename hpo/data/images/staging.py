"""A new data set is made beside the old one and takes its place at the end: all of it, or none."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hpo.data import description
from hpo.data.images.found import shown
from hpo.data.pcam import SPLITS, compressed, present, split_files
from hpo.errors import DataError

_STAGE = re.compile(r"\.import\.\d+\.part")
_PART = re.compile(r"\.(?:patches|camelyonpatch_level_2_split_\w+)_[xy]\.h5\.(\d+)\.part")
LOCK, OLD, COMPLETE, ARRIVING = "lock", "old", "complete", "arriving"
"""In a stage: held by the import that works there; the former files; marks: whole, on their way."""


def data_files(folder: Path) -> list[Path]:
    """The files of a data set that a folder has: patches, labels, tables, kept hashes, names of classes."""
    files = [folder / description.FILE]
    for name in (*SPLITS, "patches"):
        split = split_files(folder, name)
        files += [path for part in (split.x, split.y) for path in (part, compressed(part))]
        files += [split.x.with_name(f".{split.x.name}.hashes.npz"), split.meta]
    return [path for path in files if path.exists() or path.is_symlink()]


@contextmanager
def staged(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """A place for a new data set's files, which go to the folder when the ``with`` block ends well.

    What a killed import left is removed first; one that was killed while its files took their places is completed.

    Args:
        folder: where the data set goes; made if it is not there.
        overwrite: whether it may replace another one.

    Raises:
        DataError: if there is a data set already, another import works there, or nothing can be written.
    """
    made = _make(folder)
    try:
        _clean(folder)
        splits = [split_files(folder, name) for name in (*SPLITS, "patches")]
        there = [files.x.name for files in splits if present(files)]
        if there and not overwrite:
            raise DataError(f"{shown(str(folder))}: has {there[0]} already; --overwrite replaces the whole data set")
        stage = folder / f".import.{os.getpid()}.part"
        stage.mkdir()
        with (stage / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                yield stage
                _swap(stage, folder)
                made = []
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        place = shown(str(error.filename or folder))
        raise DataError(f"{place}: cannot be written: {error.strerror or error}") from error
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def _make(folder: Path) -> list[Path]:
    """Makes the folder; returns those that were not there, the innermost first."""
    made: list[Path] = []
    try:
        for path in reversed([folder, *folder.parents]):
            if not path.exists():
                path.mkdir()
                made.insert(0, path)
    except OSError as error:
        raise DataError(f"{shown(str(folder))}: cannot be made: {error.strerror or error}") from error
    return made


def _swap(stage: Path, folder: Path) -> None:
    """Old files out, then new files in; a reader meanwhile finds a split missing, never two data sets mixed.

    A kill before the mark leaves the old data set, one after it the new one, once the next import has come by.
    """
    new = data_files(stage)
    (stage / OLD).mkdir()
    (stage / COMPLETE).touch()
    try:
        _complete(stage, folder)
    except BaseException:
        (stage / COMPLETE).unlink(missing_ok=True)
        for path in new:
            if not path.exists():
                (folder / path.name).replace(path)
        _put_back(stage, folder)
        raise


def _complete(stage: Path, folder: Path) -> None:
    if not (stage / ARRIVING).exists():
        for path in data_files(folder):
            path.replace(stage / OLD / path.name)
        (stage / ARRIVING).touch()
    for path in sorted(data_files(stage), key=lambda path: ("_train" in path.name, path.name)):
        path.replace(folder / path.name)
    # In this order: wherever a kill falls, what is left says what is still to be done.
    shutil.rmtree(stage / OLD)
    (stage / COMPLETE).unlink()


def _put_back(stage: Path, folder: Path) -> None:
    for path in data_files(stage / OLD):
        if not (folder / path.name).exists():
            path.replace(folder / path.name)


def _clean(folder: Path) -> None:
    """Ends or removes what imports that are no more have left."""
    for path in list(folder.iterdir()):
        if _STAGE.fullmatch(path.name):
            _end(path, folder)
        elif (match := _PART.fullmatch(path.name)) and not _is_alive(int(match[1])):
            path.unlink(missing_ok=True)


def _end(stage: Path, folder: Path) -> None:
    lock: IO[str] | None = None
    try:
        lock = (stage / LOCK).open("a")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (stage / COMPLETE).exists():
            _complete(stage, folder)
        _put_back(stage, folder)
        shutil.rmtree(stage)
    except BlockingIOError as error:
        raise DataError(f"{shown(str(folder))}: another import is writing here; wait for it, or stop it") from error
    finally:
        if lock is not None:
            lock.close()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
