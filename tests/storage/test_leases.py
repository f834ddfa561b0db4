"""Leases are renewed for as long as the work lasts, whatever the database does meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from hpo.errors import LeaseLostError
from hpo.storage import leases
from hpo.storage.claims import Claim, claim_points, complete_point, release_points, renew_leases, sweep_leases
from hpo.storage.database import Database
from hpo.storage.leases import kept
from hpo.storage.points import stage_points
from tests.storage.at_once import DONE, plan, point

LEASE = 0.3
"""Seconds; short, so that a test sees several renewals."""


def claims_of(database: Database, *, points: int = 1) -> list[Claim]:
    plan(database, [point(number, recipe="shared", epochs=number) for number in range(1, points + 1)])
    return claim_points(database, "study", "elsewhere:1:0", LEASE)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def expiry(database: Database) -> float:
    with database.transaction() as session:
        (row,) = stage_points(session, "study/stage1/model1")
        return row.lease_expires_at or 0.0


class Renewals:
    """Counts renewals, the first few of which fail."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.done = 0

    def __call__(self, database: Database, claims: list[Claim], lease_seconds: float) -> bool:
        if self.errors:
            raise self.errors.pop(0)
        held = renew_leases(database, claims, lease_seconds)
        self.done += 1
        return held


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> Renewals:
    counted = Renewals()
    monkeypatch.setattr(leases, "renew_leases", counted)
    return counted


def test_a_lease_outlasts_its_seconds_while_the_work_goes_on(sqlite: Database, renewals: Renewals) -> None:
    claims = claims_of(sqlite)
    first = expiry(sqlite)
    with kept(sqlite, claims, LEASE) as lease:
        wait_until(lambda: renewals.done >= 3)
        lease.check()
    assert expiry(sqlite) >= first + LEASE  # three renewals, a third of the lease apart


def test_renewing_goes_on_after_database_errors(sqlite: Database, renewals: Renewals) -> None:
    renewals.errors = [OperationalError("UPDATE", {}, Exception("database is locked")), OSError(), OSError("gone")]
    with kept(sqlite, claims_of(sqlite), LEASE) as lease:
        wait_until(lambda: renewals.done >= 2)
        lease.check()


def test_a_lease_that_passed_to_another_worker_is_noticed_and_nothing_else_is_disturbed(
    sqlite: Database, renewals: Renewals
) -> None:
    (stale,) = claims_of(sqlite)
    time.sleep(LEASE + 0.05)
    sweep_leases(sqlite, "study", max_attempts=9)
    (fresh,) = claim_points(sqlite, "study", "another:1:0", 60)
    with kept(sqlite, [stale], LEASE) as lease:
        wait_until(lambda: renewals.done >= 1)
        with pytest.raises(LeaseLostError, match="has passed to another worker"):
            lease.check()
    complete_point(sqlite, fresh, DONE)


def test_one_lost_lease_of_several_is_enough(sqlite: Database) -> None:
    first, second = claims_of(sqlite, points=2)
    release_points(sqlite, [second])
    with kept(sqlite, [first, second], 60) as lease:
        lease.check()
        lease.renew(sqlite, 60)
        with pytest.raises(LeaseLostError):
            lease.check()


def test_a_renewal_during_the_finish_of_a_point_does_not_take_its_lease_for_lost(sqlite: Database) -> None:
    first, _ = claims = claims_of(sqlite, points=2)
    with kept(sqlite, claims, 60) as lease:
        with lease.finishing(first):
            complete_point(sqlite, first, DONE)
            renewal = threading.Thread(target=lease.renew, args=(sqlite, 60))
            renewal.start()
            time.sleep(0.1)
        renewal.join()
        lease.check()
        assert [claim.planned.key for claim in lease.open] == ["point-2"]


def test_a_point_whose_finish_failed_stays_open(sqlite: Database) -> None:
    (claim,) = claims_of(sqlite)
    with kept(sqlite, [claim], 60) as lease:
        with pytest.raises(OSError, match="disk full"), lease.finishing(claim):
            raise OSError("disk full")
        assert lease.open == [claim]


def test_with_the_end_of_the_work_renewing_ends_too(sqlite: Database) -> None:
    with pytest.raises(ZeroDivisionError), kept(sqlite, claims_of(sqlite), LEASE):
        raise ZeroDivisionError
    assert not [thread for thread in threading.enumerate() if thread.name == "lease-renewal"]
    time.sleep(LEASE + 0.05)
    assert len(sweep_leases(sqlite, "study", max_attempts=9)) == 1
