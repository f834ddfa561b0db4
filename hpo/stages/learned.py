"""The best settings of other studies in the same database, for stage 2 to try first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpo.config.study import StudyFile
from hpo.errors import ConfigError, nearest
from hpo.evaluation.objective import objective_of
from hpo.storage.decided import Choice, FirstPoint, RecheckResult, Stage2Result
from hpo.storage.decisions import load_stages
from hpo.storage.stage_json import result_of
from hpo.storage.tables import StageRow, StudyRow

_MOST = 3
"""The most settings to try from other studies; more would leave too little of a small budget."""


def learned_points(session: Session, study: StudyFile, architecture: str) -> list[FirstPoint]:
    """The best settings of the studies that ``stage2.learn_from`` names, at most three.

    Those of the same architecture come first, then the better ones. Objectives of different data only order them.

    Args:
        session: reads the stages.
        study: whose stage 2 is about to open.
        architecture: of that stage.
    """
    gain = objective_of(study).gain
    found: list[tuple[bool, float, FirstPoint]] = []
    for name in study.stage2.learn_from:
        for (stage, other), row in load_stages(session, name).items():
            choice = _choice(row) if stage in ("stage2", "recheck") else None
            if choice is None or (name, other) == (study.name, architecture):
                continue
            # A study that did not search the start did not put it into its points either.
            values = {"warm_start": choice.recipe.start, **choice.point}
            point = FirstPoint(f"best of {name}/{other}", values)
            found.append((other == architecture, gain(choice.objective), point))
    ordered = [point for _, _, point in sorted(found, key=lambda one: one[:2], reverse=True)]
    return _distinct(ordered)[:_MOST]


def check_learn_from(session: Session | None, study: StudyFile) -> None:
    """Refuse a study that would learn from one that is not in the database.

    Args:
        session: of the study's database; None if it does not exist yet.
        study: the study file.

    Raises:
        ConfigError: names it, and the nearest existing one.
    """
    names = [*([] if session is None else session.scalars(select(StudyRow.name))), study.name]
    for name in study.stage2.learn_from:
        if name not in names:
            raise ConfigError(
                study.file, f"stage2.learn_from: study {name!r} is not in the study's database; {nearest(name, names)}"
            )


def _choice(row: StageRow) -> Choice | None:
    found = result_of(row, RecheckResult) if row.stage == "recheck" else result_of(row, Stage2Result)
    return None if found is None else found.choice


def _distinct(points: Sequence[FirstPoint]) -> list[FirstPoint]:
    """Each setting once; a rechecked choice may also be stage 2's best."""
    kept: list[FirstPoint] = []
    for point in points:
        if all(point.values != other.values for other in kept):
            kept.append(point)
    return kept
