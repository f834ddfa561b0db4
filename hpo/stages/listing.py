"""The studies of a database, one line each: state, best objective, size and last activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hpo.config.stage import Stage
from hpo.evaluation.objective import lower_is_better
from hpo.storage.decisions import load_stages, study_names
from hpo.storage.stage_json import abandoned
from hpo.storage.tables import PointRow, StageRow, StudyRow, TrainedEpochRow, WorkerRow
from hpo.storage.workers import live_workers

SILENT_SECONDS = 120.0
"""Silence after which a worker no longer counts as active."""

State = Literal["running", "waiting", "finished", "given up"]
"""``waiting`` is an unfinished study without an active worker."""


@dataclass(frozen=True)
class ListedStudy:
    """A study of a database.

    Args:
        name: the study's.
        state: whether it is being worked on, or finished.
        stages: the last stage opened, by architecture.
        metric: of its objective.
        best: the best objective of stage 1 and 2; None before the first.
        points: how many design points are complete, failed, running and waiting, by state.
        epochs: trained for it.
        patch_visits: in these epochs.
        opened_at: when it was planned, seconds since 1970, UTC, by the database's clock.
        active_at: when anything last happened.
    """

    name: str
    state: State
    stages: dict[str, str]
    metric: str
    best: float | None
    points: dict[str, int]
    epochs: int
    patch_visits: int
    opened_at: float
    active_at: float


def list_studies(session: Session) -> list[ListedStudy]:
    """Every study of a database, by name."""
    return [listed_study(session, name) for name in study_names(session)]


def listed_study(session: Session, name: str) -> ListedStudy:
    """One study that has started."""
    study = session.get_one(StudyRow, name)
    stages = load_stages(session, name)
    metric = str(study.settings["objective"]["metric"])
    best_of = func.min if lower_is_better(metric) else func.max
    in_stages = PointRow.stage_name.in_([row.name for row in stages.values()])
    searched = PointRow.stage_name.in_(
        [row.name for (stage, _), row in stages.items() if stage in ("stage1", "stage2")]
    )
    counts = session.execute(
        select(PointRow.state, func.count()).where(in_stages, PointRow.state != "aside").group_by(PointRow.state)
    )
    epochs, visits, trained_at = session.execute(
        select(func.count(), func.sum(TrainedEpochRow.patch_visits), func.max(TrainedEpochRow.at)).where(
            TrainedEpochRow.study == name
        )
    ).one()
    seen_at = session.scalar(select(func.max(WorkerRow.seen_at)).where(WorkerRow.study == name))
    closed = [row.closed_at for row in stages.values()]
    is_worked_on = any(worker.silent_seconds < SILENT_SECONDS for worker in live_workers(session, name))
    return ListedStudy(
        name=name,
        state=_state(study.settings["architectures"], stages, is_worked_on),
        stages={architecture: stage for (stage, architecture) in _in_order(stages)},
        metric=metric,
        best=session.scalar(select(best_of(PointRow.objective)).where(searched, PointRow.state == "complete")),
        points={state: int(count) for state, count in counts},
        epochs=int(epochs),
        patch_visits=int(visits or 0),
        opened_at=study.opened_at,
        active_at=max(moment or 0.0 for moment in (study.opened_at, trained_at, seen_at, *closed)),
    )


def _state(architectures: Mapping[str, Any], stages: Mapping[tuple[Stage, str], StageRow], is_worked_on: bool) -> State:
    given_up = {row.architecture for row in stages.values() if abandoned(row) is not None}
    tested = {name for (stage, name), row in stages.items() if stage == "test" and row.closed_at is not None}
    if given_up >= set(architectures):
        return "given up"
    if given_up | tested >= set(architectures):
        return "finished"
    return "running" if is_worked_on else "waiting"


def _in_order(stages: Mapping[tuple[Stage, str], StageRow]) -> Sequence[tuple[Stage, str]]:
    return [key for key, _ in sorted(stages.items(), key=lambda item: item[1].opened_at)]
