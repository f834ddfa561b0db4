"""Design points that the present plan does not ask for: kept with all that they gave, and counted nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpo.storage.optuna_trials import tell_trial
from hpo.storage.points import DesignPoint, add_points
from hpo.storage.tables import PointRow

REASON = "the plan does not ask for it any more"
"""Why a trial that had started, and is not to be finished, failed."""


def all_points(session: Session, stage_name: str) -> list[PointRow]:
    """The points of a stage, those that were set aside included, in the order in which they were planned."""
    return list(session.scalars(select(PointRow).where(PointRow.stage_name == stage_name).order_by(PointRow.id)))


def set_aside(session: Session, rows: Iterable[PointRow]) -> bool:
    """Count these points no more; those that a worker holds stay, because its work would be lost.

    Returns:
        Whether any was counted before.
    """
    counted = [row for row in rows if row.state not in ("aside", "running")]
    for row in counted:
        if row.state == "waiting" and row.trial_id is not None:
            tell_trial(session, row.trial_id, None, {}, REASON)
            row.trial_id = None  # should it come back, it gets a new one
        row.state = "aside"
    return bool(counted)


def bring_back(rows: Iterable[PointRow]) -> bool:
    """Count points again that were set aside: with what they gave, or else in the queue.

    Returns:
        Whether any had been set aside.
    """
    back = [row for row in rows if row.state == "aside"]
    for row in back:
        row.state = "complete" if row.curve is not None else "failed" if row.finished_at is not None else "waiting"
    return bool(back)


def conform(session: Session, stage_name: str, wanted: Sequence[DesignPoint]) -> bool:
    """Have a stage count exactly these points: others are set aside, missing ones are queued.

    A training that the stage has under another key, or has set aside, is the wanted point's: nothing is trained twice.

    Args:
        session: a transaction.
        stage_name: of a stage whose points are no Optuna trials where their keys do not follow from their values.
        wanted: its points, with values.

    Returns:
        Whether anything was changed.
    """
    rows = all_points(session, stage_name)
    of_key = {row.point_key: row for row in rows}
    fitting = {point.key: row for point in wanted if (row := of_key.get(point.key)) and _trains(row, point)}
    kept = {row.id for row in fitting.values()}
    loose = [row for row in rows if row.id not in kept]
    is_changed = _free_keys(session, loose, {point.key for point in wanted})
    for point in wanted:
        if point.key in fitting:
            continue
        row = next((row for row in loose if point.recipe_key is not None and _trains(row, point)), None)
        if row is not None:
            loose.remove(row)
            row.point_key, row.label = point.key, dict(point.label)
            fitting[point.key] = row
            is_changed = True
    is_changed |= set_aside(session, loose)
    is_changed |= bring_back(fitting.values())
    session.flush()
    return add_points(session, stage_name, [point for point in wanted if point.key not in fitting]) > 0 or is_changed


def _trains(row: PointRow, point: DesignPoint) -> bool:
    return (row.recipe_key, row.epochs) == (point.recipe_key, point.epochs)


def _free_keys(session: Session, loose: Sequence[PointRow], keys: set[str]) -> bool:
    """Rename points whose keys other trainings are to have."""
    holders = [row for row in loose if row.point_key in keys]
    for row in holders:
        row.point_key = f"was:{row.id}:{row.point_key}"[:64]
    session.flush()
    return bool(holders)
