"""Tracebacks of unexpected errors, kept in a study's log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from hpo.plain import PlainFormatter

_log = logging.getLogger("hpo")


@contextmanager
def tracebacks_kept(log: Path) -> Iterator[None]:
    """Write tracebacks logged in the block to a file, which is created with the first."""
    handler = _LateFile(log, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(PlainFormatter("%(asctime)s %(message)s"))
    handler.addFilter(lambda record: bool(record.exc_info))
    _log.addHandler(handler)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        handler.close()


class _LateFile(logging.FileHandler):
    """A log file whose folder is created with it."""

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()
