"""Design points in the database, each planned once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hpo.recipe.folds import in_folds
from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.storage.decided import folds_of
from hpo.storage.stage_json import claimed_plan
from hpo.storage.tables import PointRow, StageRow

NamedTraining = tuple[Recipe, int]
"""A recipe, and for how many epochs."""


@dataclass(frozen=True)
class DesignPoint:
    """A design point, to be queued or as its row has it.

    Args:
        key: unique within its stage.
        label: its name in the report, such as ``{"role": "after", "seed": 3}``.
        point: factor values; None if the stage's sampler chooses them when the point is claimed.
        recipe: the recipe's JSON; None likewise.
        recipe_key: the recipe's key; None likewise.
        donor_key: the key of a donor that may have to be trained with it; None if there is none.
        epochs: how long to train; None likewise.
    """

    key: str
    label: dict[str, Any] = field(default_factory=dict)
    point: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    recipe_key: str | None = None
    donor_key: str | None = None
    epochs: int | None = None

    @classmethod
    def of(cls, row: PointRow) -> DesignPoint:
        """The design point of a row."""
        return cls(row.point_key, row.label, row.point, row.recipe, row.recipe_key, row.donor_key, row.epochs)

    def columns(self) -> dict[str, Any]:
        """The columns of its row."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"point_key": values.pop("key"), **values}


def add_points(session: Session, stage_name: str, points: Iterable[DesignPoint]) -> int:
    """Queue the points that the stage does not hold yet; safe to repeat, and in many processes at once.

    Returns:
        How many were new.
    """
    known = set(session.scalars(select(PointRow.point_key).where(PointRow.stage_name == stage_name)))
    new = [
        PointRow(stage_name=stage_name, state="waiting", attempt=0, failures=0, faults=[], **point.columns())
        for key, point in {point.key: point for point in points}.items()
        if key not in known
    ]
    if _insert(session, new):
        return len(new)
    # Another planner inserted some of them between our look and our insert.
    return sum(_insert(session, [row]) for row in new)


def _insert(session: Session, rows: list[PointRow]) -> bool:
    try:
        with session.begin_nested():
            session.add_all(rows)
    except IntegrityError:
        return False
    return True


def count_points(session: Session, stage_name: str) -> dict[str, int]:
    """The number of points of a stage by state; states without points are missing."""
    counts = select(PointRow.state, func.count()).where(PointRow.stage_name == stage_name).group_by(PointRow.state)
    return {row[0]: row[1] for row in session.execute(counts)}


def stage_points(session: Session, stage_name: str) -> list[PointRow]:
    """The points that a stage counts, in the order in which they were planned; see `hpo.storage.aside`."""
    counted = select(PointRow).where(PointRow.stage_name == stage_name, PointRow.state != "aside")
    return list(session.scalars(counted.order_by(PointRow.id)))


def named_trainings(session: Session, stage: StageRow) -> list[NamedTraining]:
    """The trainings of a stage's points, in every fold where it has folds; points without chosen values have none."""
    folds = folds_of(claimed_plan(stage))
    rows = session.execute(select(PointRow.recipe, PointRow.epochs).where(PointRow.stage_name == stage.name))
    return [
        (one, epochs)
        for recipe, epochs in rows
        if recipe is not None and epochs is not None
        for one in in_folds(recipe_from_json(recipe), folds)
    ]
