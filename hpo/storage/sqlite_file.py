"""The file of an SQLite database: its kind, its identity, and reading it without changing it."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

from hpo.config.database_url import sqlite_url
from hpo.errors import StorageError
from hpo.file_faults import file_fault

_HEADER = b"SQLite format 3\0"

Identity = tuple[int, int]
"""A file's device and number, which a file that takes its place does not share."""


def check_file(file: Path) -> bool:
    """Check that an SQLite database exists or may be created.

    Returns:
        Whether it is there.

    Raises:
        StorageError: if something else is in its place, or it cannot be read.
    """
    try:
        mode = file.stat().st_mode
        if stat.S_ISDIR(mode):
            raise StorageError(f"database {file} is a folder; name a file in it, such as sqlite:///{file}/study.db")
        if not stat.S_ISREG(mode):
            raise StorageError(f"database {file} is no regular file; name another")
        with file.open("rb") as opened:
            head = opened.read(len(_HEADER))
    except FileNotFoundError:
        if file.is_symlink():
            raise StorageError(f"database {file} is a link to a file that does not exist; mend or remove it") from None
        return False
    except (OSError, ValueError) as error:
        fault = file_fault(error) if isinstance(error, OSError) else str(error)
        raise StorageError(f"database {file} cannot be opened: {fault}") from None
    if head and head != _HEADER:
        raise StorageError(f"database {file} is no SQLite database but another file; name another")
    return True


def identity(file: Path) -> Identity | None:
    """The identity of a file; None if it does not exist."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def looking_url(file: Path) -> str:
    """The URL that opens a file that is there, makes none, and does not ask for the right to write.

    On a share that may only be read nobody can make the files beside it that tell of changes. If there are none,
    nobody changes it, and SQLite is told so.
    """
    if may_be_written(file):
        return sqlite_url(file, mode="rw")
    is_quiet = not file.with_name(f"{file.name}-wal").exists()
    return sqlite_url(file, immutable="1") if is_quiet else sqlite_url(file, mode="ro")


def may_be_written(file: Path) -> bool:
    """Whether this process has the right to change a file, and to make those that SQLite keeps beside it."""
    as_who_opens = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.access(file, os.W_OK, **as_who_opens) and os.access(file.parent, os.W_OK, **as_who_opens)


def backup(file: Path) -> Path:
    """Copy a database as it is at one moment, whoever works on it.

    Returns:
        The copy, beside the file and under a name that was free.
    """
    numbers = itertools.count(1)
    copy = next(path for number in numbers if not (path := file.with_name(f"{file.name}.backup-{number}")).exists())
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def readable_copy(file: Path) -> tempfile.TemporaryDirectory[str] | None:
    """A copy of a database that cannot be read where it is; None if it can.

    A writer that was killed has left its last changes beside the file. To read them SQLite makes a third file there,
    for which a share that may only be read has no room.
    """
    wal, index = (file.with_name(f"{file.name}-{kind}") for kind in ("wal", "shm"))
    if may_be_written(file) or index.exists() or not wal.exists():
        return None
    copies = tempfile.TemporaryDirectory(prefix="hpo-")
    for one in (wal, file):
        shutil.copyfile(one, Path(copies.name) / one.name)
    return copies
