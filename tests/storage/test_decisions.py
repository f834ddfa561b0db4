"""Studies and stages are opened and closed once, whoever is first."""

from __future__ import annotations

import pytest

from hpo.storage.database import Database
from hpo.storage.decided import Abandoned, Stage1Plan, Tested
from hpo.storage.decisions import close_stage, load_stages, open_stage, open_study, stage_name
from hpo.storage.points import count_points, stage_points
from tests.storage.at_once import point

STAGE = "study/stage1/model1"
PLAN = Stage1Plan({"epochs": 2}, {})


def open_first(database: Database) -> bool:
    with database.transaction() as session:
        open_study(session, "study", {"trials": 3})
        return open_stage(session, "study", "stage1", "model1", PLAN, [point(1), point(2)])


def test_the_first_settings_of_a_study_stay_on_record(database: Database) -> None:
    with database.transaction() as session:
        assert open_study(session, "study", {"trials": 3}) == {"trials": 3}
    with database.transaction() as session:
        assert open_study(session, "study", {"trials": 9}) == {"trials": 3}
        assert open_study(session, "other", {"trials": 9}) == {"trials": 9}


def test_a_stage_is_named_as_its_optuna_study() -> None:
    assert stage_name("study", "stage1", "model1") == STAGE


def test_a_stage_opens_once_with_its_plan_and_points(database: Database) -> None:
    before = database.now()
    assert open_first(database)
    with database.transaction() as session:
        assert not open_stage(session, "study", "stage1", "model1", Stage1Plan({"epochs": 7}, {}), [point(3)])
    with database.transaction() as session:
        row = load_stages(session, "study")["stage1", "model1"]
        assert (row.name, row.plan, row.closed_at, row.result) == (
            STAGE,
            {"reference": {"epochs": 2}, "space": {}},
            None,
            None,
        )
        assert [found.point_key for found in stage_points(session, STAGE)] == ["point-1", "point-2"]
    assert before <= row.opened_at <= database.now()


def test_an_opening_that_fails_half_way_leaves_no_stage_and_no_points(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _open_and_fail(database)
    with database.transaction() as session:
        assert load_stages(session, "study") == {}
        assert count_points(session, STAGE) == {}
    assert open_first(database)


def _open_and_fail(database: Database) -> None:
    with database.transaction() as session:
        open_study(session, "study", {})
        open_stage(session, "study", "stage1", "model1", PLAN, [point(1)])
        raise ZeroDivisionError


def test_a_stage_closes_once_and_keeps_its_first_result(database: Database) -> None:
    open_first(database)
    with database.transaction() as session:
        assert close_stage(session, STAGE, Abandoned("first"))
    with database.transaction() as session:
        assert not close_stage(session, STAGE, Abandoned("second"))
        row = load_stages(session, "study")["stage1", "model1"]
        assert row.result == {"abandoned": "first"}
        assert row.closed_at is not None
        assert row.closed_at >= row.opened_at


def test_a_stage_that_was_never_opened_is_not_closed(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        assert not close_stage(session, STAGE, Tested())


def test_only_the_stages_of_the_study_are_loaded(sqlite: Database) -> None:
    open_first(sqlite)
    with sqlite.transaction() as session:
        open_study(session, "study2", {})
        open_stage(session, "study2", "stage1", "model1", PLAN, [])
        open_stage(session, "study", "stage2", "model1", PLAN, [])
        assert set(load_stages(session, "study")) == {("stage1", "model1"), ("stage2", "model1")}
