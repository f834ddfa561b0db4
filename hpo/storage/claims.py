"""Claims: a worker's time-limited right to a design point, and the one acceptance of its result.

Execution may repeat after a crash; acceptance may not. Every change of a running point is made under its owner and
attempt number, so that a worker whose lease has passed to another changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update
from sqlalchemy.orm import Session, aliased

from hpo.errors import LeaseLostError
from hpo.storage.database import Database
from hpo.storage.optuna_bridge import tell_trial
from hpo.storage.owner import dead_owners
from hpo.storage.points import PlannedPoint
from hpo.storage.tables import PointRow, StageRow, database_now


@dataclass(frozen=True)
class Claim:
    """A worker's right to a design point until its lease expires.

    Args:
        id: the point's row.
        stage_name: ``STUDY/STAGE/ARCHITECTURE``.
        stage: ``stage1``, ``stage2``, ``confirm`` or ``test``.
        architecture: its name.
        attempt: counts the claims of this point from 1; fences stale workers out.
        owner: who holds it.
        trial_id: the Optuna trial of an earlier attempt, if one was begun.
        plan: what was decided when the stage opened.
        planned: the point as it stands in the database.
    """

    id: int
    stage_name: str
    stage: str
    architecture: str
    attempt: int
    owner: str
    trial_id: int | None
    plan: dict[str, Any]
    planned: PlannedPoint


@dataclass(frozen=True)
class Outcome:
    """What a finished point gave.

    Args:
        objective: the value that the study file's objective names.
        standard_error: of the objective, from the validation patches; None where it has none.
        curve: metrics of each epoch, from epoch 1.
    """

    objective: float | None
    standard_error: float | None
    curve: list[dict[str, float]]


def claim_points(database: Database, study: str, owner: str, lease_seconds: float) -> list[Claim]:
    """Take the first waiting point, and with it every waiting point of the same recipe and stage.

    A recipe that another worker is training now is passed over: its points would only be trained twice.

    Returns:
        The claims, in ascending order of epochs; empty if nothing waits.
    """
    with database.transaction() as session:
        running = aliased(PointRow)
        busy = select(running.recipe_key).where(running.state == "running", running.recipe_key.is_not(None))
        free = and_(PointRow.state == "waiting", or_(PointRow.recipe_key.is_(None), PointRow.recipe_key.not_in(busy)))
        stages = select(StageRow).where(StageRow.study == study, StageRow.closed_at.is_(None))
        for stage in session.scalars(stages.order_by(StageRow.opened_at, StageRow.name)).all():
            if session.scalar(select(PointRow.id).where(PointRow.stage_name == stage.name, free).limit(1)) is None:
                continue
            # One claimer a stage at a time: two would each take half of the points that share a recipe.
            session.execute(select(StageRow.name).where(StageRow.name == stage.name).with_for_update())
            first = session.scalar(
                select(PointRow).where(PointRow.stage_name == stage.name, free).order_by(PointRow.id).limit(1)
            )
            if first is None:
                continue
            rows = [first]
            if first.recipe_key is not None:
                same = select(PointRow).where(
                    PointRow.stage_name == stage.name,
                    PointRow.state == "waiting",
                    PointRow.recipe_key == first.recipe_key,
                )
                rows = list(session.scalars(same.order_by(PointRow.epochs, PointRow.id)))
            expires = session.scalar(select(database_now())) or 0.0
            for row in rows:
                row.state, row.owner, row.attempt = "running", owner, row.attempt + 1
                row.lease_expires_at = expires + lease_seconds
            return [_claim(row, stage) for row in rows]
    return []


def _claim(row: PointRow, stage: StageRow) -> Claim:
    return Claim(
        id=row.id,
        stage_name=stage.name,
        stage=stage.stage,
        architecture=stage.architecture,
        attempt=row.attempt,
        owner=row.owner or "",
        trial_id=row.trial_id,
        plan=stage.plan,
        planned=PlannedPoint(row.point_key, row.label, row.point, row.recipe, row.recipe_key, row.epochs),
    )


def renew_leases(database: Database, claims: Sequence[Claim], lease_seconds: float) -> bool:
    """Put off the expiry of the leases.

    Returns:
        False if any of them is no longer ours.
    """
    with database.transaction() as session:
        held = 0
        for claim in claims:
            statement = update(PointRow).where(_held(claim)).values(lease_expires_at=database_now() + lease_seconds)
            held += _changed(session, statement)
        return held == len(claims)


def settle_point(database: Database, claim: Claim, planned: PlannedPoint, trial_id: int) -> None:
    """Record the values that the sampler chose for a claimed point, so that every later attempt trains the same.

    Args:
        database: where the point is.
        claim: ours.
        planned: the point with its values.
        trial_id: of the Optuna trial that the sampler was asked for.

    Raises:
        LeaseLostError: if the claim is no longer ours.
    """
    _write(
        database,
        claim,
        point=planned.point,
        recipe=planned.recipe,
        recipe_key=planned.recipe_key,
        epochs=planned.epochs,
        trial_id=trial_id,
    )


def link_trial(database: Database, claim: Claim, trial_id: int) -> None:
    """Record which Optuna trial shows this point.

    Raises:
        LeaseLostError: if the claim is no longer ours.
    """
    _write(database, claim, trial_id=trial_id)


def complete_point(database: Database, claim: Claim, outcome: Outcome) -> None:
    """Accept the point's result, once and for all.

    Raises:
        LeaseLostError: if the claim is no longer ours; nothing is changed then.
    """
    _write(
        database,
        claim,
        state="complete",
        owner=None,
        lease_expires_at=None,
        objective=outcome.objective,
        standard_error=outcome.standard_error,
        curve=outcome.curve,
        finished_at=database_now(),
    )


def fail_point(database: Database, claim: Claim, reason: str, *, max_attempts: int) -> bool:
    """Note why an attempt failed; the point waits for another, or fails for good after ``max_attempts``.

    Args:
        reason: one line.
        max_attempts: 1 fails it at once.

    Returns:
        True if it failed for good.

    Raises:
        LeaseLostError: if the claim is no longer ours.
    """
    with database.transaction() as session:
        row = session.scalar(select(PointRow).where(_held(claim)).with_for_update())
        if row is None:
            raise _lost(claim)
        return _end_attempt(row, reason, max_attempts)


def release_points(database: Database, claims: Sequence[Claim]) -> None:
    """Give claims back unused, as if never made; claims that are no longer ours are left alone."""
    with database.transaction() as session:
        for claim in claims:
            released = update(PointRow).where(_held(claim))
            session.execute(
                released.values(state="waiting", owner=None, lease_expires_at=None, attempt=claim.attempt - 1)
            )


def sweep_leases(database: Database, study: str, max_attempts: int) -> list[str]:
    """Put points back into the queue whose lease has expired, or whose owner died on this machine.

    Safe to repeat and to run in many processes at once: each lease is taken from its holder once. The Optuna trial of
    a point whose attempts are used up fails with it.

    Returns:
        The reason noted for each point, one line each.
    """
    reasons: list[str] = []
    given_up: list[tuple[int, str]] = []
    with database.transaction() as session:
        running = (
            select(PointRow)
            .join(StageRow, StageRow.name == PointRow.stage_name)
            .where(StageRow.study == study, PointRow.state == "running")
            .with_for_update(of=PointRow)
        )
        now = session.scalar(select(database_now())) or 0.0
        rows = session.scalars(running).all()
        dead = dead_owners({row.owner for row in rows if row.owner})
        for row in rows:
            if row.owner in dead:
                reason = f"attempt {row.attempt}: worker {row.owner} died"
            elif (row.lease_expires_at or 0.0) < now:
                reason = f"attempt {row.attempt}: the lease of worker {row.owner} expired"
            else:
                continue
            reasons.append(reason)
            if _end_attempt(row, reason, max_attempts) and row.trial_id is not None:
                given_up.append((row.trial_id, reason))
    for trial_id, reason in given_up:
        tell_trial(database, trial_id, None, {}, reason)
    return reasons


def _end_attempt(row: PointRow, reason: str, max_attempts: int) -> bool:
    failed = row.attempt >= max_attempts
    row.reasons = [*row.reasons, reason]
    row.state, row.owner, row.lease_expires_at = ("failed" if failed else "waiting"), None, None
    return failed


def _held(claim: Claim) -> ColumnElement[bool]:
    return and_(
        PointRow.id == claim.id,
        PointRow.state == "running",
        PointRow.owner == claim.owner,
        PointRow.attempt == claim.attempt,
    )


def _changed(session: Session, statement: Any) -> int:
    result = session.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0


def _write(database: Database, claim: Claim, **values: Any) -> None:
    with database.transaction() as session:
        if _changed(session, update(PointRow).where(_held(claim)).values(**values)) != 1:
            raise _lost(claim)


def _lost(claim: Claim) -> LeaseLostError:
    return LeaseLostError(
        f"{claim.stage_name}: attempt {claim.attempt} of point {claim.id} has passed to another worker"
    )
