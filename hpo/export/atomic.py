"""Files that appear whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.errors import StorageError


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
    except OSError as error:
        raise StorageError(f"{path}: cannot make its folder: {error}") from error
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")  # Keras picks a format by the ending
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
