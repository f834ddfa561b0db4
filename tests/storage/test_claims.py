"""Claims: a point is held by one worker at a time, and the workers do not get into each other's way."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from hpo.storage.claims import claim_points, release_points, renew_leases
from hpo.storage.database import Database
from hpo.storage.decided import Abandoned
from hpo.storage.decisions import close_stage, load_stages
from hpo.storage.outcomes import show_epochs
from hpo.storage.points import add_points
from hpo.storage.sweep import sweep_leases
from tests.processes import all_at_once
from tests.storage.at_once import (
    STAGE,
    claim,
    claim_all,
    claim_once,
    claim_one,
    complete,
    counts,
    plan,
    point,
    rows,
    wait_until,
)

POINTS, PROCESSES = 1000, 8


def test_points_are_claimed_in_the_order_of_the_plan_until_none_waits(database: Database) -> None:
    plan(database, [point(1), point(2)])
    assert [claim_one(database, owner).planned.key for owner in ("a", "b")] == ["point-1", "point-2"]
    assert claim(database, "c") == []


def test_points_that_share_a_recipe_are_claimed_together_in_ascending_epochs(database: Database) -> None:
    plan(database, [point(1, recipe="r", epochs=20), point(2), point(3, recipe="r", epochs=5)])
    assert [(one.planned.key, one.planned.epochs) for one in claim(database)] == [("point-3", 5), ("point-1", 20)]


def test_a_recipe_that_another_worker_trains_is_passed_over(database: Database) -> None:
    plan(database, [point(1, recipe="r", epochs=5)])
    claim(database, "a")
    with database.transaction() as session:
        add_points(session, STAGE, [point(2, recipe="r", epochs=9), point(3)])
    assert claim_one(database, "b").planned.key == "point-3"
    assert claim(database, "c") == []


def test_a_donor_that_another_worker_trains_is_waited_for(database: Database) -> None:
    donors = [("r1", "d"), ("r2", "d"), ("d", None), ("r3", None)]
    plan(database, [point(number, recipe=recipe, donor=donor) for number, (recipe, donor) in enumerate(donors)])
    first, second = claim_one(database, "a"), claim_one(database, "b")
    assert (first.planned.recipe_key, second.planned.recipe_key) == ("r1", "r3"), "r2 needs d, and d is being trained"
    assert claim(database, "c") == []
    complete(database, first)
    assert claim_one(database, "a").planned.recipe_key == "r2"


def test_workers_spread_over_the_architectures_that_have_the_fewest_at_work(database: Database) -> None:
    plan(database, [point(number) for number in range(3)], architecture="model1")
    plan(database, [point(number, recipe=f"other-{number}") for number in range(3)], architecture="model2")
    taken = [claim_one(database, owner) for owner in "abcd"]
    assert [one.architecture for one in taken] == ["model1", "model2", "model1", "model2"]
    complete(database, taken[0])
    assert claim_one(database, "a").architecture == "model1"


def test_what_has_begun_is_brought_to_its_end_first(database: Database) -> None:
    plan(database, [point(1)], architecture="model1")
    plan(database, [point(2)], stage="stage2", architecture="model2")
    plan(database, [point(3)], stage="confirm", architecture="model3")
    assert [claim_one(database, owner).stage for owner in "abc"] == ["confirm", "stage2", "stage1"]


def test_a_closed_stage_is_not_claimed_from(database: Database) -> None:
    plan(database, [point(1)])
    with database.transaction() as session:
        assert close_stage(session, STAGE, Abandoned("first"))
        assert not close_stage(session, STAGE, Abandoned("second"))
        assert load_stages(session, "study")["stage1", "model1"].result == {"abandoned": "first"}
    assert claim(database) == []


def test_a_worker_whose_answer_was_lost_is_given_the_same_again(database: Database) -> None:
    plan(database, [point(1, recipe="r", epochs=5), point(2), point(3, recipe="r", epochs=2)])
    lost, found = claim(database, "a"), claim(database, "a")
    assert [one.planned for one in found] == [one.planned for one in lost]
    assert [one.attempt for one in found] == [2, 2]
    assert claim_one(database, "b").planned.key == "point-2"
    assert not complete(database, lost[0]), "the lost answer is worth nothing"
    assert complete(database, found[0])


def test_a_claim_given_back_is_another_attempt_but_no_failure(database: Database) -> None:
    plan(database, [point(1)])
    for attempt in range(1, 6):
        one = claim_one(database, f"worker {attempt}")
        assert one.attempt == attempt
        database.run(release_points, [one])
    (row,) = rows(database)
    assert (row.state, row.owner, row.failures, row.reasons) == ("waiting", None, 0, [])


def test_only_who_holds_a_claim_can_give_it_back(database: Database) -> None:
    plan(database, [point(1)])
    stale = claim_one(database, "a")
    database.run(release_points, [stale])
    claim(database, "b")
    database.run(release_points, [stale])
    (row,) = rows(database)
    assert (row.state, row.owner) == ("running", "b")


def test_a_lease_that_is_renewed_does_not_expire(database: Database) -> None:
    plan(database, [point(1)])
    claims = claim(database, "elsewhere:1:0", 0.1)
    assert database.run(renew_leases, claims, 60)
    time.sleep(0.2)
    assert database.run(sweep_leases, "study", max_attempts=3) == []


def test_a_recipe_is_passed_over_only_while_the_lease_of_who_trains_it_lasts(database: Database) -> None:
    """Its worker may belong to another study, of which nobody is left to sweep it."""
    plan(database, [point(1, recipe="shared")])
    claim(database, "of a study that was killed", lease_seconds=0.05)
    plan(database, [point(2, recipe="shared")], architecture="model2")
    time.sleep(0.1)
    assert [one.planned.key for one in claim(database, "b")] == ["point-2"]


def test_a_renewal_says_which_leases_are_lost_and_renews_the_others(database: Database) -> None:
    plan(database, [point(1, recipe="r", epochs=1), point(2, recipe="r", epochs=2), point(3, recipe="r", epochs=3)])
    first, second, third = claims = claim(database, "a", 0.1)
    complete(database, first)
    assert database.run(renew_leases, claims, 60), "what is finished is not lost"
    database.run(release_points, [second])
    claim(database, "b", 60)
    before = {row.point_key: row.lease_expires_at for row in rows(database)}
    assert not database.run(renew_leases, claims, 3600)
    after = {row.point_key: row.lease_expires_at for row in rows(database)}
    assert (after["point-1"], after["point-2"]) == (None, before["point-2"])
    assert (after[third.planned.key] or 0) > (before[third.planned.key] or 0) + 3000


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_heartbeat_and_publisher_of_a_worker_never_wait_for_each_other_in_a_circle(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    plan(database, [point(1, recipe="r", epochs=9), point(2, recipe="r", epochs=1)])  # claimed the other way round
    early, late = claims = claim(database)
    renewal = threading.Thread(target=lambda: database.run(renew_leases, claims, 60))

    def renewal_waits() -> bool:
        with database.transaction() as session:
            return bool(session.scalar(text("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")))

    with database.transaction() as publishing:
        assert show_epochs(publishing, early, {1: 0.5})
        renewal.start()
        wait_until(renewal_waits)
        assert show_epochs(publishing, late, {1: 0.5})
    renewal.join()
    assert "trying again" not in caplog.text, "the database had to end a deadlock"


def test_processes_that_claim_at_once_never_take_the_same_point(database: Database, database_url: str) -> None:
    plan(database, [point(number, recipe=f"recipe-{number // 2}") for number in range(POINTS)])
    taken = all_at_once(PROCESSES, claim_all, database_url)
    everything = [one for process in taken for one in process]
    assert sorted(everything) == sorted((f"point-{number}", 1) for number in range(POINTS))
    assert sum(bool(process) for process in taken) == PROCESSES, "all of them took part"
    assert counts(database) == {"complete": POINTS}


def test_points_of_one_recipe_go_to_one_of_the_processes_that_claim_at_once(
    database: Database, database_url: str
) -> None:
    plan(database, [point(number, recipe="shared", epochs=number) for number in range(1, 9)])
    taken = all_at_once(4, claim_once, database_url)
    assert sorted(len(keys) for keys in taken) == [0, 0, 0, 8]


def test_a_study_that_is_not_in_the_database_has_nothing_to_claim(sqlite: Database) -> None:
    assert sqlite.run(claim_points, "nothing of this", "a", 60) == []
