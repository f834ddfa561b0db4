"""One database on one engine: safe on SQLite, and clear about what it cannot open."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

from hpo.config.database_url import sqlite_url as sqlite_url_of
from hpo.errors import StorageError, StoreUnavailableError
from hpo.storage import engine as module
from hpo.storage.database import Database, look_into, open_database
from hpo.storage.tables import StudyRow, Table
from tests.postgresql import OwnServer
from tests.storage.at_once import forgetful, twice


def study_row() -> StudyRow:
    return StudyRow(name="study", settings={}, opened_at=0.0)


def refusal(url: str) -> str:
    with pytest.raises(StorageError) as caught:
        open_database(url)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("runs/study.db", "is not one of SQLAlchemy's"),
        ("nosuch://host/name", "is not one of SQLAlchemy's"),
        ("oracle+oracledb://host/name", "its driver is not installed; install the Python package"),
        ("postgresql+pg8000://host/name", r"begin the URL with postgresql\+psycopg://"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/name", "cannot be opened: .*refused"),
    ],
)
def test_a_bad_url_is_refused_in_one_line_without_its_password(url: str, message: str) -> None:
    refused = refusal(url)
    assert "secret" not in refused
    assert len(refused.splitlines()) == 1
    with pytest.raises(StorageError, match=message):
        open_database(url)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("a letter to the editor, long enough to be read as a header, " * 40)
    assert refusal(f"sqlite:///{tmp_path / 'study.db'}").endswith(
        "is no SQLite database but another file; name another"
    )


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = refusal(f"sqlite:///{tmp_path / 'file' / 'study.db'}")
    assert "cannot be opened" in refused
    assert len(refused.splitlines()) == 1


def test_the_folder_of_an_sqlite_file_is_made_and_its_content_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'er' / 'study.db'}"
    first = open_database(url)
    with first.transaction() as session:
        session.add(study_row())
    first.close()
    again = open_database(url)
    with again.transaction() as session:
        assert session.scalar(text("SELECT name FROM hpo_study")) == "study"
    again.close()


def test_the_password_of_the_url_is_not_shown(empty_database_url: str) -> None:
    opened = open_database(empty_database_url.replace("postgres:@", "postgres:secret@"))
    opened.close()
    assert "secret" not in opened.url
    assert opened.url.startswith(empty_database_url.partition(":")[0])


def test_sqlite_is_in_write_ahead_mode(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_transaction_on_sqlite_holds_the_write_lock_from_its_beginning(sqlite: Database, sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
    with sqlite.transaction() as session:
        session.scalar(text("SELECT COUNT(*) FROM hpo_study"))
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_optuna_writes_through_the_same_engine_and_so_under_the_same_lock(sqlite: Database) -> None:
    assert sqlite.storage._backend.engine is sqlite.engine  # type: ignore[attr-defined]
    with sqlite.engine.connect() as connection:
        assert connection.connection.driver_connection is not None
        assert connection.connection.driver_connection.isolation_level is None


def test_an_exception_undoes_its_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _insert_and_fail(database)
    with database.transaction() as session:
        assert session.scalar(text("SELECT COUNT(*) FROM hpo_study")) == 0


def _insert_and_fail(database: Database) -> None:
    with database.transaction() as session:
        session.add(study_row())
        session.flush()
        raise ZeroDivisionError


def test_the_databases_clock_tells_seconds_since_1970(database: Database) -> None:
    first = database.now()
    assert abs(first - time.time()) < 60
    time.sleep(0.05)
    assert 0.04 < database.now() - first < 30


def test_tables_of_another_version_are_refused_by_what_they_lack(sqlite: Database, sqlite_url: str) -> None:
    with sqlite.engine.begin() as connection:
        connection.execute(text("ALTER TABLE hpo_study DROP COLUMN stop_now"))
    refused = refusal(sqlite_url)
    assert "is damaged: its table hpo_study has no stop_now; restore a backup" in refused
    assert len(refused.splitlines()) == 1
    with sqlite.engine.begin() as connection:
        connection.execute(text("DROP TABLE hpo_format"))
    refused = refusal(sqlite_url)
    assert "was made by an earlier version of hpo (its table hpo_study has no stop_now); run: hpo upgrade" in refused
    assert len(refused.splitlines()) == 1


def names(database: Database) -> list[str]:
    return database.run(lambda session: list(session.scalars(text("SELECT name FROM hpo_study"))))


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    server = OwnServer()
    yield server
    server.close()


def test_a_database_that_restarts_is_waited_for_and_one_that_stays_away_is_given_up_in_one_line(
    own_server: OwnServer,
) -> None:
    database = open_database(own_server.url)
    own_server.stop()
    back = threading.Timer(0.5, own_server.start)
    back.start()
    database.run(lambda session: session.add(study_row()))
    back.join()
    assert names(database) == ["study"]

    own_server.stop()
    impatient = replace(database, patience_seconds=1)
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        names(impatient)
    assert 0.5 < time.monotonic() - began < 120
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"database {database.url} is away: ")
    assert line.endswith("; start the same command again once it is back: every finished epoch is kept")
    with pytest.raises(StoreUnavailableError, match="cannot be opened"):
        open_database(own_server.url)
    database.close()


def test_a_commit_that_was_not_confirmed_is_made_again(database: Database) -> None:
    def add(session: Session) -> None:
        session.merge(study_row())

    forgetful(database, twice).run(add)
    assert names(database) == ["study"]


def test_a_locked_sqlite_file_is_waited_for(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SQLITE_BUSY_SECONDS", 0.01)
    database = open_database(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    release.start()
    assert names(database) == []
    release.join()
    other.close()
    database.close()


@pytest.mark.parametrize("wrong", ["SELECT * FROM nothing_of_this", "SELEKT 1", "INSERT INTO hpo_study VALUES (1)"])
def test_what_no_waiting_mends_is_raised_at_once(
    database: Database, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SQLAlchemyError):
        database.run(lambda session: session.execute(text(wrong)))
    assert "trying again" not in caplog.text


def test_a_broken_promise_of_the_tables_is_no_absence(database: Database) -> None:
    database.run(lambda session: session.add(study_row()))
    with pytest.raises(IntegrityError):
        database.run(lambda session: session.add(study_row()))


def test_a_sqlite_file_that_may_not_be_written_is_refused_at_once(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        session.execute(text("PRAGMA query_only = ON"))
    with pytest.raises(StorageError, match="a readonly database; get the right to write the file and its folder"):
        sqlite.run(lambda session: session.add(study_row()))


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_a_transaction_whose_process_stands_still_is_ended_and_begun_again(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_TRANSACTION_SECONDS", 0.3)
    database, other = open_database(empty_database_url), open_database(empty_database_url)
    database.run(lambda session: session.add(study_row()))
    lock = select(StudyRow.name).with_for_update()
    attempts: list[str] = []

    def stand_still(session: Session) -> str:
        attempts.append("begun")
        session.scalar(lock)
        if len(attempts) == 1:
            other.run(lambda another: another.scalar(lock))  # waits until nobody holds it
        return session.scalars(lock).one()

    assert database.run(stand_still) == "study"
    assert len(attempts) == 2
    database.close()
    other.close()


def test_on_mysql_too_times_and_objectives_are_double_precision() -> None:
    """MySQL's plain FLOAT would round a time to hours and an objective to six digits."""
    for table in Table.metadata.sorted_tables:
        ddl = str(CreateTable(table).compile(dialect=mysql.dialect()))
        assert "FLOAT," not in ddl
        assert "FLOAT NOT NULL" not in ddl
    ddl = str(CreateTable(Table.metadata.tables["hpo_design_point"]).compile(dialect=mysql.dialect()))
    assert "lease_expires_at FLOAT(53)" in ddl


def test_who_is_to_end_does_not_wait_for_a_database_that_is_away(sqlite: Database) -> None:
    def away() -> None:
        raise StoreUnavailableError("the database is away")

    threading.Timer(0.3, sqlite.hurry.set).start()
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError):
        sqlite.patiently(away)
    assert time.monotonic() - began < 120
    with pytest.raises(StoreUnavailableError):
        sqlite.patiently(away)
    assert names(sqlite) == []


def test_a_foreign_database_is_refused_and_nothing_is_written_to_it(tmp_path: Path) -> None:
    for tables in ("accounts(a)", "studies(x)", "trials(id)", "hpo_study(x)"):
        file = tmp_path / f"{tables[:4]}.db"
        made = sqlite3.connect(file)
        made.execute(f"CREATE TABLE {tables}")
        made.commit()
        made.close()
        before = file.read_bytes()
        for open_it in (open_database, look_into):
            with pytest.raises(StorageError, match=r"is another program's: its table \w+ is not of hpo or Optuna"):
                open_it(f"sqlite:///{file}")
        assert file.read_bytes() == before
        assert [one.name for one in tmp_path.iterdir() if one.name.startswith(file.name)] == [file.name]


def test_to_look_makes_nothing(tmp_path: Path) -> None:
    assert look_into(f"sqlite:///{tmp_path / 'none' / 'study.db'}") is None
    (tmp_path / "empty.db").touch()
    assert look_into(f"sqlite:///{tmp_path / 'empty.db'}") is None
    assert [(one.name, one.stat().st_size) for one in tmp_path.iterdir()] == [("empty.db", 0)]


def test_who_looks_sees_what_is_there_waits_for_no_writer_and_cannot_write(sqlite: Database, sqlite_url: str) -> None:
    sqlite.run(lambda session: session.add(study_row()))
    looking = look_into(sqlite_url)
    assert looking is not None
    with sqlite.transaction():  # holds the lock that a writer takes
        assert len(names(looking)) == 1
    with pytest.raises(StorageError, match="readonly"):
        looking.run(lambda session: session.execute(text("DELETE FROM hpo_study")))
    looking.close()


@pytest.mark.parametrize("name", ["100% x", "what?", "a#b", "[x] {y}", "it's", 'q"q', "per%41cent", "me@host:1", "a b"])
def test_any_folder_holds_a_database(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "study.db"
    opened = open_database(sqlite_url_of(file))
    opened.run(lambda session: session.add(study_row()))
    opened.close()
    assert [one.name for one in (tmp_path / name).iterdir()] == ["study.db"]
    looking = look_into(sqlite_url_of(file))
    assert looking is not None
    assert looking.url == f"sqlite:///{file}"
    looking.close()


def test_a_folder_whose_name_is_no_utf8_holds_a_database(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    file = Path(os.fsdecode(folder)) / "study.db"
    opened = open_database(sqlite_url_of(file))
    opened.run(lambda session: session.add(study_row()))
    opened.close()
    assert [one.name for one in file.parent.iterdir()] == ["study.db"]


def test_a_database_that_is_removed_or_replaced_is_noticed(sqlite: Database, tmp_path: Path) -> None:
    assert sqlite.file is not None
    moved = sqlite.file.rename(tmp_path / "away.db")
    with pytest.raises(StorageError, match=r"was removed while the study ran; nothing more is written"):
        sqlite.run(lambda session: session.add(study_row()))
    sqlite.file.touch()
    with pytest.raises(StorageError, match=r"was replaced by another while the study ran"):
        sqlite.run(lambda session: session.add(study_row()))
    moved.replace(sqlite.file)
    sqlite.run(lambda session: session.add(study_row()))


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_regular_file_is_no_database(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "study.db"
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("nowhere.db")
    refused = refusal(f"sqlite:///{file}")
    assert refused.startswith(f"database {file} is ")


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me:S3cr3tPw@host/x",
        "postgresql+psycopg://me:S3cr3tPw@host:port/x",
        "postgresql+psycopg://127.0.0.1:1/x?user=me&password=S3cr3tPw",
        "postgresql+nosuch://me:S3cr3tPw@127.0.0.1:1/x",
        "sqlite://me:S3cr3tPw@host/x.db",
    ],
)
def test_no_refusal_has_a_password(url: str) -> None:
    refused = refusal(url)
    assert len(refused.splitlines()) == 1
    assert "S3cr3tPw" not in refused
