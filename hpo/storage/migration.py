"""The format of a database's tables: which one it has, whether this version reads it, and how it is brought up to date.

A format is a revision of Alembic's, named ``NUMBER_hpo_VERSION`` after the first version of hpo that reads it. Its
steps are the modules of `hpo.storage.formats`; the database keeps the name in a table of its own.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from hpo.errors import StorageError
from hpo.storage.tables import Table

FORMAT = "1_hpo_0.1.0"
"""Of the tables in `hpo.storage.tables`."""

FORMAT_TABLE = "hpo_format"
"""Where the database keeps its format's name."""


def recorded_format(connection: Connection) -> str | None:
    """The name of the database's format; None where it has tables of ours without a number, or none."""
    if not inspect(connection).has_table(FORMAT_TABLE):
        return None
    found = connection.scalar(text(f"SELECT version_num FROM {FORMAT_TABLE}"))  # noqa: S608 - our own name
    return None if found is None else str(found)


def check_format(engine: Engine, shown: str) -> None:
    """Refuse tables of another format: a missing column would be an error in the middle of the work.

    Raises:
        StorageError: saying which version reads them.
    """
    with engine.connect() as connection:
        found = recorded_format(connection)
        missing = _missing_columns(connection)
        connection.rollback()
    if found == FORMAT and not missing:
        return
    if found is not None and _number(found) > _number(FORMAT):
        raise StorageError(_later(shown, found))
    if found == FORMAT:
        raise StorageError(f"database {shown} is damaged: {missing}; restore a backup of it")
    if found is not None or missing:
        why = f" ({missing})" if missing else ""
        raise StorageError(
            f"database {shown} was made by an earlier version of hpo{why}; run: hpo upgrade STUDY, with its file, "
            "which keeps every study (make a backup of it first)"
        )


def note_format(engine: Engine) -> None:
    """Note the format of tables that are up to date; safe to repeat, and by several processes at once."""
    with engine.begin() as connection:
        if recorded_format(connection) is None and not _missing_columns(connection):
            _migration(connection).stamp(_scripts(), "head")


def upgrade_tables(engine: Engine, shown: str) -> tuple[str | None, str]:
    """Bring the tables to this version's format, all steps in one transaction where the database can do that.

    Returns:
        The names of the formats before and after; None is an unnumbered one.

    Raises:
        StorageError: if they are of a later format.
    """
    with engine.begin() as connection:
        before = recorded_format(connection)
        if before is not None and _number(before) > _number(FORMAT):
            raise StorageError(_later(shown, before))
        scripts = _scripts()

        def steps(revision: Any, _context: Any) -> Any:
            return scripts._upgrade_revs("head", revision)

        from alembic.operations import Operations

        migration = _migration(connection, steps)
        with Operations.context(migration):
            migration.run_migrations()
        return before, FORMAT


def _later(shown: str, found: str) -> str:
    return (
        f"database {shown} has format {found}; this is hpo {version('hpo')}, which reads up to {FORMAT}: "
        f"use hpo {found.rpartition('_')[2]} or later"
    )


def _number(name: str) -> int:
    head = name.partition("_")[0]
    return int(head) if head.isdigit() else 0


def _missing_columns(connection: Connection) -> str:
    """Which columns a table of ours lacks, in words; empty if none."""
    columns = inspect(connection).get_multi_columns(filter_names=list(Table.metadata.tables))
    there = {name: {column["name"] for column in found} for (_, name), found in columns.items()}
    for name, table in Table.metadata.tables.items():
        missing = {column.name for column in table.columns} - there.get(name, set())
        if missing:
            return f"its table {name} has no {', '.join(sorted(missing))}"
    return ""


def _migration(connection: Connection, steps: Any = None) -> Any:
    from alembic.runtime.migration import MigrationContext  # Alembic takes its time to be imported

    options = {"version_table": FORMAT_TABLE, "fn": steps, "render_as_batch": True}
    return MigrationContext.configure(connection, opts=options)


def _scripts() -> Any:
    from alembic.script import ScriptDirectory

    formats = Path(__file__).parent / "formats"
    return ScriptDirectory(str(formats), version_locations=[str(formats)])
