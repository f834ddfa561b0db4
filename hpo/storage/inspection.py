"""Inspection of a database's tables before anything is written into it."""

from __future__ import annotations

from optuna.storages._rdb.models import BaseModel
from sqlalchemy import Engine, inspect
from sqlalchemy.engine.reflection import Inspector

from hpo.errors import StorageError
from hpo.storage.tables import Table

_STUDY_TABLES = frozenset({"hpo_study", "hpo_stage", "hpo_design_point", "studies", "trials"})
"""Without which there is no study, of whatever format."""


def has_our_tables(engine: Engine, shown: str) -> bool:
    """Whether a database already holds studies of ours.

    Raises:
        StorageError: if its tables are another program's: an SQLite file that has any of them, or a database in which
            they have the names of ours or of Optuna's.
    """
    inspector = inspect(engine)
    names = set(inspector.get_table_names())
    ours = {*Table.metadata.tables, *BaseModel.metadata.tables}
    strange = sorted(name for name in names & ours if not _has_keys(inspector, name))
    if engine.dialect.name == "sqlite" and not names & ours:
        strange += sorted(names)
    if strange:
        raise StorageError(
            f"database {shown} is another program's: its {_tables(strange)} not of hpo or Optuna; nothing was written "
            "to it; name a database of the study's own"
        )
    return _STUDY_TABLES.issubset(names)


def _has_keys(inspector: Inspector, name: str) -> bool:
    metadata = Table.metadata if name in Table.metadata.tables else BaseModel.metadata
    expected = {column.name for column in metadata.tables[name].primary_key.columns}
    return expected <= {column["name"] for column in inspector.get_columns(name)}


def _tables(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"table {shown} is" if len(names) == 1 else f"tables {shown} are"
