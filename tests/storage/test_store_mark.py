"""All workers of a study use one checkpoint store, or are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from hpo.errors import StorageError
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.leases import Heartbeat
from hpo.storage.store_mark import agree_on_store
from hpo.storage.tables import PointRow
from hpo.storage.workers import end_worker, register_worker
from tests.processes import all_at_once
from tests.storage.at_once import agree, plan, point


def register(database: Database, owner: str) -> None:
    database.run(register_worker, "study", owner, "CPU")


@pytest.fixture
def planned(database: Database) -> Database:
    plan(database, [point(1)])
    return database


def test_workers_that_share_a_store_all_go_on(planned: Database, tmp_path: Path) -> None:
    for owner in ("first:1:0", "second:1:0"):
        register(planned, owner)
        agree_on_store(planned, "study", owner, Files(tmp_path / "shared"), 0.0)
    assert len(list((tmp_path / "shared" / "studies").iterdir())) == 1


def test_workers_that_begin_at_once_agree(planned: Database, database_url: str, tmp_path: Path) -> None:
    all_at_once(4, agree, database_url, str(tmp_path / "shared"))
    assert len(list((tmp_path / "shared" / "studies").iterdir())) == 1


def test_a_worker_with_another_store_than_those_alive_is_refused_with_what_to_do(
    planned: Database, tmp_path: Path
) -> None:
    with Heartbeat(planned, "study", "first:1:0", 1.0):
        agree_on_store(planned, "study", "first:1:0", Files(tmp_path / "one"), 1.0)
        register(planned, "second:1:0")
        with pytest.raises(StorageError, match=r"is not that of worker first:1:0: .*set checkpoints") as caught:
            agree_on_store(planned, "study", "second:1:0", Files(tmp_path / "other"), 1.0)
    assert not caught.value.is_passing


def test_once_the_others_have_ended_a_new_store_may_be_used(planned: Database, tmp_path: Path) -> None:
    register(planned, "first:1:0")
    planned.run(end_worker, "study", "first:1:0")
    register(planned, "second:1:0")
    agree_on_store(planned, "study", "second:1:0", Files(tmp_path / "other"), 5.0)


def test_a_store_that_lacks_what_the_study_has_trained_is_named(
    planned: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    register(planned, "first:1:0")
    agree_on_store(planned, "study", "first:1:0", Files(tmp_path / "one"), 5.0)
    assert not caplog.messages  # nothing is complete yet
    planned.run(lambda session: session.execute(update(PointRow).values(state="complete")))
    planned.run(end_worker, "study", "first:1:0")
    register(planned, "second:1:0")
    agree_on_store(planned, "study", "second:1:0", Files(tmp_path / "other"), 5.0)
    (warning,) = caplog.messages
    assert f"{tmp_path / 'other'} has never held study study (complete points: 1)" in warning
    agree_on_store(planned, "study", "second:1:0", Files(tmp_path / "other"), 5.0)
    assert caplog.messages == [warning]
