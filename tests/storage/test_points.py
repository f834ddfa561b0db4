"""Design points: each planned once, whoever plans."""

from __future__ import annotations

from hpo.storage.database import Database, open_database
from hpo.storage.points import add_points
from tests.processes import all_at_once
from tests.storage.at_once import STAGE, add_tens, counts, plan, plan_twenty, point


def test_a_point_is_queued_once_however_often_it_is_planned(database: Database) -> None:
    plan(database, [point(1), point(2)])
    with database.transaction() as session:
        added = add_points(session, STAGE, [point(2), point(3), point(3)])
    assert added == 1
    assert counts(database) == {"waiting": 3}


def test_ten_planners_that_start_at_once_queue_each_point_once(empty_database_url: str) -> None:
    all_at_once(10, plan_twenty, empty_database_url)
    database = open_database(empty_database_url)
    assert counts(database) == {"waiting": 20}
    database.close()


def test_planners_that_add_to_an_open_stage_at_once_queue_each_point_once(
    database: Database, database_url: str
) -> None:
    plan(database, [])
    added = all_at_once(10, add_tens, database_url, 20)
    assert sum(added) == 20 * 19, "0 to 9, and so on until 9 to 18, and that in each round"
    assert counts(database) == {"waiting": 20 * 19}
