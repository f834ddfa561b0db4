"""A study of one small architecture that takes some seconds, so that there is a middle to disturb it in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.end_to_end import conftest
from tests.end_to_end.conftest import Project, new_project
from tests.end_to_end.outcome import rows

SPACE: dict[str, Any] = {"factors": conftest.SPACE["factors"] | {"epochs": {"reference": 30, "levels": [30, 60, 90]}}}

STUDY: dict[str, Any] = {"architectures": conftest.STUDY["architectures"][:1]}


def long_project(folder: Path, **study: Any) -> Project:
    """A project in which stage 1 trains some 250 epochs, each in some hundredths of a second."""
    return new_project(folder, study=STUDY | study, space=SPACE)


def trained(project: Project) -> list[tuple[str, int]]:
    """Owner and number of the epochs that each worker has trained so far."""
    if not rows_of(project, "SELECT 1 FROM sqlite_master WHERE name = 'hpo_trained_epoch'"):
        return []
    return rows_of(project, "SELECT owner, COUNT(*) FROM hpo_trained_epoch GROUP BY owner")


def states(project: Project) -> set[str]:
    """The states of the design points."""
    return {state for (state,) in rows_of(project, "SELECT DISTINCT state FROM hpo_design_point")}


def rows_of(project: Project, query: str) -> list[Any]:
    """The rows of a query, none where there is no database yet."""
    return rows(project.output, query) if (project.output / "study.db").exists() else []


def wait_for(is_so: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.05)


def program(folder: Path, name: str, script: str, interpreter: str = "/bin/sh") -> None:
    """A command of another system, as much of it as a test needs."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{interpreter}\n{script}\n")
    (folder / name).chmod(0o755)
