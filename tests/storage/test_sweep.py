"""The sweep: a point whose worker is gone goes back to the queue, once, and its worker is fenced out."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from optuna.trial import TrialState

from hpo.storage.claims import renew_leases
from hpo.storage.database import Database
from hpo.storage.outcomes import show_epochs
from hpo.storage.owner import this_process
from hpo.storage.sweep import Suspicion, sweep_leases
from hpo.storage.workers import live_workers, register_worker
from tests.processes import all_at_once
from tests.storage.at_once import (
    claim,
    claim_one,
    complete,
    counts,
    plan,
    point,
    rows,
    sweep,
    train_an_epoch,
    trials,
)

ELSEWHERE = "elsewhere:1:0"


@pytest.fixture(scope="module")
def dead() -> str:
    """A worker of this machine that is no more."""
    script = "from hpo.storage.owner import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def test_an_expired_lease_goes_back_to_the_queue_and_its_holder_is_fenced_out(database: Database) -> None:
    plan(database, [point(1)])
    stale = claim_one(database, ELSEWHERE, 0.05)
    time.sleep(0.1)
    assert database.run(sweep_leases, "study", max_attempts=3) == [
        f"attempt 1: the lease of worker {ELSEWHERE} expired"
    ]
    assert database.run(sweep_leases, "study", max_attempts=3) == []
    assert counts(database) == {"waiting": 1}
    fresh = claim_one(database, "b")
    assert (fresh.attempt, fresh.trial_id) == (2, stale.trial_id)
    assert not database.run(renew_leases, [stale], 60)
    assert not complete(database, stale)
    assert complete(database, fresh)


def test_a_lease_is_taken_only_if_it_is_seen_to_stay_expired(sqlite: Database) -> None:
    """After an absence of the database all look expired, until their holders have had the time to renew them."""
    plan(sqlite, [point(1), point(2)])
    silent, alive = claim_one(sqlite, ELSEWHERE, 0.0), claim_one(sqlite, "elsewhere:2:0", 0.0)

    def swept(suspicion: Suspicion) -> list[str]:
        return sqlite.run(sweep_leases, "study", 3, suspicion.is_confirmed)

    patient = Suspicion(60)
    assert swept(patient) == []
    assert swept(patient) == [], "too early"
    suspicion = Suspicion(0.3)
    assert swept(suspicion) == []
    time.sleep(0.4)
    assert sqlite.run(renew_leases, [alive], 0.0)
    assert swept(suspicion) == [f"attempt 1: the lease of worker {silent.owner} expired"]


def test_a_lease_that_has_not_expired_is_left_alone(database: Database) -> None:
    plan(database, [point(1), point(2)])
    claim(database, ELSEWHERE, 3600)
    claim(database, this_process(), 3600)
    assert database.run(sweep_leases, "study", max_attempts=3) == []
    assert counts(database) == {"running": 2}


def test_a_worker_that_died_on_this_machine_loses_its_lease_at_once(database: Database, dead: str) -> None:
    plan(database, [point(1), point(2)])
    claim(database, dead, 3600)
    claim(database, this_process(), 3600)
    assert database.run(sweep_leases, "study", max_attempts=3) == [f"attempt 1: worker {dead} died"]
    assert counts(database) == {"waiting": 1, "running": 1}


def test_the_register_says_so_of_every_worker_that_died_holding_something_or_not(database: Database, dead: str) -> None:
    plan(database, [])
    with database.transaction() as session:
        for owner in (dead, this_process(), ELSEWHERE):
            register_worker(session, "study", owner, "CPU")
    database.run(sweep_leases, "study", max_attempts=3)
    with database.transaction() as session:
        assert {worker.owner for worker in live_workers(session, "study")} == {this_process(), ELSEWHERE}


def test_the_points_of_another_study_are_left_alone(sqlite: Database) -> None:
    plan(sqlite, [point(1)])
    claim(sqlite, ELSEWHERE, 0.0)
    time.sleep(0.02)
    assert sqlite.run(sweep_leases, "another", max_attempts=1) == []
    assert counts(sqlite) == {"running": 1}


def test_a_point_that_is_given_up_by_the_sweep_fails_its_trial_too(database: Database) -> None:
    plan(database, [point(1)])
    claim_one(database, ELSEWHERE, 0.0)
    time.sleep(0.05)
    (reason,) = database.run(sweep_leases, "study", max_attempts=1)
    (trial,) = trials(database)
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, reason)
    assert counts(database) == {"failed": 1}


def test_a_worker_that_dies_after_an_epoch_each_time_is_never_given_up_on(database: Database) -> None:
    plan(database, [point(1)])
    for attempt in range(1, 8):
        one = claim_one(database, ELSEWHERE, 0.0)
        assert one.attempt == attempt
        train_an_epoch(database, one)
        time.sleep(0.01)
        assert len(database.run(sweep_leases, "study", max_attempts=2)) == 1
    (row,) = rows(database)
    assert (row.state, row.failures, len(row.reasons)) == ("waiting", 0, 7)


def test_a_worker_that_dies_before_its_first_epoch_each_time_is_given_up_on(database: Database) -> None:
    plan(database, [point(1)])
    for state in ("waiting", "waiting", "failed"):
        claim(database, ELSEWHERE, 0.0)
        time.sleep(0.01)
        database.run(sweep_leases, "study", max_attempts=3)
        assert counts(database) == {state: 1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_point_that_its_worker_is_just_writing_is_not_swept(database: Database) -> None:
    plan(database, [point(1), point(2)])
    writing, silent = claim_one(database, ELSEWHERE, 0.0), claim_one(database, "silent:1:0", 0.0)
    time.sleep(0.05)
    with database.transaction() as session:
        assert show_epochs(session, writing, {})
        assert database.run(sweep_leases, "study", max_attempts=3) == [
            f"attempt 1: the lease of worker {silent.owner} expired"
        ]


def test_processes_that_sweep_at_once_take_each_lease_from_its_holder_once(
    database: Database, database_url: str
) -> None:
    plan(database, [point(number) for number in range(6)])
    for number in range(6):
        claim(database, f"elsewhere:{number}:0", 0.0)
    time.sleep(0.05)
    swept = all_at_once(3, sweep, database_url)
    assert sum(len(reasons) for reasons in swept) == 6
    assert [(len(row.reasons), row.failures) for row in rows(database)] == [(1, 1)] * 6
