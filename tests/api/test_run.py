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


def test_a_stage_that_no_study_has_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(hpo.HpoError, match=r"until: there is no stage 'stage3'; did you mean 'stage2'\?"):
        hpo.run_study(tmp_path / "absent.yaml", until=cast(Any, "stage3"))


def test_a_database_that_is_named_is_used_for_an_opened_study_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = hpo.Study(load(tmp_path, database=f"sqlite:///{tmp_path / 'first.db'}"))
    asked = []

    def opening(url: str) -> Database:
        asked.append(url)
        raise hpo.HpoError("enough")

    monkeypatch.setattr("hpo.storage.database.open_database", opening)
    for database in (None, f"sqlite:///{tmp_path / 'other.db'}"):
        with pytest.raises(hpo.HpoError, match="enough"):
            hpo.run_study(study, database=database)
    assert asked == [f"sqlite:///{tmp_path / name}.db" for name in ("first", "other")]
