"""How far a study has come."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.stages.status import StageStatus, running_points, stage_statuses
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from hpo.storage.tables import PointRow
from tests.stages.story import STAGE1_POINTS, Story, load, smooth


def test_a_study_that_was_not_begun_has_no_stages(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path)
    assert stage_statuses(sqlite, study) == []
    assert running_points(sqlite, study) == []


def test_each_opened_stage_tells_its_points_its_best_and_whether_it_is_over(database: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), database)
    story.quality["wide"] = lambda point: None if point["learning_rate"] == 0.1 else smooth(point)
    story.run("stage1")
    story.advance()
    story.work()
    tiny, tuned, wide, _ = stage_statuses(database, story.study)
    best = max(point.objective or 0 for point in story.points("stage1"))
    assert tiny == StageStatus("tiny", "stage1", 0, 0, STAGE1_POINTS, 0, pytest.approx(best), closed=True)
    assert (tuned.architecture, tuned.stage, tuned.waiting, tuned.complete, tuned.closed) == (
        "tiny", "stage2", 3, 1, False,
    )  # fmt: skip
    assert (wide.complete, wide.failed) == (STAGE1_POINTS - 1, 1)


def test_of_a_loss_the_lowest_is_best(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, objective={"metric": "loss"}), sqlite)
    story.run("stage1")
    status = stage_statuses(sqlite, story.study)[0]
    assert status.best == pytest.approx(min(point.objective or 9 for point in story.points("stage1")))


def test_a_point_that_was_set_aside_is_not_the_best(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite)
    story.run("stage1")
    first, second, *_ = sorted(story.points("stage1"), key=lambda point: -(point.objective or 0))
    with sqlite.transaction() as session:
        session.get_one(PointRow, first.id).state = "aside"
    assert stage_statuses(sqlite, story.study)[0].best == second.objective


def test_a_running_point_tells_who_holds_it_and_for_how_long(database: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), database)
    story.advance()
    claims = database.run(claim_points, "small", "machine:1:0.00", 60)
    running = running_points(database, story.study)
    assert {point.owner for point in running} == {"machine:1:0.00"}
    assert (running[0].stage_name, running[0].attempt) == ("small/stage1/tiny", 1)
    assert len(running) == len(claims) == 3
    assert all(claim.planned.point in [point.point for point in running] for claim in claims)
    assert 0 < running[0].lease_seconds_left <= 60
