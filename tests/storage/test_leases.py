"""A worker's heart beats for as long as it works, whatever the database does meanwhile."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hpo.errors import LeaseLostError
from hpo.storage import leases
from hpo.storage.claims import Claim, release_points, renew_leases
from hpo.storage.database import Database, open_database
from hpo.storage.leases import Heartbeat
from hpo.storage.outcomes import show_epochs
from hpo.storage.sweep import sweep_leases
from hpo.storage.workers import StopMode, live_workers, request_stop
from tests.processes import started
from tests.storage.at_once import (
    claim,
    claim_one,
    complete,
    freeze,
    plan,
    point,
    rows,
    trials,
    wait_until,
)

LEASE = 0.3
"""Seconds; short, so that a test sees several beats."""

HOLDER = "elsewhere:1:0"


def heart(database: Database, lease_seconds: float = LEASE) -> Heartbeat:
    return Heartbeat(database, "study", HOLDER, lease_seconds)


def claims_of(database: Database, *, points: int = 1) -> list[Claim]:
    plan(database, [point(number, recipe="shared", epochs=number) for number in range(1, points + 1)])
    return claim(database, HOLDER, LEASE)


def beating_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


class Renewals:
    """Counts renewals, the first few of which fail."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.done = 0

    def __call__(self, session: Session, claims: Sequence[Claim], lease_seconds: float) -> bool:
        if self.errors:
            raise self.errors.pop(0)
        held = renew_leases(session, claims, lease_seconds)
        self.done += 1
        return held


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> Renewals:
    counted = Renewals()
    monkeypatch.setattr(leases, "renew_leases", counted)
    return counted


def test_a_lease_outlasts_its_seconds_while_the_work_goes_on(database: Database, renewals: Renewals) -> None:
    claims = claims_of(database)
    first = rows(database)[0].lease_expires_at or 0.0
    with heart(database) as heartbeat, heartbeat.holding(claims) as lease:
        wait_until(lambda: renewals.done >= 4)
        lease.check()
    assert (rows(database)[0].lease_expires_at or 0.0) >= first + LEASE  # renewals are a third of the lease apart


def test_the_heart_beats_on_after_database_errors(sqlite: Database, renewals: Renewals) -> None:
    renewals.errors = [OperationalError("UPDATE", {}, Exception("database is locked")), OSError(), OSError("gone")]
    with heart(sqlite) as heartbeat, heartbeat.holding(claims_of(sqlite)) as lease:
        wait_until(lambda: renewals.done >= 2)
        lease.check()


def test_a_lease_that_passed_to_another_worker_is_noticed_and_nothing_else_is_disturbed(
    database: Database, renewals: Renewals
) -> None:
    (stale,) = claims_of(database)
    time.sleep(LEASE + 0.05)
    database.run(sweep_leases, "study", max_attempts=9)
    fresh = claim_one(database, "another:1:0")
    with heart(database) as heartbeat, heartbeat.holding([stale]) as lease:
        wait_until(lambda: renewals.done >= 1)
        with pytest.raises(LeaseLostError, match="has passed to another worker"):
            lease.check()
    assert complete(database, fresh)


def test_one_lost_lease_of_several_is_enough(sqlite: Database) -> None:
    first, second = claims_of(sqlite, points=2)
    sqlite.run(release_points, [second])
    with heart(sqlite, 60) as heartbeat, heartbeat.holding([first, second]) as lease:
        lease.check()
        heartbeat.beat()
        with pytest.raises(LeaseLostError):
            lease.check()


def test_a_beat_between_the_acceptance_of_a_point_and_its_note_does_not_take_the_lease_for_lost(
    sqlite: Database,
) -> None:
    first, second = claims = claims_of(sqlite, points=2)
    with heart(sqlite, 60) as heartbeat, heartbeat.holding(claims) as lease:
        complete(sqlite, first)
        heartbeat.beat()
        lease.check()
        lease.finish(first)
        heartbeat.beat()
        lease.check()
    assert lease.open == (second,)


def test_a_point_that_is_finished_in_the_middle_of_a_beat_does_not_take_the_lease_for_lost(sqlite: Database) -> None:
    first, _ = claims = claims_of(sqlite, points=2)
    with heart(sqlite, 60) as heartbeat, heartbeat.holding(claims) as lease:

        def publisher_notes(*_arguments: Any) -> None:
            statement: str = _arguments[2]
            if "UPDATE hpo_design_point" in statement and first in lease.open:
                lease.finish(first)

        event.listen(sqlite.engine, "before_cursor_execute", publisher_notes)
        heartbeat.beat()
        assert first not in lease.open
        lease.check()


def test_after_a_silence_longer_than_the_lease_the_database_is_asked_before_the_work_goes_on(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heartbeat, "_beat_on", lambda _self: None)  # the whole process was frozen, this thread too
    (stale,) = claims_of(sqlite)
    with heart(sqlite) as heartbeat, heartbeat.holding([stale]) as lease:
        lease.check()
        time.sleep(LEASE + 0.05)
        sqlite.run(sweep_leases, "study", max_attempts=9)
        claim(sqlite, "another:1:0")
        with pytest.raises(LeaseLostError):
            lease.check()


def test_where_the_database_is_away_nobody_else_can_have_taken_the_lease(sqlite: Database, renewals: Renewals) -> None:
    with heart(sqlite) as heartbeat, heartbeat.holding(claims_of(sqlite)) as lease:
        renewals.errors = [OperationalError("UPDATE", {}, Exception("gone"))] * 9
        wait_until(heartbeat.is_overdue)
        lease.check()
        renewals.errors.clear()
        wait_until(lambda: not heartbeat.is_overdue())
        lease.check()


def test_with_the_end_of_the_work_the_heart_stops_and_the_register_says_so(sqlite: Database) -> None:
    def work_and_fail() -> None:
        with heart(sqlite) as heartbeat, heartbeat.holding(claims_of(sqlite)):
            assert len(beating_threads()) == 1
            assert live() == [HOLDER]
            raise ZeroDivisionError

    def live() -> list[str]:
        with sqlite.transaction() as session:
            return [worker.owner for worker in live_workers(session, "study")]

    with pytest.raises(ZeroDivisionError):
        work_and_fail()
    assert beating_threads() == []
    assert live() == []
    time.sleep(LEASE + 0.05)
    assert len(sqlite.run(sweep_leases, "study", max_attempts=9)) == 1


def test_what_is_no_longer_worked_on_is_not_renewed(sqlite: Database, renewals: Renewals) -> None:
    with heart(sqlite) as heartbeat:
        with heartbeat.holding(claims_of(sqlite)):
            pass
        time.sleep(LEASE + 0.05)
        assert len(sqlite.run(sweep_leases, "study", max_attempts=9)) == 1


@pytest.mark.parametrize("mode", ["drain", "now"])
def test_a_running_worker_hears_a_request_to_stop_and_one_that_begins_later_does_not(
    database: Database, mode: StopMode
) -> None:
    plan(database, [])
    with heart(database) as early:
        assert early.stop_mode is None
        with database.transaction() as session:
            request_stop(session, "study", mode)
        wait_until(lambda: early.stop_mode == mode)
        time.sleep(0.01)
        with Heartbeat(database, "study", "late:1:0", LEASE) as late:
            late.beat()
            assert late.stop_mode is None


FREEZE_LEASE = 0.5


def work_epoch_by_epoch(_number: int, url: str, say: Callable[[object], None]) -> None:
    """Hold a point and show epochs of it without end; tells of each, and in the end why it stopped."""
    database = open_database(url)
    try:
        with Heartbeat(database, "study", "frozen:1:0", FREEZE_LEASE) as heartbeat:
            one = claim_one(database, "frozen:1:0", FREEZE_LEASE)
            with heartbeat.holding([one]) as lease:
                for epoch in range(1, 10_000):
                    lease.check()
                    say(epoch)
                    if not database.run(show_epochs, one, {epoch: 0.5}):
                        lease.lose()
                    time.sleep(0.01)
    except LeaseLostError:
        say("lost")
    finally:
        database.close()


def test_a_frozen_process_finds_its_lease_lost_when_it_thaws_and_has_changed_nothing(
    database: Database, database_url: str
) -> None:
    plan(database, [point(1)])
    with started(work_epoch_by_epoch, database_url) as frozen:
        while frozen.hear() != 5:
            pass
        freeze(frozen.pid, database)
        wait_until(lambda: len(database.run(sweep_leases, "study", max_attempts=9)) == 1)
        fresh = claim_one(database, "another:1:0")
        assert fresh.attempt == 2
        assert complete(database, fresh)
        (accepted,), told = rows(database), trials(database)
        os.kill(frozen.pid, signal.SIGCONT)
        while frozen.hear() != "lost":
            pass
        frozen.join()
    assert trials(database) == told
    (row,) = rows(database)
    assert (row.state, row.attempt, row.owner) == ("complete", 2, "another:1:0")
    assert row.finished_at == accepted.finished_at


def test_a_worker_that_was_launched_before_a_request_to_stop_hears_it_however_late_it_begins(sqlite: Database) -> None:
    plan(sqlite, [point(1)])
    launched = sqlite.now()
    sqlite.run(request_stop, "study", "drain")
    with Heartbeat(sqlite, "study", "a replacement:1:0", 60, since=launched) as late:
        assert late.stop_mode == "drain"
    with Heartbeat(sqlite, "study", "of a new launch:1:0", 60) as new:
        assert new.stop_mode is None
