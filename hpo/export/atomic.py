"""Exported files, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.errors import StorageError
from hpo.whole_file import whole_file


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, with the file's ending, that becomes the file once the block has gone well.

    Args:
        path: the file to write or replace; its folder is made.

    Raises:
        StorageError: if the folder cannot be made, or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            yield temporary
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from error
