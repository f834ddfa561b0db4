"""One SQL database for everything: Optuna's storage and our tables on the same engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import URL, Connection, Engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from hpo.errors import StorageError
from hpo.storage.tables import Table, database_now

SQLITE_BUSY_SECONDS = 60.0
"""How long a SQLite writer waits for another before it gives up."""


@dataclass(frozen=True)
class Database:
    """The study database.

    Args:
        url: SQLAlchemy URL, password hidden.
        engine: shared by Optuna's storage and our tables.
        storage: what Optuna's studies are loaded from.
    """

    url: str
    engine: Engine
    storage: optuna.storages.RDBStorage

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose block is one transaction: committed at its end, rolled back on an exception.

        On SQLite the transaction takes the write lock at its beginning (``BEGIN IMMEDIATE``), so that what it
        reads stays true until it writes.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def now(self) -> float:
        """The database's clock, seconds since 1970-01-01 UTC."""
        with self.transaction() as session:
            return float(session.scalar(select(database_now())) or 0.0)

    def close(self) -> None:
        """Give back every connection."""
        self.storage.remove_session()
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Connect, and create Optuna's tables and ours where they are missing.

    Args:
        url: any SQLAlchemy URL that Optuna takes; a SQLite file's folder is created.

    Raises:
        StorageError: if the URL is malformed, its driver is missing, or the database cannot be reached.
    """
    try:
        parsed = make_url(url)
        dialect = parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise StorageError(
            f"database URL {url!r} is not one of SQLAlchemy's ({error}); "
            "for example sqlite:///runs/study.db or postgresql+psycopg://user@host/name"
        ) from error
    shown = parsed.render_as_string(hide_password=True)
    engine_options: dict[str, Any] = {}
    if dialect.name == "sqlite":
        engine_options["connect_args"] = {"timeout": SQLITE_BUSY_SECONDS}
    else:
        engine_options["pool_pre_ping"] = True
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if dialect.name == "sqlite" and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        storage = _create_tables(url, engine_options)
    except ImportError as error:
        raise StorageError(f"database {shown}: its driver is not installed; {_advice(parsed)}") from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError, RuntimeError) as error:
        raise StorageError(f"database {shown} cannot be opened: {first_line(error)}") from error
    return Database(url=shown, engine=storage.engine, storage=storage)


def _advice(url: URL) -> str:
    if url.get_backend_name() == "postgresql":
        return "pip install 'psycopg[binary]', and begin the URL with postgresql+psycopg://"
    return f"install the Python package that SQLAlchemy uses for {url.drivername}"


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return str(error).partition("\n")[0] or type(error).__name__


# Several processes may create the tables of a new database at once: each finds them missing, and all but one fail.
# Looking again then finds them there.
@retry(
    retry=retry_if_exception_type((SQLAlchemyError, optuna.exceptions.StorageInternalError)),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.05, max=1.0),
    reraise=True,
)
def _create_tables(url: str, engine_options: dict[str, Any]) -> optuna.storages.RDBStorage:
    storage = optuna.storages.RDBStorage(url, engine_kwargs=engine_options)
    if storage.engine.dialect.name == "sqlite":
        storage.remove_session()
        storage.engine.dispose()
        _serialize_sqlite_writers(storage.engine)
    Table.metadata.create_all(storage.engine)
    return storage


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
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
