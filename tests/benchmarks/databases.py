"""New databases to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[str]:
    """URL of a new database: a file in the folder, or a PostgreSQL server of its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'study.db'}"
        return
    from tests.postgresql import OwnServer

    server = OwnServer()
    try:
        yield server.url
    finally:
        server.close()
