"""Running a study from Python, with a worker that makes its curves up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import pytest

import hpo
from hpo.storage.database import Database
from hpo.worker.observer import Unobserved
from tests.end_to_end.conftest import write_pcam
from tests.run.test_loop import ONE, Launch
from tests.stages.story import Story, load


def test_a_study_is_run_to_the_stage_that_is_asked_for(
    sqlite: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pcam(tmp_path / "data")
    story = Story(load(tmp_path, architectures=ONE, database=sqlite_url), sqlite)
    launch = Launch(story)
    monkeypatch.setitem(sys.modules, "hpo.worker.worker", cast(Any, launch))
    monkeypatch.setitem(sys.modules, "hpo.worker.work", cast(Any, launch))
    study = hpo.run_study(story.study.file, until="stage1", observer=Unobserved())
    assert set(story.stages()) == {("stage1", "tiny")}
    assert {point.state for point in story.points("stage1")} == {"complete"}
    assert len(study.results.finished("stage1", "tiny")) == len(story.points("stage1"))
    again = hpo.run_study(study, until="stage1")
    assert launch.opened == 1, "nothing was left to train"
    assert again.results.settings.name == "small"
