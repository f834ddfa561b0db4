"""Claims: a worker's time-limited right to a design point.

Execution may repeat after a crash; acceptance may not. Every change of a running point is made under its attempt
number, which only ever rises, so that a worker whose lease has passed to another changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, CursorResult, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from hpo.config.stage import Stage
from hpo.errors import LeaseLostError
from hpo.storage.decided import ConfirmResult, Plan, Stage1Plan, Stage2Plan
from hpo.storage.optuna_trials import begin_trial
from hpo.storage.plans import check_plan
from hpo.storage.points import DesignPoint
from hpo.storage.stage_json import claimed_plan
from hpo.storage.tables import PointRow, StageRow, StudyRow, database_now, now

P = TypeVar("P", Stage2Plan, ConfirmResult)

_PREFERRED: dict[Stage, int] = {"test": 0, "confirm": 1, "recheck": 2, "stage2": 3, "stage1": 4}
"""Stages in the order in which they are claimed from: what has begun is brought to its end first."""


@dataclass(frozen=True)
class Claim:
    """A worker's right to a design point until its lease expires.

    Args:
        id: the point's row.
        stage_name: ``STUDY/STAGE/ARCHITECTURE``.
        stage: which.
        architecture: its name.
        attempt: counts the claims of this point from 1; fences stale workers out.
        owner: who holds it.
        trial_id: the Optuna trial, in stage 1 and 2; the same one in every attempt.
        plan: what was decided when the stage opened.
        planned: the point as it stands in the database.
    """

    id: int
    stage_name: str
    stage: Stage
    architecture: str
    attempt: int
    owner: str
    trial_id: int | None
    plan: Plan
    planned: DesignPoint

    def plan_as(self, kind: type[P]) -> P:
        """The plan of a claim whose stage has this kind of plan."""
        if not isinstance(self.plan, kind):
            raise TypeError(f"{self.stage_name} has a {type(self.plan).__name__}, not a {kind.__name__}")
        return self.plan


def claim_points(
    session: Session, study: str, owner: str, lease_seconds: float, settings: Mapping[str, Any] | None = None
) -> list[Claim]:
    """Take the next waiting point, and with it every waiting point of the same recipe and stage.

    In stage 1 and 2 each point has its running Optuna trial from then on.

    Workers spread over the open stages: the one with the fewest points running comes first, among equals the later
    stage, then the one that was opened earlier. A recipe or donor that another worker is training now is passed over:
    it would only be trained twice. What the owner already holds is returned again: the answer to its last claim was
    lost.

    Args:
        session: the transaction.
        study: the study's name.
        owner: who claims; holds nothing else at the moment.
        lease_seconds: how long the lease lasts, unless it is renewed.
        settings: the plan by which the owner would judge the points; None for one that judges none.

    Returns:
        The claims, in ascending order of epochs; empty if nothing waits that is free.

    Raises:
        PlanChangedError: if the study has another plan.
    """
    # One claimer per study at a time: two would each take half of the points that share a recipe.
    locked = select(StudyRow.settings).where(StudyRow.name == study).with_for_update(key_share=True)
    recorded = session.scalar(locked)
    if settings is not None and recorded is not None:
        check_plan(study, recorded, settings)
    stage, rows = _held_by(session, study, owner) or _next_free(session, study) or (None, [])
    if stage is None:
        return []
    moment, plan = now(session), claimed_plan(stage)
    for row in rows:
        row.state, row.owner, row.attempt = "running", owner, row.attempt + 1
        row.claimed_at, row.lease_expires_at = moment, moment + lease_seconds
        if row.trial_id is None and isinstance(plan, Stage1Plan | Stage2Plan):
            row.trial_id = begin_trial(session, stage.name, row.point_key, row.point, plan.space)
    return [_claim(row, stage, plan) for row in rows]


def renew_leases(session: Session, claims: Sequence[Claim], lease_seconds: float) -> bool:
    """Extend the leases of the claims that are not finished.

    Returns:
        False if any of them has passed to another worker or back to the queue.
    """
    # Locked in the order in which they are published, so that the two never wait for each other in a circle.
    found = (
        select(PointRow.id, PointRow.attempt, PointRow.state)
        .where(PointRow.id.in_([claim.id for claim in claims]))
        .order_by(PointRow.epochs, PointRow.id)
        .with_for_update()
    )
    rows = {row.id: row for row in session.execute(found)}
    ours = [
        c
        for c in claims
        if c.id in rows and rows[c.id].attempt == c.attempt and rows[c.id].state in ("running", "complete")
    ]
    if ours:
        session.execute(
            update(PointRow)
            .where(or_(*map(held, ours)))
            .values(lease_expires_at=database_now() + lease_seconds)
            .execution_options(synchronize_session=False)
        )
    return len(ours) == len(claims)


def release_points(session: Session, claims: Iterable[Claim]) -> None:
    """Return claims to the queue; those that are no longer ours stay as they are."""
    for claim in claims:
        session.execute(update(PointRow).where(held(claim)).values(state="waiting", owner=None, lease_expires_at=None))


def held(claim: Claim) -> ColumnElement[bool]:
    """The condition under which a claim's point may be changed: it is still ours."""
    return and_(PointRow.id == claim.id, PointRow.state == "running", PointRow.attempt == claim.attempt)


def write_if_held(session: Session, claim: Claim, **values: Any) -> bool:
    """Change a claimed point, unless its lease has passed to another worker.

    Returns:
        Whether it was still ours.
    """
    result = session.execute(
        update(PointRow).where(held(claim)).values(**values).execution_options(synchronize_session=False)
    )
    return isinstance(result, CursorResult) and result.rowcount == 1


def lost(claim: Claim) -> LeaseLostError:
    """The error for a worker whose claim has passed to another."""
    return LeaseLostError(
        f"{claim.stage_name}: attempt {claim.attempt} of point {claim.id} has passed to another worker"
    )


def _held_by(session: Session, study: str, owner: str) -> tuple[StageRow, list[PointRow]] | None:
    mine = (
        select(PointRow, StageRow)
        .join(StageRow, StageRow.name == PointRow.stage_name)
        .where(StageRow.study == study, PointRow.state == "running", PointRow.owner == owner)
        .order_by(PointRow.epochs, PointRow.id)
    )
    found = session.execute(mine).all()
    return (found[0][1], [row for row, _ in found]) if found else None


def _next_free(session: Session, study: str) -> tuple[StageRow, list[PointRow]] | None:
    running = aliased(PointRow)
    is_running = and_(running.state == "running", running.lease_expires_at >= database_now())
    busy = (
        select(running.recipe_key)
        .where(is_running, running.recipe_key.is_not(None))
        .union(select(running.donor_key).where(is_running, running.donor_key.is_not(None)))
        .subquery()
    )
    is_busy = select(busy.c[0])
    free = and_(
        PointRow.state == "waiting",
        or_(PointRow.recipe_key.is_(None), PointRow.recipe_key.not_in(is_busy)),
        or_(PointRow.donor_key.is_(None), PointRow.donor_key.not_in(is_busy)),
    )
    for stage in _stages_in_order(session, study):
        in_stage = PointRow.stage_name == stage.name
        first = session.scalar(select(PointRow).where(in_stage, free).order_by(PointRow.id).limit(1))
        if first is None:
            continue
        if first.recipe_key is None:
            return stage, [first]
        same = and_(in_stage, PointRow.state == "waiting", PointRow.recipe_key == first.recipe_key)
        return stage, list(session.scalars(select(PointRow).where(same).order_by(PointRow.epochs, PointRow.id)))
    return None


def _stages_in_order(session: Session, study: str) -> list[StageRow]:
    """The open stages of a study in the order in which they are claimed from."""
    counts = select(PointRow.stage_name, func.count()).where(PointRow.state == "running").group_by(PointRow.stage_name)
    running = {row[0]: row[1] for row in session.execute(counts)}
    stages = session.scalars(select(StageRow).where(StageRow.study == study, StageRow.closed_at.is_(None)))
    return sorted(stages, key=lambda row: (running.get(row.name, 0), _PREFERRED[row.stage], row.opened_at, row.name))


def _claim(row: PointRow, stage: StageRow, plan: Plan) -> Claim:
    return Claim(
        id=row.id,
        stage_name=stage.name,
        stage=stage.stage,
        architecture=stage.architecture,
        attempt=row.attempt,
        owner=row.owner or "",
        trial_id=row.trial_id,
        plan=plan,
        planned=DesignPoint.of(row),
    )
