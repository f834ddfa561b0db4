"""One design point, with everything that the database has on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.evaluation.fold_curves import fold_values
from hpo.evaluation.objective import objective_of
from hpo.recipe.folds import in_folds
from hpo.recipe.recipe import recipe_from_json
from hpo.stages.point_words import point_words, usual_values
from hpo.storage.database import Database
from hpo.storage.decided import folds_of
from hpo.storage.decisions import load_stages
from hpo.storage.optuna_trials import artifact_of, trial_numbers
from hpo.storage.points import stage_points
from hpo.storage.stage_json import claimed_plan
from hpo.storage.tables import PointRow


@dataclass(frozen=True)
class ShownPoint:
    """A design point.

    Args:
        id: its number in the database, as in logs.
        stage: of the study.
        architecture: its name.
        trial: the number of its Optuna trial, as in the report; its place in the stage if it has none.
        state: ``waiting``, ``running``, ``complete`` or ``failed``.
        settings: the factor values known so far, including ``epochs``.
        words: its distinguishing settings, in a few words.
        objective: its value.
        curve: metrics of each epoch.
        faults: attempts that ended badly: ``reason``, ``owner``, ``attempt``, ``at`` and perhaps ``traceback``.
        recipe_key: names its checkpoints.
        owner: the worker that holds it, or held it last.
        artifact: the file of its curve beside the checkpoints; empty if there is none.
        fold_recipe_keys: where it is trained in folds, the names of their checkpoints; ``recipe_key`` has none then.
        fold_values: the objective in each fold.
    """

    id: int
    stage: str
    architecture: str
    trial: int
    state: str
    settings: dict[str, Any]
    words: str
    objective: float | None
    curve: list[dict[str, float]]
    faults: list[dict[str, Any]]
    recipe_key: str
    owner: str
    artifact: str
    fold_recipe_keys: tuple[str, ...] = ()
    fold_values: tuple[float, ...] = ()


def shown_points(database: Database, study: StudyFile) -> list[ShownPoint]:
    """Every design point of a study, in the order in which stages were opened."""
    with database.transaction() as session:
        stages = sorted(load_stages(session, study.name).values(), key=lambda row: (row.opened_at, row.name))
        rows = [(stage, stage_points(session, stage.name)) for stage in stages]
        artifacts = artifact_of(session, [row.trial_id for _, points in rows for row in points if row.trial_id])
        numbers_of = {stage.name: trial_numbers(session, stage.name) for stage, _ in rows}
    found = []
    for stage, points in rows:
        numbers = numbers_of[stage.name]
        plan = claimed_plan(stage)
        usual, folds = usual_values(plan), folds_of(plan)
        for place, row in enumerate(points):
            found.append(
                ShownPoint(
                    id=row.id,
                    stage=stage.stage,
                    architecture=stage.architecture,
                    trial=numbers.get(row.trial_id or -1, place),
                    state=row.state,
                    settings=row.point or {},
                    words=point_words(row.label, row.point, usual),
                    objective=row.objective,
                    curve=row.curve or [],
                    faults=row.faults,
                    recipe_key=row.recipe_key or "",
                    owner=row.owner or "",
                    artifact=artifacts.get(row.trial_id or -1, ""),
                    fold_recipe_keys=_fold_keys(row, folds),
                    fold_values=fold_values(objective_of(study), row.curve or []) if folds else (),
                )
            )
    return found


def _fold_keys(row: PointRow, folds: Sequence[str]) -> tuple[str, ...]:
    if row.recipe is None or not folds:
        return ()
    return tuple(one.key for one in in_folds(recipe_from_json(row.recipe), folds))


def find_point(points: Sequence[ShownPoint], wanted: str) -> ShownPoint:
    """Find a point by its number or by STAGE/ARCHITECTURE/TRIAL.

    Raises:
        HpoError: if there is none.
    """
    for point in points:
        if wanted in (str(point.id), f"{point.stage}/{point.architecture}/{point.trial}"):
            return point
    some = f"such as {points[0].id} or {points[0].stage}/{points[0].architecture}/{points[0].trial}" if points else ""
    raise HpoError(f"there is no design point {wanted!r}; hpo show STUDY lists them{', ' if some else ''}{some}")
