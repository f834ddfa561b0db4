"""One SQL database for everything: Optuna's storage and our tables on the same engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from hpo.errors import StorageError, StoreUnavailableError
from hpo.storage.engine import check_columns, create_tables, driver_advice, engine_options, is_away
from hpo.storage.patience import first_line, patiently
from hpo.storage.tables import now

PATIENCE_SECONDS = 900.0
"""How long a worker waits for a database that is away: a restart, a failover, a network that comes back."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Database:
    """The study database.

    Args:
        url: SQLAlchemy URL, password hidden.
        engine: shared by Optuna's storage and our tables.
        storage: what Optuna's studies are loaded from; it remembers finished trials.
        patience_seconds: how long `patiently` waits.
        hurry: once set, it does not wait: somebody wants the process to end.
    """

    url: str
    engine: Engine
    storage: optuna.storages.BaseStorage
    patience_seconds: float = PATIENCE_SECONDS
    hurry: Event = field(default_factory=Event, repr=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose block is one transaction: committed at its end, rolled back on an exception.

        On SQLite the transaction takes the write lock at its beginning (``BEGIN IMMEDIATE``), so that what it
        reads stays true until it writes.

        Raises:
            StoreUnavailableError: if the database is away; whether a commit arrived is not known then.
        """
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            if not is_away(error):
                raise
            raise StoreUnavailableError(f"database {self.url} is away: {first_line(error)}") from error

    def patiently(self, work: Callable[[], Result]) -> Result:
        """Do something with the database, again and again while it is away.

        Args:
            work: safe to repeat, also where its commit arrived but the answer did not.

        Raises:
            StoreUnavailableError: if the database stays away for ``patience_seconds``.
        """

        def is_passing(error: BaseException) -> bool:
            return isinstance(error, StoreUnavailableError) or is_away(error)

        try:
            return patiently(is_passing, self.patience_seconds, f"database {self.url}", self.hurry)(work)
        except (StoreUnavailableError, SQLAlchemyError, StorageInternalError) as error:
            if not is_passing(error):
                raise
            raise StoreUnavailableError(
                f"{first_line(error)}; start the same command again once it is back: every finished epoch is kept"
            ) from error

    def run(self, work: Callable[[Session], Result]) -> Result:
        """One transaction, begun again while the database is away; see `patiently`."""

        def once() -> Result:
            with self.transaction() as session:
                return work(session)

        return self.patiently(once)

    def now(self) -> float:
        """The database's clock, seconds since 1970-01-01 UTC."""
        with self.transaction() as session:
            return now(session)

    def close(self) -> None:
        """Give back every connection."""
        self.storage.remove_session()
        self.engine.dispose()


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
        storage = create_tables(url, engine_options(dialect.name, dialect.driver))
        check_columns(storage.engine, shown)
    except ImportError as error:
        raise StorageError(f"database {shown}: its driver is not installed; {driver_advice(parsed)}") from error
    except (SQLAlchemyError, StorageInternalError, OSError, RuntimeError) as error:
        kind = StoreUnavailableError if is_away(error) else StorageError
        advice = "; is its server up, and the URL right (--database, HPO_DATABASE, or the study file)?"
        text = f"database {shown} cannot be opened: {first_line(error)}"
        raise kind(text + (advice if is_away(error) else "")) from error
    return Database(url=shown, engine=storage.engine, storage=optuna.storages.get_storage(storage))


@contextmanager
def open_reader(url: str) -> Iterator[optuna.storages.BaseStorage]:
    """Optuna's storage for somebody who reads much, on a database that is open already.

    On SQLite its transactions do not take the write lock at their beginning: it keeps no worker waiting. What must not
    collide with others' changes is not to be written through it.
    """
    parsed = make_url(url)
    options = engine_options(parsed.get_dialect().name, parsed.get_dialect().driver)
    storage = optuna.storages.RDBStorage(url, engine_kwargs=options, skip_table_creation=True)
    try:
        yield optuna.storages.get_storage(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()
