"""Decisions, each taken once: one transaction opens a study or stage, one closes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hpo.config.stage import Stage
from hpo.errors import StorageError
from hpo.storage.decided import Plan, Result
from hpo.storage.optuna_studies import Direction, ensure_optuna_study, study_ids
from hpo.storage.points import DesignPoint, add_points
from hpo.storage.stage_json import abandoned, to_json
from hpo.storage.tables import StageRow, StudyRow, database_now, now


def stage_name(study: str, stage: Stage, architecture: str) -> str:
    """The stage's name, also its Optuna study's: ``STUDY/STAGE/ARCHITECTURE``."""
    return f"{study}/{stage}/{architecture}"


def open_study(session: Session, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Record the settings of a study, unless it was planned before.

    Returns:
        The settings on record: the given ones, or those of the first opening.

    Raises:
        StorageError: if the database has an Optuna study with the name of one of its stages.
    """
    row = session.get(StudyRow, name)
    if row is not None:
        return row.settings
    try:
        with session.begin_nested():
            session.add(StudyRow(name=name, settings=settings, opened_at=now(session)))
    except IntegrityError:
        row = session.get_one(StudyRow, name)
        return row.settings
    # Only now that the row is this call's: what another worker opened a moment ago would look like others' work.
    stages: tuple[Stage, ...] = ("stage1", "stage2")
    architectures = settings.get("architectures", ())
    _refuse_foreign(session, [stage_name(name, stage, one) for stage in stages for one in architectures])
    return settings


def open_stage(
    session: Session,
    study: str,
    stage: Stage,
    architecture: str,
    plan: Plan,
    points: list[DesignPoint],
    directions: Mapping[str, Direction] | None = None,
) -> bool:
    """Open a stage with its decisions and its first points, unless another worker has.

    Args:
        session: a transaction; the stage and its points appear together.
        study: the study's name.
        stage: which stage.
        architecture: of which architecture.
        plan: what was decided.
        points: to be queued.
        directions: of the objectives, by name, of the Optuna study that shows the points as trials, of stage 1 and 2;
            None where there is none.

    Returns:
        True if this call opened it.
    """
    name = stage_name(study, stage, architecture)
    row = StageRow(
        name=name,
        study=study,
        stage=stage,
        architecture=architecture,
        plan=to_json(plan),
        opened_at=now(session),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    if directions is not None:
        _refuse_foreign(session, [name])
        ensure_optuna_study(session, name, directions)
    add_points(session, name, points)
    return True


def _refuse_foreign(session: Session, names: list[str]) -> None:
    """Refuse names of Optuna studies that are there before the stages are: trials would be added to others' work.

    Raises:
        StorageError: naming one.
    """
    found = sorted(study_ids(session, names))
    if found:
        raise StorageError(
            f"the database has an Optuna study {found[0]!r}, which hpo did not make, and nothing is added to it; give "
            "the study another name, or another database"
        )


def close_stage(session: Session, name: str, result: Result) -> bool:
    """Close a stage with its result, unless another worker has.

    Returns:
        True if this call closed it.
    """
    closing = update(StageRow).where(StageRow.name == name, StageRow.closed_at.is_(None))
    outcome = session.execute(closing.values(closed_at=database_now(), result=to_json(result)))
    return isinstance(outcome, CursorResult) and outcome.rowcount == 1


def uncleaned_ends(session: Session, study: str) -> list[str]:
    """Names of the stages that ended an architecture and were not cleaned up after."""
    closed = select(StageRow).where(
        StageRow.study == study, StageRow.closed_at.is_not(None), StageRow.cleaned_at.is_(None)
    )
    return [row.name for row in session.scalars(closed) if row.stage == "test" or abandoned(row) is not None]


def note_cleaned(session: Session, names: list[str]) -> None:
    """Note that the checkpoints were cleaned up after these stages."""
    session.execute(update(StageRow).where(StageRow.name.in_(names)).values(cleaned_at=database_now()))


def load_stages(session: Session, study: str) -> dict[tuple[Stage, str], StageRow]:
    """The opened stages of a study, by (stage, architecture)."""
    rows = session.scalars(select(StageRow).where(StageRow.study == study))
    return {(row.stage, row.architecture): row for row in rows}


def study_names(session: Session) -> list[str]:
    """The names of all studies planned in this database."""
    return list(session.scalars(select(StudyRow.name).order_by(StudyRow.name)))


def count_stages(session: Session, study: str) -> tuple[int, int]:
    """Stages of a study that have been opened, and those of them that have been closed."""
    counts = select(func.count(), func.count(StageRow.closed_at)).where(StageRow.study == study)
    opened, closed = session.execute(counts).one()
    return int(opened), int(closed)
