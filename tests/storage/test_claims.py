"""Claims: a point is held by one worker at a time, and its result is accepted once."""

from __future__ import annotations

import subprocess
import sys
import time

import optuna
import pytest

from hpo.errors import LeaseLostError
from hpo.storage.claims import (
    claim_points,
    complete_point,
    fail_point,
    link_trial,
    release_points,
    renew_leases,
    settle_point,
    sweep_leases,
)
from hpo.storage.database import Database
from hpo.storage.decisions import close_stage, load_stages
from hpo.storage.optuna_bridge import begin_trial, ensure_optuna_study
from hpo.storage.owner import this_process
from hpo.storage.points import add_points, stage_points
from tests.processes import all_at_once
from tests.storage.at_once import DONE, STAGE, claim_all, claim_once, counts, plan, point, sweep


def test_points_are_claimed_in_the_order_of_the_plan_until_none_waits(database: Database) -> None:
    plan(database, [point(1), point(2)])
    keys = [claim_points(database, "study", "a", 60)[0].planned.key for _ in range(2)]
    assert keys == ["point-1", "point-2"]
    assert claim_points(database, "study", "a", 60) == []


def test_points_that_share_a_recipe_are_claimed_together_in_ascending_epochs(database: Database) -> None:
    plan(database, [point(1, recipe="r", epochs=20), point(2), point(3, recipe="r", epochs=5)])
    claims = claim_points(database, "study", "a", 60)
    assert [(claim.planned.key, claim.planned.epochs) for claim in claims] == [("point-3", 5), ("point-1", 20)]


def test_a_recipe_that_another_worker_trains_is_passed_over(database: Database) -> None:
    plan(database, [point(1, recipe="r", epochs=5)])
    claim_points(database, "study", "a", 60)
    with database.transaction() as session:
        add_points(session, STAGE, [point(2, recipe="r", epochs=9), point(3)])
    assert [claim.planned.key for claim in claim_points(database, "study", "b", 60)] == ["point-3"]


def test_a_closed_stage_is_not_claimed_from(database: Database) -> None:
    plan(database, [point(1)])
    with database.transaction() as session:
        assert close_stage(session, STAGE, {"ranges": {}})
        assert not close_stage(session, STAGE, {"ranges": {"other": 1}})
        assert load_stages(session, "study")["stage1", "model1"].result == {"ranges": {}}
    assert claim_points(database, "study", "a", 60) == []


def test_a_result_is_accepted_once(database: Database) -> None:
    plan(database, [point(1)])
    (claim,) = claim_points(database, "study", "a", 60)
    complete_point(database, claim, DONE)
    with pytest.raises(LeaseLostError, match="has passed to another worker"):
        complete_point(database, claim, DONE)
    with database.transaction() as session:
        (row,) = stage_points(session, STAGE)
    assert (row.state, row.objective, row.curve, row.owner) == ("complete", 0.9, DONE.curve, None)


def test_a_lease_that_is_renewed_does_not_expire(database: Database) -> None:
    plan(database, [point(1)])
    claims = claim_points(database, "study", "elsewhere:1:0", 0.1)
    assert renew_leases(database, claims, 60)
    time.sleep(0.2)
    assert sweep_leases(database, "study", max_attempts=3) == []


def test_an_expired_lease_goes_back_to_the_queue_and_its_holder_is_fenced_out(database: Database) -> None:
    plan(database, [point(1)])
    (stale,) = claim_points(database, "study", "elsewhere:1:0", 0.05)
    time.sleep(0.1)
    (reason,) = sweep_leases(database, "study", max_attempts=3)
    assert "the lease of worker elsewhere:1:0 expired" in reason
    assert sweep_leases(database, "study", max_attempts=3) == []
    (fresh,) = claim_points(database, "study", "b", 60)
    assert fresh.attempt == 2
    assert not renew_leases(database, [stale], 60)
    with pytest.raises(LeaseLostError):
        complete_point(database, stale, DONE)
    with pytest.raises(LeaseLostError):
        settle_point(database, stale, stale.planned, trial_id=1)
    with pytest.raises(LeaseLostError):
        fail_point(database, stale, "too late", max_attempts=1)
    complete_point(database, fresh, DONE)


def test_a_worker_that_died_on_this_machine_loses_its_lease_at_once(database: Database) -> None:
    plan(database, [point(1), point(2)])
    script = "from hpo.storage.owner import this_process; print(this_process())"
    dead = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    claim_points(database, "study", dead, 3600)
    claim_points(database, "study", this_process(), 3600)
    (reason,) = sweep_leases(database, "study", max_attempts=3)
    assert reason == f"attempt 1: worker {dead} died"
    assert counts(database) == {"waiting": 1, "running": 1}


def test_a_point_fails_for_good_after_its_attempts_with_every_reason_kept(database: Database) -> None:
    plan(database, [point(1)])
    (first,) = claim_points(database, "study", "a", 60)
    assert not fail_point(database, first, "disk full", max_attempts=2)
    (second,) = claim_points(database, "study", "a", 60)
    assert fail_point(database, second, "disk still full", max_attempts=2)
    with database.transaction() as session:
        (row,) = stage_points(session, STAGE)
    assert (row.state, row.reasons) == ("failed", ["disk full", "disk still full"])


def test_a_claim_given_back_costs_no_attempt(database: Database) -> None:
    plan(database, [point(1)])
    release_points(database, claim_points(database, "study", "a", 60))
    (claim,) = claim_points(database, "study", "b", 60)
    assert claim.attempt == 1


def test_processes_that_claim_at_once_never_take_the_same_point(database: Database, database_url: str) -> None:
    plan(database, [point(number, recipe=f"recipe-{number // 2}") for number in range(60)])
    taken = all_at_once(4, claim_all, database_url)
    assert sorted(key for keys in taken for key in keys) == sorted(f"point-{number}" for number in range(60))
    assert sum(bool(keys) for keys in taken) > 1, "one process alone proves nothing"
    assert counts(database) == {"complete": 60}


def test_points_of_one_recipe_go_to_one_of_the_processes_that_claim_at_once(
    database: Database, database_url: str
) -> None:
    plan(database, [point(number, recipe="shared", epochs=number) for number in range(1, 9)])
    taken = all_at_once(4, claim_once, database_url)
    assert sorted(len(keys) for keys in taken) == [0, 0, 0, 8]


def test_processes_that_sweep_at_once_take_each_lease_from_its_holder_once(
    database: Database, database_url: str
) -> None:
    plan(database, [point(number) for number in range(6)])
    for _ in range(6):
        claim_points(database, "study", "elsewhere:1:0", 0.0)
    time.sleep(0.05)
    swept = all_at_once(3, sweep, database_url)
    assert sum(len(reasons) for reasons in swept) == 6
    with database.transaction() as session:
        assert [len(row.reasons) for row in stage_points(session, STAGE)] == [1] * 6


def test_a_point_that_is_given_up_by_the_sweep_fails_its_trial_too(database: Database) -> None:
    plan(database, [point(1)])
    ensure_optuna_study(database, STAGE, "maximize")
    (claim,) = claim_points(database, "study", "elsewhere:1:0", 0.0)
    link_trial(database, claim, begin_trial(database, STAGE, claim.planned.key, {}, {}))
    time.sleep(0.05)
    (reason,) = sweep_leases(database, "study", max_attempts=1)
    (trial,) = optuna.load_study(study_name=STAGE, storage=database.storage).trials
    assert trial.state == optuna.trial.TrialState.FAIL
    assert trial.user_attrs["reason"] == reason
    assert counts(database) == {"failed": 1}
