"""The register of workers, and the request to stop that those hear who have begun."""

from __future__ import annotations

import time

import pytest

from hpo.storage.database import Database
from hpo.storage.workers import (
    StopMode,
    end_worker,
    live_workers,
    register_worker,
    request_stop,
    see_worker,
    stop_request,
)
from tests.storage.at_once import plan


def register(database: Database, owner: str, *, study: str = "study", device: str = "CPU") -> float:
    with database.transaction() as session:
        return register_worker(session, study, owner, device)


def live(database: Database) -> list[str]:
    with database.transaction() as session:
        return [worker.owner for worker in live_workers(session, "study")]


def asked(database: Database, started_at: float) -> StopMode | None:
    with database.transaction() as session:
        return stop_request(session, "study", started_at)


def test_a_worker_is_in_the_register_from_its_beginning_to_its_end(database: Database) -> None:
    before = database.now()
    started = register(database, "a", device="GPU 0")
    register(database, "b")
    register(database, "c", study="another")
    with database.transaction() as session:
        (first, _) = live_workers(session, "study")
    assert (first.owner, first.device, first.started_at) == ("a", "GPU 0", started)
    assert before <= started <= database.now()
    with database.transaction() as session:
        end_worker(session, "study", "a")
    assert live(database) == ["b"]


def test_a_silent_worker_shows_by_its_silence(database: Database) -> None:
    for owner in ("silent", "alive"):
        register(database, owner)
    time.sleep(0.1)
    with database.transaction() as session:
        see_worker(session, "study", "alive")
        silence = {worker.owner: worker.silent_seconds for worker in live_workers(session, "study")}
    assert silence["silent"] >= 0.09
    assert 0 <= silence["alive"] < silence["silent"]


def test_a_worker_that_begins_again_under_its_name_lives_again(sqlite: Database) -> None:
    register(sqlite, "a")
    with sqlite.transaction() as session:
        end_worker(session, "study", "a")
    register(sqlite, "a")
    assert live(sqlite) == ["a"]


@pytest.mark.parametrize("mode", ["drain", "now"])
def test_a_request_to_stop_is_meant_for_those_that_have_begun_and_for_no_later_one(
    database: Database, mode: StopMode
) -> None:
    plan(database, [])
    early = register(database, "early")
    assert asked(database, early) is None
    with database.transaction() as session:
        assert request_stop(session, "study", mode)
    time.sleep(0.01)
    assert asked(database, early) == mode
    assert asked(database, register(database, "late")) is None


def test_the_last_request_counts(sqlite: Database) -> None:
    plan(sqlite, [])
    early = register(sqlite, "early")
    for mode in ("drain", "now"):
        with sqlite.transaction() as session:
            request_stop(session, "study", mode)  # type: ignore[arg-type]
    assert asked(sqlite, early) == "now"


def test_a_study_that_is_not_in_the_database_cannot_be_stopped(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        assert not request_stop(session, "study", "drain")
