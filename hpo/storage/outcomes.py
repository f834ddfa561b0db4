"""Outcomes of a claimed point: its epochs, its failures, and the one accepted result.

Each function is part of a transaction of the caller's, changes nothing if the claim has passed to another worker, and
is safe to repeat: a worker that does not know whether its commit arrived makes it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from hpo.storage.artifacts import Artifact
from hpo.storage.claims import Claim, held, write_if_held
from hpo.storage.optuna_trials import report_epochs, tell_trial
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow, TrainedEpochRow, database_now, now


@dataclass(frozen=True)
class Outcome:
    """The result of a finished point.

    Args:
        objective: the value that the study file's objective names.
        standard_error: of the objective, from the validation patches; None where it has none.
        curve: metrics of each epoch, from epoch 1.
        attributes: what the trial shows beside them, JSON-ready.
        artifact: the trial's file, kept in the store already; None where there is no trial.
        values: of each objective of the trial's Optuna study, if it has several; empty if it has one.
        constraints: of the trial, by name; above 0 is a violation.
    """

    objective: float | None
    standard_error: float | None
    curve: list[dict[str, float]]
    attributes: Mapping[str, Any]
    artifact: Artifact | None = None
    values: tuple[float, ...] = ()
    constraints: Mapping[str, float] = field(default_factory=dict)


def settle_point(session: Session, claim: Claim, planned: DesignPoint) -> bool:
    """Record a sampler's values for a claimed point, so that later attempts train the same.

    Returns:
        Whether the claim is still ours.
    """
    chosen = ("point", "recipe", "recipe_key", "epochs")  # key and label are the plan's, which may have changed
    return write_if_held(session, claim, **{name: planned.columns()[name] for name in chosen})


def show_epochs(session: Session, claim: Claim, values: Mapping[int, float]) -> bool:
    """Let the point's trial show the objective's metric after epochs (from 1).

    Returns:
        Whether the claim is still ours, or has finished its point.
    """
    if session.scalar(select(PointRow.id).where(held(claim)).with_for_update()) is None:
        return _is_finished_by(session, claim)
    if claim.trial_id is not None:
        report_epochs(session, claim.trial_id, values)
    return True


def complete_point(session: Session, claim: Claim, outcome: Outcome) -> bool:
    """Accept a point's result once, in its row and in its trial.

    Returns:
        False if the claim is no longer ours; nothing is changed then.
    """
    accepted = write_if_held(
        session,
        claim,
        state="complete",
        lease_expires_at=None,
        failures=0,
        objective=outcome.objective,
        standard_error=outcome.standard_error,
        curve=outcome.curve,
        finished_at=database_now(),
    )
    if accepted and claim.trial_id is not None:
        told = outcome.values or outcome.objective
        tell_trial(
            session,
            claim.trial_id,
            told,
            outcome.attributes,
            artifact=outcome.artifact,
            constraints=outcome.constraints,
        )
    return accepted or _is_finished_by(session, claim)


def fail_point(
    session: Session, claim: Claim, reason: str, *, max_attempts: int, traceback: Sequence[str] = ()
) -> str | None:
    """Note why an attempt failed; the point waits for another attempt or fails for good.

    Args:
        session: the transaction.
        claim: ours.
        reason: one line.
        max_attempts: so many in a row that trained nothing fail it for good; 0 fails it whatever was trained.
        traceback: its last lines, where nobody foresaw it.

    Returns:
        The point's state afterwards; None if the claim is no longer ours.
    """
    row = session.scalar(select(PointRow).where(held(claim)).with_for_update())
    if row is None:
        return None
    end_attempt(session, row, reason, max_attempts, traceback)
    return row.state


def end_attempt(session: Session, row: PointRow, reason: str, max_attempts: int, traceback: Sequence[str] = ()) -> None:
    """End a running point's attempt badly: back to the queue, or failed with its trial; see `fail_point`."""
    before = aliased(TrainedEpochRow)
    trained_before = select(before.id).where(
        before.recipe_key == TrainedEpochRow.recipe_key,
        before.epoch == TrainedEpochRow.epoch,
        before.id < TrainedEpochRow.id,
    )
    trained = select(TrainedEpochRow.id).where(
        TrainedEpochRow.owner == row.owner,
        TrainedEpochRow.at >= (row.claimed_at or 0.0),
        ~trained_before.exists(),  # an epoch that was lost and trained again is no progress
    )
    has_progressed = session.scalar(trained.limit(1)) is not None
    row.failures = 0 if has_progressed and max_attempts else row.failures + 1
    fault = {"reason": reason, "owner": row.owner, "attempt": row.attempt, "at": now(session)}
    row.faults = [*row.faults, {**fault, "traceback": list(traceback)} if traceback else fault]
    row.lease_expires_at = None
    if row.failures < max_attempts:
        row.state, row.owner = "waiting", None
        return
    row.state, row.finished_at = "failed", now(session)
    if row.trial_id is not None:
        tell_trial(session, row.trial_id, None, {}, reason)


def stage_is_exhausted(session: Session, stage_name: str) -> bool:
    """Whether no point of a stage waits or is worked on."""
    unfinished = select(PointRow.id).where(
        PointRow.stage_name == stage_name, PointRow.state.in_(("waiting", "running"))
    )
    return session.scalar(unfinished.limit(1)) is None


def _is_finished_by(session: Session, claim: Claim) -> bool:
    """Whether this claim finished its point: an unconfirmed commit is repeated."""
    finished = select(PointRow.id).where(
        PointRow.id == claim.id, PointRow.attempt == claim.attempt, PointRow.state == "complete"
    )
    return session.scalar(finished) is not None
