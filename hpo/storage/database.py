"""One SQL database for everything: Optuna's storage and our tables on the same engine."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Concatenate, ParamSpec, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hpo.config.database_url import parsed_url, shown_database, sqlite_file
from hpo.errors import StorageError, StoreUnavailableError
from hpo.secrets import secrets_of, without_secrets
from hpo.storage.engine import (
    SQLITE_LOOK_SECONDS,
    create_tables,
    is_away,
    look_only,
    open_any_format,
    reading,
    sqlite_advice,
)
from hpo.storage.inspection import has_our_tables
from hpo.storage.migration import upgrade_tables
from hpo.storage.opening import connect_options, holds_studies, opening, spelt
from hpo.storage.patience import first_line, patiently
from hpo.storage.sqlite_file import Identity, check_file, identity, looking_url, may_be_written, readable_copy
from hpo.storage.tables import now

PATIENCE_SECONDS = 900.0
"""How long a worker waits for a database that is away: a restart, a failover, a network that comes back."""

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True)
class Database:
    """The study database.

    Args:
        url: SQLAlchemy URL, secrets hidden.
        engine: shared by Optuna's storage and our tables.
        storage: what Optuna's studies are loaded from; it remembers finished trials.
        patience_seconds: how long `patiently` waits.
        hurry: once set, it does not wait: somebody wants the process to end.
        secrets: of the URL, which no message may have.
        file: of an SQLite database that is worked on.
        identity: of that file when it was opened.
        copies: where a copy of it is read, because it cannot be read where it is.
    """

    url: str
    engine: Engine
    storage: optuna.storages.BaseStorage
    patience_seconds: float = PATIENCE_SECONDS
    hurry: Event = field(default_factory=Event, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    file: Path | None = None
    identity: Identity | None = None
    copies: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session whose block is one transaction: committed at its end, rolled back on an exception.

        On SQLite the transaction takes the write lock at its beginning (``BEGIN IMMEDIATE``), so that what it
        reads stays true until it writes.

        Raises:
            StoreUnavailableError: if the database is away; whether a commit arrived is not known then.
            StorageError: if it cannot do that: its file has been removed or replaced, is damaged, or read-only.
        """
        with self._transaction(self.engine) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session whose block is one transaction that only reads: all that it sees is of one moment.

        On SQLite it takes no lock, so that no writer waits for it.

        Raises:
            StoreUnavailableError, StorageError: as `transaction`.
        """
        with self._transaction(reading(self.engine)) as session:
            yield session

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Session]:
        self.check_present()
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            self.check_present()
            if is_away(error):
                raise StoreUnavailableError(f"database {self.url} is away: {self._says(error)}") from error
            if advice := sqlite_advice(error):
                raise StorageError(f"database {self.url}: {self._says(error)}{advice}") from error
            raise
        except json.JSONDecodeError as error:  # of a column that SQLAlchemy decodes
            raise StorageError(f"database {self.url}: a row is damaged ({error}); restore a copy of it") from error

    def check_present(self) -> None:
        """Check that the database is still the one that was opened.

        Raises:
            StorageError: if its file was removed, or another took its place: what is written now would be lost.
        """
        if self.file is None or identity(self.file) == self.identity:
            return
        what = "replaced by another" if self.file.exists() else "removed"
        raise StorageError(
            f"database {self.url} was {what} while the study ran; nothing more is written, report and checkpoints stay "
            "as they are: put the file back, then run the same command again"
        )

    def _says(self, error: BaseException) -> str:
        return without_secrets(first_line(error), self.secrets)

    def patiently(self, work: Callable[[], Result]) -> Result:
        """Repeat work on the database while it is unreachable.

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
                f"{self._says(error)}; start the same command again once it is back: every finished epoch is kept"
            ) from error

    def run(
        self,
        work: Callable[Concatenate[Session, Arguments], Result],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """One transaction, started again while the database is away; see `patiently`.

        Args:
            work: called with a session and what follows here; safe to repeat.
            *arguments: its others.
            **options: likewise.
        """

        def once() -> Result:
            with self.transaction() as session:
                return work(session, *arguments, **options)

        return self.patiently(once)

    def now(self) -> float:
        """The database's clock, seconds since 1970-01-01 UTC."""
        return self.run(now)

    def close(self) -> None:
        """Close every connection."""
        self.storage.remove_session()
        self.engine.dispose()
        if self.copies is not None:
            self.copies.cleanup()


def open_database(url: str) -> Database:
    """Connect, and create Optuna's tables and ours where they are missing.

    Args:
        url: any SQLAlchemy URL that Optuna takes; a SQLite file's folder is created.

    Raises:
        StorageError: if the URL is malformed, its driver is missing, its tables are another program's or those of
            another version, or its file is none of SQLite's.
        StoreUnavailableError: if the database cannot be reached.
    """
    with opening(url) as parsed:
        file = sqlite_file(url)
        if file is not None and not check_file(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        else:
            holds_studies(url, file)
        shown = shown_database(url)
        storage = create_tables(spelt(url), connect_options(parsed))
        return Database(
            url=shown,
            engine=storage.engine,
            storage=optuna.storages.get_storage(storage),
            secrets=secrets_of(url),
            file=file,
            identity=None if file is None else identity(file),
        )


def look_into(url: str) -> Database | None:
    """Connect to a study database without making or changing anything; None if it holds no study of ours.

    A read-only database can be opened too. On SQLite it waits for no writer.

    Raises:
        StorageError, StoreUnavailableError: as `open_database`.
    """
    with opening(url) as parsed:
        file = sqlite_file(url)
        if file is not None and not check_file(file):
            return None
        copies = None if file is None else readable_copy(file)
        if file is not None and copies is not None:
            file = Path(copies.name) / file.name
        if not holds_studies(url, file):
            return None
        shown, looking = shown_database(url), url if file is None else looking_url(file)
        storage = look_only(spelt(looking), connect_options(parsed, SQLITE_LOOK_SECONDS))
        opened = optuna.storages.get_storage(storage)
        return Database(shown, storage.engine, opened, secrets=secrets_of(url), copies=copies)


def upgrade_database(url: str) -> tuple[str | None, str]:
    """Bring the tables of a database, Optuna's and ours, to the format that this version reads.

    Returns:
        The names of our format before and after; None is one that has no name yet.

    Raises:
        StorageError: if there is no database of ours, or it is of a later version.
        StoreUnavailableError: if it cannot be reached.
    """
    with opening(url) as parsed:
        file, shown = sqlite_file(url), shown_database(url)
        if file is not None and not check_file(file):
            raise StorageError(f"there is no database {file}; correct --database, HPO_DATABASE or the study file")
        storage = open_any_format(spelt(url), connect_options(parsed))
        try:
            if not has_our_tables(storage.engine, shown):
                raise StorageError(f"database {shown} holds no study; there is nothing to upgrade")
            found = upgrade_tables(storage.engine, shown)
            storage.upgrade()
            return found
        finally:
            storage.remove_session()
            storage.engine.dispose()


@contextmanager
def open_reader(url: str) -> Iterator[optuna.storages.BaseStorage]:
    """Optuna's storage for a reader, on a database that is already open.

    On SQLite its transactions do not take the write lock at their beginning: it keeps no worker waiting. What must not
    collide with others' changes is not to be written through it. A database that may only be read is read.
    """
    file = sqlite_file(url)
    if file is not None and not may_be_written(file):
        url = looking_url(file)
    storage = optuna.storages.RDBStorage(
        spelt(url), engine_kwargs=connect_options(parsed_url(url)), skip_table_creation=True
    )
    try:
        yield optuna.storages.get_storage(storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()
