"""A study that ran undisturbed, for the others to be compared with."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import Project
from tests.launchers.longer import long_project


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Stage 1, by one process alone."""
    project = long_project(tmp_path_factory.mktemp("undisturbed"))
    project.run("run", "study.yaml", "--until", "stage1")
    return project
