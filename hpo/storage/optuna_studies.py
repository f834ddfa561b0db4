"""Optuna studies, one for each stage of an architecture, in the tables of Optuna 5 (`optuna.storages._rdb.models`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from optuna.storages._rdb import models
from optuna.study import StudyDirection
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

_METRIC_NAMES = "study:metric_names"
"""The system attribute in which Optuna keeps the names of a study's objectives."""

Direction = Literal["maximize", "minimize"]


def ensure_optuna_study(session: Session, name: str, directions: Mapping[str, Direction]) -> None:
    """Create the Optuna study if it does not exist.

    Args:
        session: the transaction.
        name: of the Optuna study.
        directions: of its objectives, by name, in their order; several are named on optuna-dashboard's pages.
    """
    if session.scalar(select(models.StudyModel.study_id).where(models.StudyModel.study_name == name)) is not None:
        return
    study = models.StudyModel(study_name=name)
    session.add(study)
    session.flush()
    for number, direction in enumerate(directions.values()):
        kind = StudyDirection[direction.upper()]
        session.add(models.StudyDirectionModel(study_id=study.study_id, objective=number, direction=kind))
    if len(directions) > 1:
        names = json.dumps(list(directions))
        session.add(models.StudySystemAttributeModel(study_id=study.study_id, key=_METRIC_NAMES, value_json=names))


def set_direction(session: Session, study_name: str, direction: Direction) -> None:
    """Have an Optuna study, if it is there, look for larger or smaller values."""
    model, kind = models.StudyDirectionModel, StudyDirection[direction.upper()]
    study_id = session.scalar(select(models.StudyModel.study_id).where(models.StudyModel.study_name == study_name))
    session.execute(update(model).where(model.study_id == study_id).values(direction=kind))


def study_ids(session: Session, names: Collection[str]) -> dict[str, int]:
    """The ids of the Optuna studies that exist, by name."""
    found = select(models.StudyModel.study_name, models.StudyModel.study_id).where(
        models.StudyModel.study_name.in_(names)
    )
    return {row[0]: row[1] for row in session.execute(found)}


def change_study_attributes(
    session: Session, study_name: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> None:
    """Change the system attributes of an Optuna study under a lock; nothing if it does not exist.

    Args:
        session: the transaction.
        study_name: of the Optuna study.
        change: from the attributes as they are to what they shall be; those that it leaves out stay as they are.
    """
    model = models.StudySystemAttributeModel
    named = select(models.StudyModel.study_id).where(models.StudyModel.study_name == study_name)
    study_id = session.scalar(named.with_for_update())
    if study_id is None:
        return
    rows = {str(row.key): row for row in session.scalars(select(model).where(model.study_id == study_id))}
    before = {key: json.loads(str(row.value_json)) for key, row in rows.items()}
    new = []
    for key, value in change(dict(before)).items():
        if key not in rows:
            new.append({"study_id": study_id, "key": key, "value_json": json.dumps(value)})
        elif value != before[key]:
            rows[key].value_json = json.dumps(value)
    if new:
        session.execute(insert(model), new)
