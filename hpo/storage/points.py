"""Design points in the database: each planned once, whoever plans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hpo.storage.tables import PointRow


@dataclass(frozen=True)
class PlannedPoint:
    """A design point to be queued.

    Args:
        key: unique within its stage.
        label: what the report calls it, such as ``{"role": "after", "seed": 3}``.
        point: factor values, or None where the stage's sampler chooses them when the point is claimed.
        recipe: the recipe's JSON, or None likewise.
        recipe_key: the recipe's key, or None likewise.
        epochs: how long to train; None likewise.
    """

    key: str
    label: dict[str, Any] = field(default_factory=dict)
    point: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    recipe_key: str | None = None
    epochs: int | None = None


def add_points(session: Session, stage_name: str, points: Iterable[PlannedPoint]) -> int:
    """Queue those points that the stage does not hold yet; safe to repeat and to run in many processes at once.

    Returns:
        How many were new.
    """
    known = set(session.scalars(select(PointRow.point_key).where(PointRow.stage_name == stage_name)))
    added = 0
    for point in points:
        if point.key in known:
            continue
        known.add(point.key)
        row = PointRow(
            stage_name=stage_name,
            point_key=point.key,
            label=point.label,
            point=point.point,
            recipe=point.recipe,
            recipe_key=point.recipe_key,
            epochs=point.epochs,
            state="waiting",
            attempt=0,
            reasons=[],
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            continue  # another planner inserted it between our look and our insert
        added += 1
    return added


def count_points(session: Session, stage_name: str) -> dict[str, int]:
    """How many points of a stage are in each state; states without a point are missing."""
    counts = select(PointRow.state, func.count()).where(PointRow.stage_name == stage_name).group_by(PointRow.state)
    return {row[0]: row[1] for row in session.execute(counts)}


def stage_points(session: Session, stage_name: str) -> list[PointRow]:
    """The points of a stage in the order in which they were planned."""
    return list(session.scalars(select(PointRow).where(PointRow.stage_name == stage_name).order_by(PointRow.id)))
