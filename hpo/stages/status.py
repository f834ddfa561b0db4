"""The progress of a study, read from the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hpo.config.stage import STAGES
from hpo.config.study import StudyFile
from hpo.evaluation.objective import objective_of
from hpo.recipe.taken import taken_words
from hpo.stages.point_words import point_words, usual_values
from hpo.storage.database import Database
from hpo.storage.decisions import load_stages
from hpo.storage.ledger import recent_throughput, total_compute
from hpo.storage.plans import accepted_plans
from hpo.storage.points import count_points
from hpo.storage.stage_json import claimed_plan
from hpo.storage.tables import PointRow, PointState, StageRow, now

PACE_SECONDS = 600.0
"""The pace is that of the last so many seconds."""


@dataclass(frozen=True)
class StageStatus:
    """A stage of one architecture.

    Args:
        architecture: its name.
        stage: ``stage1``, ``stage2``, ``confirm`` or ``test``.
        waiting: points in the queue.
        running: points a worker holds.
        complete: points with an accepted result.
        failed: points given up.
        best: the best objective so far, or None.
        closed: whether the stage is over.
        taken: how much of a donor's weights its trainings took, in words; empty where no shapes differed.
    """

    architecture: str
    stage: str
    waiting: int
    running: int
    complete: int
    failed: int
    best: float | None
    closed: bool
    taken: str = ""


@dataclass(frozen=True)
class RunningPoint:
    """A point that a worker holds.

    Args:
        owner: the worker, ``HOST:PID:START``.
        stage_name: ``STUDY/STAGE/ARCHITECTURE``.
        point: factor values, as far as they are settled.
        attempt: from 1.
        lease_seconds_left: until the lease expires; negative if it has.
        id: the point's number, for ``hpo show``.
        words: what sets the point apart.
    """

    owner: str
    stage_name: str
    point: dict[str, object]
    attempt: int
    lease_seconds_left: float
    id: int = 0
    words: str = ""


@dataclass(frozen=True)
class FailedPoint:
    """A point that was given up.

    Args:
        id: its number, for ``hpo show``.
        stage_name: ``STUDY/STAGE/ARCHITECTURE``.
        point: factor values, as far as they were settled.
        reasons: why each attempt ended badly, one line each.
        owner: who had it last.
    """

    id: int
    stage_name: str
    point: dict[str, object]
    reasons: list[str]
    owner: str


@dataclass(frozen=True)
class Pace:
    """The pace of a study.

    Args:
        patches_per_second: patch-visits of all workers together, lately.
        seconds_left: until the whole study is done at this pace, an upper bound as in `hpo.stages.estimate`; None
            while nothing is trained.
    """

    patches_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class ChangedPlan:
    """A plan that took the place of an earlier one.

    Args:
        at: seconds since 1970, UTC, by the database's clock.
        changes: ``key: was -> is`` each.
        tested: architectures whose test split had been opened before.
    """

    at: float
    changes: tuple[str, ...]
    tested: tuple[str, ...]


def plan_changes(database: Database, study: StudyFile) -> list[ChangedPlan]:
    """How the plan of a study was changed since it started."""
    with database.transaction() as session:
        plans = accepted_plans(session, study.name)
    return [ChangedPlan(plan.at, tuple(change.text for change in plan.changes), plan.tested) for plan in plans[1:]]


def pace(database: Database, study: StudyFile, visits_in_all: Callable[[], int]) -> Pace:
    """The pace of a study.

    Args:
        database: the study database.
        study: the study file.
        visits_in_all: returns the patch-visits of the whole study; not called while nothing is trained.
    """
    with database.transaction() as session:
        rate = recent_throughput(session, study.name, PACE_SECONDS)
        done = total_compute(session, study.name).patch_visits
    return Pace(rate, max(0, visits_in_all() - done) / rate if rate else None)


def stage_statuses(database: Database, study: StudyFile) -> list[StageStatus]:
    """Every stage that has been opened, architecture by architecture."""
    best_of = func.min if objective_of(study).direction == "minimize" else func.max
    statuses = []
    with database.transaction() as session:
        stages = load_stages(session, study.name)
        for architecture in study.architecture_specs:
            for stage in STAGES:
                row = stages.get((stage, architecture))
                if row is None:
                    continue
                counts = count_points(session, row.name)
                finished = PointRow.stage_name == row.name, PointRow.state == "complete"
                best = session.scalar(select(best_of(PointRow.objective)).where(*finished))
                statuses.append(
                    StageStatus(
                        architecture=architecture,
                        stage=stage,
                        waiting=counts.get("waiting", 0),
                        running=counts.get("running", 0),
                        complete=counts.get("complete", 0),
                        failed=counts.get("failed", 0),
                        best=best,
                        closed=row.closed_at is not None,
                        taken=_taken(session, study, row),
                    )
                )
    return statuses


def running_points(database: Database, study: StudyFile) -> list[RunningPoint]:
    """The points that workers hold."""
    with database.transaction() as session:
        time = now(session)
        rows = session.scalars(_points_in(study, "running").order_by(PointRow.owner, PointRow.id)).all()
        usual = {row.name: usual_values(claimed_plan(row)) for row in load_stages(session, study.name).values()}
    return [
        RunningPoint(
            owner=row.owner or "",
            stage_name=row.stage_name,
            point=row.point or {},
            attempt=row.attempt,
            lease_seconds_left=(row.lease_expires_at or time) - time,
            id=row.id,
            words=point_words(row.label, row.point, usual[row.stage_name]),
        )
        for row in rows
    ]


def failed_points(database: Database, study: StudyFile) -> list[FailedPoint]:
    """What was given up, and why."""
    with database.transaction() as session:
        rows = session.scalars(_points_in(study, "failed").order_by(PointRow.id)).all()
    return [FailedPoint(row.id, row.stage_name, row.point or {}, row.reasons, row.owner or "") for row in rows]


def _taken(session: Session, study: StudyFile, stage: StageRow) -> str:
    if stage.stage == "stage1" or not study.stage2.may_start_warm or study.stage2.other_shapes == "refuse":
        return ""  # curves are long: they are read only where they may say something
    curves = select(PointRow.curve).where(PointRow.stage_name == stage.name, PointRow.curve.is_not(None))
    return taken_words(curve for curve in session.scalars(curves) if curve)


def _points_in(study: StudyFile, state: PointState) -> Select[PointRow]:
    stages = select(PointRow).join(StageRow, StageRow.name == PointRow.stage_name)
    return stages.where(StageRow.study == study.name, PointRow.state == state)
