"""What a worker has to say is written in order, while it goes on with its work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hpo.errors import StopRequestedError, StoreUnavailableError
from hpo.storage.database import Database
from hpo.storage.decisions import open_study
from hpo.storage.leases import HeldLease
from hpo.worker.messages import Message
from hpo.worker.publisher import Publisher
from tests.storage.at_once import forgetful, twice, wait_until


class Lease:
    """As much of a lease as a publisher knows."""

    def __init__(self) -> None:
        self.losses = 0

    def lose(self) -> None:
        self.losses += 1


@pytest.fixture
def lease() -> Lease:
    return Lease()


def publisher(database: Database, lease: Lease) -> Publisher:
    return Publisher(database, cast(HeldLease, lease))


@dataclass(frozen=True)
class Doing:
    """A message that does what a function does."""

    write: Callable[[Session], bool]


def noting(notes: list[Any], what: object, *, in_time: bool = True) -> Message:
    def write(_session: Session) -> bool:
        notes.append(what)
        return in_time

    return Doing(write)


class Gate:
    """A write that waits until it is let through: as long as a database is away."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def write(self, _session: Session) -> bool:
        self.reached.set()
        assert self.opened.wait(20)
        return True


class Broken:
    """A write that finds the database away, as often as told."""

    def __init__(self, times: int) -> None:
        self.left = times

    def write(self, _session: Session) -> bool:
        if self.left:
            self.left -= 1
            raise OperationalError("UPDATE", {}, Exception("server closed the connection unexpectedly"))
        return True


def test_what_is_posted_is_written_in_order_and_flushed_when_it_is_written(sqlite: Database, lease: Lease) -> None:
    notes: list[Any] = []
    with publisher(sqlite, lease) as posting:
        for number in range(50):
            posting.post(noting(notes, number))
        posting.flush()
        assert notes == list(range(50))
    assert lease.losses == 0


def test_who_posts_does_not_wait_and_what_piles_up_is_one_transaction(
    sqlite: Database, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, sessions = Gate(), []

    def note(session: Session) -> bool:
        sessions.append(session)
        return True

    with publisher(sqlite, lease) as posting:
        posting.post(gate)
        assert gate.reached.wait(120)
        for _ in range(9):
            posting.post(Doing(note))
        assert sessions == []
        gate.opened.set()
        posting.flush()
    assert len(sessions) == 9
    assert len(set(map(id, sessions))) == 1


def test_what_is_to_follow_follows_the_commit(database: Database, lease: Lease) -> None:
    found: list[Any] = []

    def look() -> None:
        with database.transaction() as session:
            found.append(open_study(session, "study", {"second": 2}))

    with publisher(database, lease) as posting:
        posting.post(Doing(lambda session: open_study(session, "study", {"first": 1}) == {"first": 1}), then=look)
    assert found == [{"first": 1}]


def test_a_write_that_comes_too_late_loses_the_lease_and_is_not_followed(sqlite: Database, lease: Lease) -> None:
    notes: list[Any] = []
    with publisher(sqlite, lease) as posting:
        posting.post(noting(notes, 1), then=lambda: notes.append("then 1"))
        posting.post(noting(notes, 2, in_time=False), then=lambda: notes.append("then 2"))
        posting.post(noting(notes, 3), then=lambda: notes.append("then 3"))
    assert [note for note in notes if isinstance(note, str)] == ["then 1", "then 3"]
    assert lease.losses == 1


def test_a_database_that_is_away_is_waited_for_and_nothing_is_lost_or_said_twice(
    sqlite: Database, lease: Lease
) -> None:
    notes: list[Any] = []
    with publisher(sqlite, lease) as posting:
        posting.post(Broken(3), then=lambda: notes.append("first"))
        posting.post(noting([], 2), then=lambda: notes.append("second"))
    assert notes == ["first", "second"]


def test_a_commit_that_was_not_confirmed_is_made_again(sqlite: Database, lease: Lease) -> None:
    written: list[int] = []
    followed: list[int] = []
    with publisher(forgetful(sqlite, twice), lease) as posting:
        posting.post(noting(written, 1), then=lambda: followed.append(1))
    assert (written, followed) == ([1, 1, 1], [1])


def test_who_posts_or_flushes_is_told_that_the_database_has_stayed_away(sqlite: Database, lease: Lease) -> None:
    notes: list[Any] = []
    with publisher(replace(sqlite, patience_seconds=0.1), lease) as posting:
        posting.post(Broken(10_000))
        with pytest.raises(StoreUnavailableError):
            posting.flush()
        with pytest.raises(StoreUnavailableError):
            posting.post(noting(notes, "too late"))
    assert notes == []


def test_whatever_goes_wrong_in_writing_is_raised_where_it_is_noticed(sqlite: Database, lease: Lease) -> None:
    with publisher(sqlite, lease) as posting:
        posting.post(Doing(lambda _session: bool(1 / 0)))
        with pytest.raises(ZeroDivisionError):
            posting.flush()


def test_a_question_is_answered_after_what_was_posted_and_in_its_transaction(sqlite: Database, lease: Lease) -> None:
    gate, sessions = Gate(), []

    def write(session: Session) -> bool:
        sessions.append(session)
        open_study(session, "study", {"posted": 1})
        return True

    def read(session: Session) -> dict[str, Any]:
        sessions.append(session)
        return open_study(session, "study", {"asked": 1})

    with publisher(sqlite, lease) as posting:
        posting.post(gate)
        assert gate.reached.wait(120)
        posting.post(Doing(write))
        threading.Timer(0.1, gate.opened.set).start()
        assert posting.ask(read) == {"posted": 1}
    assert sessions[0] is sessions[1]


def test_a_question_that_cannot_be_answered_raises_what_went_wrong(sqlite: Database, lease: Lease) -> None:
    with publisher(sqlite, lease) as posting:
        posting.post(Doing(lambda _session: bool(1 / 0)))
        with pytest.raises(ZeroDivisionError):
            posting.ask(lambda _session: 1)
        with pytest.raises(ZeroDivisionError):
            posting.ask(lambda _session: 2)


def test_a_flush_with_nothing_to_write_does_not_wait_for_a_database_that_is_away(
    sqlite: Database, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_database: Database) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr(Database, "check_present", away)
    with publisher(sqlite, lease) as posting:
        posting.flush(60)
        posting.flush()


def test_at_the_end_what_was_posted_is_waited_for(sqlite: Database, lease: Lease) -> None:
    gate, notes = Gate(), []
    with publisher(sqlite, lease) as posting:
        posting.post(gate)
        posting.post(noting(notes, "written"))
        threading.Timer(0.1, gate.opened.set).start()
    assert notes == ["written"]


def stop(posting: Publisher, error: BaseException, first: Callable[[], object]) -> None:
    with posting:
        first()
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StopRequestedError("stopped")])
def test_who_stops_has_waited_with_a_limit_and_does_not_wait_again(
    sqlite: Database, lease: Lease, error: BaseException
) -> None:
    gate, posting = Gate(), publisher(sqlite, lease)

    def post() -> None:
        posting.post(gate)
        assert gate.reached.wait(120)
        posting.flush(0.05)

    began = time.monotonic()
    with pytest.raises(type(error)):
        stop(posting, error, post)
    assert time.monotonic() - began < 60
    gate.opened.set()
    wait_until(lambda: not [one for one in threading.enumerate() if one.name == "publisher"])
