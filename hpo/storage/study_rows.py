"""All rows of one study, ours and Optuna's: read as JSON-ready values, entered into another database, or deleted.

Ids differ from database to database, so that they are drawn anew where rows are entered; names and keys stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.storages._rdb.models import BaseModel
from sqlalchemy import ColumnElement, DateTime, Enum, Select, delete, insert, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.orm import Session

from hpo.storage.optuna_trials import ARTIFACT_PREFIX
from hpo.storage.tables import Table

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by table, each a mapping from column to JSON-ready value."""

_OURS = Table.metadata.tables
_THEIRS = BaseModel.metadata.tables

_OF_STUDY = ("study_directions", "study_user_attributes", "study_system_attributes")
_OF_TRIAL = (
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
)


def read_rows(session: Session, study: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of a study by table, in an order in which they can be entered."""
    return {
        table.name: [_plain(table, dict(row)) for row in session.execute(query).mappings()]
        for table, query in _queries(study)
    }


def delete_rows(session: Session, study: str) -> int:
    """Delete a study with all that belongs to it.

    Returns:
        How many rows there were.
    """
    deleted = 0
    # Optuna's heartbeats are none of ours, and a trial with one could not be deleted.
    conditions = [*_conditions(study), (_THEIRS["trial_heartbeats"], _of_trials("trial_heartbeats", study))]
    for table, condition in reversed(conditions):
        outcome: Any = session.execute(delete(table).where(condition))
        deleted += outcome.rowcount
    return deleted


def enter_rows(session: Session, rows: Rows) -> None:
    """Enter the rows of a study that `read_rows` gave, in a database that does not hold it."""
    studies = _enter_with_ids(session, _THEIRS["studies"], "study_id", rows.get("studies", ()))
    for name in _OF_STUDY:
        _enter(session, _THEIRS[name], [_moved(row, "study_id", studies) for row in rows.get(name, ())])
    of_studies = [_moved(row, "study_id", studies) for row in rows.get("trials", ())]
    trials = _enter_with_ids(session, _THEIRS["trials"], "trial_id", of_studies)
    for name in _OF_TRIAL:
        _enter(session, _THEIRS[name], [_moved(row, "trial_id", trials) for row in rows.get(name, ())])
    for name in _our_names():
        found = rows.get(name, ())
        if name == "hpo_design_point":
            found = [{**row, "trial_id": trials.get(row["trial_id"])} for row in found]
        _enter(session, _OURS[name], found)


def holds_any(session: Session, rows: Rows) -> str | None:
    """The name of a study, ours or Optuna's, that a database holds already; None if it holds none of these."""
    for table, column in ((_OURS["hpo_study"], "name"), (_THEIRS["studies"], "study_name")):
        names = [row[column] for row in rows.get(table.name, ())]
        found = session.scalar(select(table.c[column]).where(table.c[column].in_(names)).limit(1))
        if found is not None:
            return str(found)
    return None


def artifact_ids(rows: Rows) -> set[str]:
    """The names of the artifacts of a study's trials and of its Optuna studies."""
    keys = (row["key"] for name in ("study_system_attributes", "trial_system_attributes") for row in rows.get(name, ()))
    return {key.removeprefix(ARTIFACT_PREFIX) for key in keys if key.startswith(ARTIFACT_PREFIX)}


def _our_names() -> tuple[str, ...]:
    return ("hpo_study", "hpo_stage", "hpo_design_point", "hpo_trained_epoch", "hpo_worker", "hpo_test_opening")


def _queries(study: str) -> Iterator[tuple[SqlTable, Select[Any]]]:
    for table, condition in _conditions(study):
        yield table, select(table).where(condition).order_by(*table.primary_key.columns)


def _conditions(study: str) -> list[tuple[SqlTable, ColumnElement[bool]]]:
    """Each table, and which of its rows belong to a study; who is referred to comes before who refers."""
    studies, trials = _THEIRS["studies"], _THEIRS["trials"]
    names, ids = _stage_names(study), _optuna_ids(study)
    found: list[tuple[SqlTable, ColumnElement[bool]]] = []
    for name in _our_names():
        table = _OURS[name]
        if name == "hpo_study":
            condition = table.c.name == study
        elif name == "hpo_design_point":
            condition = table.c.stage_name.in_(names)
        else:
            condition = table.c.study == study
        found.append((table, condition))
    found.append((studies, studies.c.study_name.in_(names)))
    found += [(_THEIRS[name], _THEIRS[name].c.study_id.in_(ids)) for name in _OF_STUDY]
    found.append((trials, trials.c.study_id.in_(ids)))
    return found + [(_THEIRS[name], _of_trials(name, study)) for name in _OF_TRIAL]


def _of_trials(name: str, study: str) -> ColumnElement[bool]:
    trials = _THEIRS["trials"]
    column: ColumnElement[Any] = _THEIRS[name].c.trial_id
    return column.in_(select(trials.c.trial_id).where(trials.c.study_id.in_(_optuna_ids(study))))


def _stage_names(study: str) -> Select[tuple[str]]:
    stage = _OURS["hpo_stage"]
    return select(stage.c.name).where(stage.c.study == study)


def _optuna_ids(study: str) -> Select[tuple[int]]:
    """The ids of the Optuna studies of a study's stages, whose names they have."""
    studies = _THEIRS["studies"]
    return select(studies.c.study_id).where(studies.c.study_name.in_(_stage_names(study)))


def _plain(table: SqlTable, row: Mapping[str, Any]) -> dict[str, Any]:
    values = {}
    for column in table.columns:
        value = row[column.name]
        if isinstance(column.type, Enum) and value is not None:
            value = value.name
        elif isinstance(value, datetime):
            value = value.isoformat()
        values[column.name] = value
    return values


def _typed(table: SqlTable, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the database takes it, without an id that the database draws itself."""
    values = {}
    for column in table.columns:
        if column.name not in row or _is_drawn(table, column.name):
            continue
        value = row[column.name]
        if isinstance(column.type, Enum) and value is not None and column.type.enum_class is not None:
            value = column.type.enum_class[value]
        elif isinstance(column.type, DateTime) and value is not None:
            value = datetime.fromisoformat(value)
        values[column.name] = value
    return values


def _is_drawn(table: SqlTable, column: str) -> bool:
    """Whether it is the id of a table whose rows have no name."""
    keys = [key.name for key in table.primary_key.columns]
    return keys == [column] and table.name not in ("hpo_study", "hpo_stage")


def _enter(session: Session, table: SqlTable, rows: Sequence[Mapping[str, Any]]) -> None:
    values = [_typed(table, row) for row in rows]
    if values:
        session.execute(insert(table), values)


def _enter_with_ids(
    session: Session, table: SqlTable, key: str, rows: Sequence[Mapping[str, Any]]
) -> dict[int | None, int]:
    """Enter rows, and tell the new id of each old one."""
    ids: dict[int | None, int] = {}
    for row in rows:
        outcome: Any = session.execute(insert(table).values(**_typed(table, row)))
        ids[row[key]] = int(outcome.inserted_primary_key[0])
    return ids


def _moved(row: Mapping[str, Any], key: str, ids: Mapping[int | None, int]) -> dict[str, Any]:
    return {**row, key: ids[row[key]]}
