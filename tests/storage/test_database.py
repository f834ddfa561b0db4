"""One database on one engine: safe on SQLite, and clear about what it cannot open."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from hpo.errors import StorageError
from hpo.storage.database import Database, open_database


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
    assert refusal(f"sqlite:///{tmp_path / 'study.db'}").endswith("file is not a database")


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = refusal(f"sqlite:///{tmp_path / 'file' / 'study.db'}")
    assert "cannot be opened" in refused
    assert len(refused.splitlines()) == 1


def test_the_folder_of_an_sqlite_file_is_made_and_its_content_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'er' / 'study.db'}"
    first = open_database(url)
    with first.transaction() as session:
        session.execute(text("INSERT INTO hpo_study VALUES ('study', '{}', 0)"))
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
    assert sqlite.storage.engine is sqlite.engine
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
        session.execute(text("INSERT INTO hpo_study VALUES ('study', '{}', 0)"))
        raise ZeroDivisionError


def test_the_databases_clock_tells_seconds_since_1970(database: Database) -> None:
    first = database.now()
    assert abs(first - time.time()) < 60
    time.sleep(0.05)
    assert 0.04 < database.now() - first < 30
