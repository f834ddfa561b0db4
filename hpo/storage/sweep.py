"""The sweep: points whose worker is gone return to the queue."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hpo.storage.outcomes import end_attempt
from hpo.storage.owner import dead_owners
from hpo.storage.tables import PointRow, StageRow, WorkerRow, database_now, now


@dataclass
class Suspicion:
    """Leases that were found expired, and since when.

    After a database outage every lease looks expired: their holders get time to renew them.

    Args:
        seconds: so long must a lease be seen to stay expired before it is taken.
    """

    seconds: float
    _since: dict[tuple[int, int, float], float] = field(default_factory=dict)

    def is_confirmed(self, row: PointRow) -> bool:
        """Whether an expired lease has been seen before, unchanged, and long enough ago."""
        seen = time.monotonic()
        return seen - self._since.setdefault((row.id, row.attempt, row.lease_expires_at or 0.0), seen) >= self.seconds


def sweep_leases(
    session: Session, study: str, max_attempts: int, is_confirmed: Callable[[PointRow], bool] = lambda _row: True
) -> list[str]:
    """Requeue points whose lease has expired or whose owner died on this machine.

    Safe to repeat and to run in many processes at once: each lease is taken from its holder once. The Optuna trial of
    a point whose attempts are used up fails with it.

    Args:
        session: the transaction.
        study: the study's name.
        max_attempts: of a point, as in `hpo.storage.outcomes.fail_point`.
        is_confirmed: whether an expired lease is to be taken.

    Returns:
        The reason noted for each point, one line each.
    """
    reasons: list[str] = []
    running = (
        select(PointRow)
        .join(StageRow, StageRow.name == PointRow.stage_name)
        .where(StageRow.study == study, PointRow.state == "running")
        .order_by(PointRow.id)
        .with_for_update(of=PointRow, skip_locked=True)  # whoever locks a row is alive and at work on it
    )
    moment = now(session)
    rows = session.scalars(running).all()
    dead = _note_deaths(session, study, {row.owner for row in rows if row.owner})
    for row in rows:
        if row.owner in dead:
            reason = f"attempt {row.attempt}: worker {row.owner} died"
        elif (row.lease_expires_at or 0.0) < moment and is_confirmed(row):
            reason = f"attempt {row.attempt}: the lease of worker {row.owner} expired"
        else:
            continue
        reasons.append(reason)
        end_attempt(session, row, reason, max_attempts)
    return reasons


def _note_deaths(session: Session, study: str, holders: set[str]) -> set[str]:
    """Register the end of dead workers of this machine, and return them."""
    registered = select(WorkerRow.owner).where(WorkerRow.study == study, WorkerRow.ended_at.is_(None))
    dead = dead_owners(holders | set(session.scalars(registered)))
    if dead:
        ended = update(WorkerRow).where(WorkerRow.study == study, WorkerRow.owner.in_(dead))
        session.execute(ended.where(WorkerRow.ended_at.is_(None)).values(ended_at=database_now()))
    return dead
