from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.samples import DASHBOARD, SPACE, STUDY, Change, changed


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_DATABASE", raising=False)
    monkeypatch.delenv("HPO_DATA", raising=False)


@pytest.fixture
def write_study(tmp_path: Path) -> Callable[..., Path]:
    """Writes the valid study with its search space and dashboard, after changes to the texts."""

    def write(*changes: Change, space: tuple[Change, ...] = ()) -> Path:
        (tmp_path / "space.yaml").write_text(changed(SPACE, *space))
        (tmp_path / "dashboard.yaml").write_text(DASHBOARD)
        file = tmp_path / "example.yaml"
        file.write_text(changed(STUDY, *changes))
        return file

    return write
