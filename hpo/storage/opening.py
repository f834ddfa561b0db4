"""What opening a database has in common, whatever it is opened for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from hpo.config.database_url import EXAMPLES, parsed_url, shown_database
from hpo.errors import StorageError, StoreUnavailableError
from hpo.file_faults import described
from hpo.secrets import secrets_of, without_secrets
from hpo.storage.engine import (
    SQLITE_BUSY_SECONDS,
    SQLITE_LOOK_SECONDS,
    driver_advice,
    engine_options,
    is_away,
    opening_advice,
)
from hpo.storage.inspection import has_our_tables
from hpo.storage.migration import check_format
from hpo.storage.patience import first_line
from hpo.storage.sqlite_file import looking_url


@contextmanager
def opening(url: str) -> Iterator[URL]:
    """Turn errors of the block into one line without secrets."""
    shown, secrets = shown_database(url), secrets_of(url)
    try:
        parsed = parsed_url(url)
        parsed.get_dialect()
    except (ValueError, ArgumentError, NoSuchModuleError) as error:
        raise StorageError(
            f"database URL {shown!r} is not one of SQLAlchemy's ({without_secrets(first_line(error), secrets)}); "
            f"for example {EXAMPLES}"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield parsed
    except ImportError as error:
        raise StorageError(f"database {shown}: its driver is not installed; {driver_advice(parsed)}") from error
    except OSError as error:
        raise StorageError(f"database {shown} cannot be opened: {described(error)}") from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError, ValueError, TypeError) as error:
        kind = StoreUnavailableError if is_away(error) else StorageError
        text = f"database {shown} cannot be opened: {without_secrets(first_line(error), secrets)}"
        raise kind(text + opening_advice(parsed, error)) from error


def holds_studies(url: str, file: Path | None) -> bool:
    """Whether the database holds studies of ours.

    Raises:
        StorageError: if the database is another program's, or has another format.
    """
    parsed = parsed_url(url)
    options = connect_options(parsed, SQLITE_LOOK_SECONDS)
    engine = create_engine(parsed if file is None else looking_url(file), **options)
    try:
        has_studies = has_our_tables(engine, shown_database(url))
        if has_studies:
            check_format(engine, shown_database(url))
        return has_studies
    finally:
        engine.dispose()


def connect_options(parsed: URL, busy_seconds: float = SQLITE_BUSY_SECONDS) -> dict[str, Any]:
    """Arguments of SQLAlchemy's ``create_engine`` for a URL."""
    return engine_options(parsed.get_dialect().name, parsed.get_dialect().driver, busy_seconds)


def spelt(url: str) -> str:
    """The URL as Optuna needs it, with braces doubled, because it expands single ones."""
    return parsed_url(url).render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
