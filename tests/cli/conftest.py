from __future__ import annotations

from pathlib import Path

import pytest

from hpo import terminal
from hpo.storage.database import Database
from tests.cli.hpo import Hpo
from tests.results.conftest import finished
from tests.stages.story import Story, load

__all__ = ["finished", "hpo", "story"]


@pytest.fixture
def hpo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hpo:
    """The command, in a wide terminal and without the tester's environment."""
    for one in (terminal.out, terminal.err):
        monkeypatch.setattr(one, "_width", 240)
    monkeypatch.delenv("HPO_DATABASE", raising=False)
    monkeypatch.delenv("HPO_DATA", raising=False)
    return Hpo(monkeypatch, capsys)


@pytest.fixture
def story(sqlite: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    """A study whose database is the one that the command opens."""
    return Story(load(tmp_path, database=sqlite_url), sqlite)
