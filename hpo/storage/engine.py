"""Connections to the databases that Optuna supports, and the particulars of each."""

from __future__ import annotations

import sqlite3
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import (
    Retrying,
    retry,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random,
    wait_random_exponential,
)

from hpo.storage.migration import note_format
from hpo.storage.tables import Table

SQLITE_BUSY_SECONDS = 60.0
"""Seconds that an SQLite writer waits for other writers."""

SQLITE_LOOK_SECONDS = 10.0
"""How long somebody who only looks waits for a program that keeps the whole file to itself."""

CONNECT_SECONDS = 10
"""After which a connection that nobody answers is given up, and tried again."""

IDLE_TRANSACTION_SECONDS = 60.0
"""After which a server ends a transaction in which nothing happens.

Its process was frozen in its middle, or its machine is gone. Its locks would keep all others from claiming, and nobody
could have what it holds.
"""

_LIBPQ = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_MYSQL = {"connect_timeout": CONNECT_SECONDS, "read_timeout": 60, "write_timeout": 60}
_CONNECT = {"psycopg": _LIBPQ, "psycopg2": _LIBPQ, "pymysql": _MYSQL, "mysqldb": _MYSQL}
"""By driver: a server that is gone without a word is noticed in seconds, not after the hours that TCP would wait."""

_SQLITE_LASTING = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What of SQLite's operational errors no waiting mends: wrong SQL, a file that may not be written or opened."""

_LASTING_WORDS = ("authentication failed", "does not exist", "Access denied", "Unknown database")
"""Of servers that are there, but refuse; their drivers tell it in words only."""


_READING = "hpo_reading"
"""Execution option of an engine whose transactions only read."""

_READ_ONLY = "25006"
"""PostgreSQL's code of a server that only reads: for the moment another one is in charge."""

_NO_RIGHT = "42501"
"""PostgreSQL's code of a role without the right to do this."""

_MYSQL_READ_ONLY = (1142, 1290, 1792)
"""MySQL's codes of a command that is denied to a user, of a server that only reads, and of such a transaction."""


def is_away(error: BaseException) -> bool:
    """Whether the database is unreachable or overloaded, as opposed to a faulty request."""
    if isinstance(error, StorageInternalError):  # Optuna's name for what SQLAlchemy raised
        return error.__cause__ is None or is_away(error.__cause__)
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) == _READ_ONLY:
        return True
    if not isinstance(error, OperationalError) or any(word in str(error.orig) for word in _LASTING_WORDS):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is None or _sqlite_kind(code) not in _SQLITE_LASTING


def is_read_only(error: BaseException) -> bool:
    """Whether a database refused a change because who asked may only read."""
    while (cause := error.__cause__) is not None and not isinstance(error, DBAPIError):
        error = cause
    original = _original(error)
    if getattr(original, "sqlstate", None) in (_READ_ONLY, _NO_RIGHT):
        return True
    if _sqlite_kind(getattr(original, "sqlite_errorcode", 0) or 0) == sqlite3.SQLITE_READONLY:
        return True
    return bool(original.args) and original.args[0] in _MYSQL_READ_ONLY


def engine_options(dialect: str, driver: str, busy_seconds: float = SQLITE_BUSY_SECONDS) -> dict[str, Any]:
    """Arguments of SQLAlchemy's ``create_engine`` for a kind of database."""
    if dialect == "sqlite":
        return {"connect_args": {"timeout": busy_seconds}}
    return {"pool_pre_ping": True, "connect_args": _CONNECT.get(driver, {})}


def driver_advice(url: URL) -> str:
    """Advice for a missing database driver."""
    known = {
        "postgresql": ("'psycopg[binary]'", "postgresql+psycopg://"),
        "mysql": ("pymysql", "mysql+pymysql://"),
    }
    if url.get_backend_name() in known:
        package, prefix = known[url.get_backend_name()]
        return f"pip install {package}, and begin the URL with {prefix}"
    return f"install the Python package that SQLAlchemy uses for {url.drivername}"


def opening_advice(url: URL, error: BaseException) -> str:
    """Advice for a database that cannot be opened, with its punctuation."""
    if url.get_backend_name() != "sqlite":
        return "; is its server up, and the URL right (--database, HPO_DATABASE, or the study file)?" * is_away(error)
    return sqlite_advice(error)


def sqlite_advice(error: BaseException) -> str:
    """Advice for a file that SQLite cannot use; empty for any other error."""
    code = _sqlite_kind(getattr(_original(error), "sqlite_errorcode", 0) or 0)
    return {
        sqlite3.SQLITE_BUSY: "; another program keeps it locked: end that, then run the same command again",
        sqlite3.SQLITE_LOCKED: "; another program keeps it locked: end that, then run the same command again",
        sqlite3.SQLITE_READONLY: "; get the right to write the file and its folder, or name another database",
        sqlite3.SQLITE_CANTOPEN: "; get the right to read and write the file and its folder, or name another database",
        sqlite3.SQLITE_FULL: "; free some space on the disk, then run the same command again",
        sqlite3.SQLITE_NOTADB: "; it is damaged or no SQLite database: put back a copy, or name another",
        sqlite3.SQLITE_CORRUPT: "; it is damaged: put back a copy, or name another; checkpoints stay as they are",
    }.get(code, "")


def _original(error: BaseException) -> BaseException:
    """The driver's own error."""
    if isinstance(error, StorageInternalError) and error.__cause__ is not None:
        return _original(error.__cause__)
    found = getattr(error, "orig", None)
    return found if isinstance(found, BaseException) else error


# Several processes may create the tables of a new database at once: each finds them missing, and all but one fail.
# Looking again then finds them there.
@retry(
    retry=retry_if_exception_type((SQLAlchemyError, StorageInternalError)),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.05, max=1.0),
    reraise=True,
)
def create_tables(url: str, options: dict[str, Any]) -> optuna.storages.RDBStorage:
    """Connect, and create Optuna's tables and ours where they are missing.

    Raises:
        SQLAlchemyError, StorageInternalError: if that cannot be.
    """
    storage = optuna.storages.RDBStorage(url, engine_kwargs=options)
    _for_writers(storage)
    Table.metadata.create_all(storage.engine)
    note_format(storage.engine)
    return storage


def open_any_format(url: str, options: dict[str, Any]) -> optuna.storages.RDBStorage:
    """Connect to tables of whatever format, to bring them up to date.

    Raises:
        SQLAlchemyError, StorageInternalError: if that cannot be.
    """
    storage = optuna.storages.RDBStorage(
        url, engine_kwargs=options, skip_compatibility_check=True, skip_table_creation=True
    )
    _for_writers(storage)
    return storage


def _for_writers(storage: optuna.storages.RDBStorage) -> None:
    storage.remove_session()
    storage.engine.dispose()  # what has been connected knows nothing of the following yet
    if storage.engine.dialect.name == "sqlite":
        _serialize_sqlite_writers(storage.engine)
    else:
        _say_on_connect(storage.engine, _settings(storage.engine.dialect.name))


def look_only(url: str, options: dict[str, Any]) -> optuna.storages.RDBStorage:
    """Connect to tables that are there; on SQLite nothing can be written, and no writer is waited for.

    Raises:
        SQLAlchemyError, StorageInternalError: if that cannot be.
    """
    storage = optuna.storages.RDBStorage(url, engine_kwargs=options, skip_table_creation=True)
    storage.remove_session()
    storage.engine.dispose()
    if storage.engine.dialect.name == "sqlite":

        @event.listens_for(storage.engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None
            connection.execute("PRAGMA query_only=ON")

        @event.listens_for(storage.engine, "begin")
        def _on_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")  # all that a transaction reads is of one moment

    else:
        _say_on_connect(storage.engine, _settings(storage.engine.dialect.name))
    return storage


def reading(engine: Engine) -> Engine:
    """The engine for transactions that only read, each of them of one moment; connections are shared."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READING: True})
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _serialize_sqlite_writers(engine: Engine) -> None:
    """Make every SQLite transaction take the write lock at its beginning, in write-ahead mode.

    Without it two workers pop the same trial: both read, then both write (measured: 57 of 60 trials).
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA busy_timeout=0")  # we wait ourselves, as follows
        cursor.close()

    # SQLite's own waiting sleeps for up to 100 ms at a time, while the lock is free again after a few.
    turn = Retrying(
        retry=retry_if_exception(
            lambda error: _sqlite_kind(getattr(error, "sqlite_errorcode", 0)) == sqlite3.SQLITE_BUSY
        ),
        wait=wait_random(0.0005, 0.004),
        stop=stop_after_delay(SQLITE_BUSY_SECONDS),
        reraise=True,
    )

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_READING):
            connection.exec_driver_sql("BEGIN")
            return
        raw: Any = connection.connection.driver_connection
        try:
            turn(raw.execute, "BEGIN IMMEDIATE")
        except sqlite3.Error:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # it fails again, and SQLAlchemy says it in its own way


def _sqlite_kind(code: int) -> int:
    """The primary code of an SQLite error: the last byte of the extended one."""
    return code & 0xFF


def _settings(dialect: str) -> tuple[str, ...]:
    """Settings of every new connection to a server."""
    if dialect == "postgresql":
        return (f"SET idle_in_transaction_session_timeout = {IDLE_TRANSACTION_SECONDS * 1000:.0f}",)
    if dialect in ("mysql", "mariadb"):
        return (f"SET SESSION wait_timeout = {IDLE_TRANSACTION_SECONDS:.0f}", "SET SESSION time_zone = '+00:00'")
    return ()


def _say_on_connect(engine: Engine, statements: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
