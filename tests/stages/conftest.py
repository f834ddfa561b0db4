"""What tests of stages share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.storage.database import Database
from tests.stages.story import Story, Tell, load


@pytest.fixture
def tell(sqlite: Database, tmp_path: Path) -> Tell:
    """A story on SQLite whose study file has these changes."""

    def told(**changes: Any) -> Story:
        return Story(load(tmp_path, **changes), sqlite)

    return told
