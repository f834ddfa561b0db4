"""The module path of workers, without their launcher's working directory.

Python puts that directory before its own modules (``python -m``), so that a stray ``uuid.py`` there would run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path

_ROOT = str(Path(__file__).parents[2])
_VARIABLE = "PYTHONPATH"


def path_environment() -> dict[str, str]:
    """PYTHONPATH for ``python -P``: as it is but for empty entries, which are the working directory.

    This package's own folder joins them where only the working directory holds it.
    """
    given = _given()
    if PathFinder.find_spec("hpo", without_folder(sys.path, Path.cwd())) is None:
        given.append(_ROOT)
    return {_VARIABLE: os.pathsep.join(given)} if given else {}


@contextmanager
def inherited_path() -> Iterator[None]:
    """A block in which processes that are started inherit that PYTHONPATH."""
    before = os.environ.get(_VARIABLE)
    os.environ.update(path_environment())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before


def without_folder(path: Iterable[str], folder: Path) -> list[str]:
    """A module path without a folder, unless PYTHONPATH names it."""
    given = _given()
    return [entry for entry in path if entry in given or (entry and Path(entry) != folder)]


def _given() -> list[str]:
    return [entry for entry in os.environ.get(_VARIABLE, "").split(os.pathsep) if entry]
