"""What tests of models share."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.recipe.architecture import FunctionSpec
from tests.models.own import Maker


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    """Writes a user's module and names its function ``make``."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> FunctionSpec:
        (tmp_path / "users_own.py").write_text(source)
        sys.modules.pop("users_own", None)
        return FunctionSpec("users_own:make", hashlib.sha256(source.encode()).hexdigest())

    yield write
    sys.modules.pop("users_own", None)
