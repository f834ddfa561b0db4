"""One SQL database for everything: Optuna's storage and our tables on the same engine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy import URL, Connection, Engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from hpo.errors import StorageError, StoreUnavailableError
from hpo.storage.patience import first_line, patiently
from hpo.storage.tables import Table, database_now

SQLITE_BUSY_SECONDS = 60.0
"""How long a SQLite writer waits for another before it gives up."""

PATIENCE_SECONDS = 900.0
"""How long a worker waits for a database that is away: a restart, a failover, a network that comes back."""

CONNECT_SECONDS = 10
"""After which a connection that nobody answers is given up, and tried again."""

IDLE_TRANSACTION_SECONDS = 60.0
"""After which PostgreSQL ends a transaction in which nothing happens."""

_SQLITE_LASTING = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What of SQLite's operational errors no waiting mends: wrong SQL, a file that may not be written or opened."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Database:
    """The study database.

    Args:
        url: SQLAlchemy URL, password hidden.
        engine: shared by Optuna's storage and our tables.
        storage: what Optuna's studies are loaded from; it remembers finished trials.
        patience_seconds: how long `patiently` waits.
    """

    url: str
    engine: Engine
    storage: optuna.storages.BaseStorage
    patience_seconds: float = PATIENCE_SECONDS
    _away_at: list[float] = field(default_factory=list, repr=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose block is one transaction: committed at its end, rolled back on an exception.

        On SQLite the transaction takes the write lock at its beginning (``BEGIN IMMEDIATE``), so that what it
        reads stays true until it writes.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def patiently(self, work: Callable[[], Result]) -> Result:
        """Do something with the database, again and again while it is away.

        Args:
            work: safe to repeat, also where its commit arrived but the answer did not.

        Raises:
            StoreUnavailableError: if the database stays away for ``patience_seconds``.
        """
        failures: list[BaseException] = []

        def is_passing(error: BaseException) -> bool:
            if not _is_away(error):
                return False
            failures.append(error)
            self.note_away()
            return True

        try:
            result = patiently(is_passing, self.patience_seconds, f"database {self.url}")(work)
        except (SQLAlchemyError, StorageInternalError) as error:
            if not _is_away(error):
                raise
            raise StoreUnavailableError(
                f"database {self.url} was away for {self.patience_seconds:.0f} s: {first_line(error)}; "
                "start the worker again once it is back: every finished epoch is kept"
            ) from error
        if failures:
            self.note_away()  # until now, for all that is known
        return result

    def run(self, work: Callable[[Session], Result]) -> Result:
        """One transaction, begun again while the database is away; see `patiently`."""

        def once() -> Result:
            with self.transaction() as session:
                return work(session)

        return self.patiently(once)

    def note_away(self) -> None:
        """Note that the database was found away."""
        self._away_at[:] = [time.monotonic()]

    def seconds_since_away(self) -> float:
        """Since the database was last found away; infinite if it never was."""
        return time.monotonic() - self._away_at[0] if self._away_at else float("inf")

    def now(self) -> float:
        """The database's clock, seconds since 1970-01-01 UTC."""
        with self.transaction() as session:
            return float(session.scalar(select(database_now())) or 0.0)

    def close(self) -> None:
        """Give back every connection."""
        self.storage.remove_session()
        self.engine.dispose()


def _is_away(error: BaseException) -> bool:
    """Whether the database cannot answer at the moment, through no fault of what it was asked."""
    if isinstance(error, StorageInternalError):  # Optuna's name for what SQLAlchemy raised
        return error.__cause__ is None or _is_away(error.__cause__)
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)  # of an extended code the last byte is the kind
    return error.connection_invalidated or (
        isinstance(error, OperationalError) and (code is None or code & 0xFF not in _SQLITE_LASTING)
    )


def open_database(url: str) -> Database:
    """Connect, and create Optuna's tables and ours where they are missing.

    Args:
        url: any SQLAlchemy URL that Optuna takes; a SQLite file's folder is created.

    Raises:
        StorageError: if the URL is malformed, its driver is missing, or its tables are those of another version.
        StoreUnavailableError: if the database cannot be reached.
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
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if dialect.name == "sqlite" and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        storage = _create_tables(url, _engine_options(dialect.name))
        _check_columns(storage.engine, shown)
    except ImportError as error:
        raise StorageError(f"database {shown}: its driver is not installed; {_advice(parsed)}") from error
    except (SQLAlchemyError, StorageInternalError, OSError, RuntimeError) as error:
        kind = StoreUnavailableError if _is_away(error) else StorageError
        raise kind(f"database {shown} cannot be opened: {first_line(error)}") from error
    return Database(url=shown, engine=storage.engine, storage=optuna.storages.get_storage(storage))


def _engine_options(dialect: str) -> dict[str, Any]:
    if dialect == "sqlite":
        return {"connect_args": {"timeout": SQLITE_BUSY_SECONDS}}
    return {"pool_pre_ping": True, "connect_args": {"connect_timeout": CONNECT_SECONDS}}


def _advice(url: URL) -> str:
    known = {"postgresql": ("postgres", "postgresql+psycopg://"), "mysql": ("mysql", "mysql+pymysql://")}
    if url.get_backend_name() in known:
        extra, prefix = known[url.get_backend_name()]
        return f"pip install 'hpo[{extra}]', and begin the URL with {prefix}"
    return f"install the Python package that SQLAlchemy uses for {url.drivername}"


# Several processes may create the tables of a new database at once: each finds them missing, and all but one fail.
# Looking again then finds them there.
@retry(
    retry=retry_if_exception_type((SQLAlchemyError, StorageInternalError)),
    stop=stop_after_attempt(4),
    wait=wait_random_exponential(multiplier=0.05, max=1.0),
    reraise=True,
)
def _create_tables(url: str, engine_options: dict[str, Any]) -> optuna.storages.RDBStorage:
    storage = optuna.storages.RDBStorage(url, engine_kwargs=engine_options)
    storage.remove_session()
    storage.engine.dispose()  # what has been connected knows nothing of the following yet
    if storage.engine.dialect.name == "sqlite":
        _serialize_sqlite_writers(storage.engine)
    if storage.engine.dialect.name == "postgresql":
        _end_idle_transactions(storage.engine)
    Table.metadata.create_all(storage.engine)
    return storage


def _check_columns(engine: Engine, shown: str) -> None:
    """Refuse tables that an earlier version made: a missing column would be an error in the middle of the work."""
    columns = inspect(engine).get_multi_columns(filter_names=list(Table.metadata.tables))
    there = {name: {column["name"] for column in found} for (_, name), found in columns.items()}
    for name, table in Table.metadata.tables.items():
        missing = {column.name for column in table.columns} - there.get(name, set())
        if missing:
            raise StorageError(
                f"database {shown} was made by another version of hpo: its table {name} has no "
                f"{', '.join(sorted(missing))}; go on with that version, or use a new database"
            )


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


def _end_idle_transactions(engine: Engine) -> None:
    """Let PostgreSQL end a transaction whose process was frozen in its middle, or whose machine is gone.

    Its locks would keep all others from claiming, and nobody could have what it holds.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_TRANSACTION_SECONDS * 1000:.0f}")
        cursor.close()
        connection.commit()
