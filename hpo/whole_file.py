"""Files that appear whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside a file, with its ending, that becomes the file once the block has gone well.

    No reader sees half a file. Nothing remains of a block that fails.

    Args:
        path: the file to write or replace; its folder is there.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")  # Keras chooses a format by the ending
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
