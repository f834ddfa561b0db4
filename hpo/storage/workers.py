"""The register of workers, and requests to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from hpo.storage.owner import dead_owners
from hpo.storage.tables import StudyRow, WorkerRow, database_now, now

StopMode = Literal["drain", "now"]
"""``drain``: end after the current design point; ``now``: end after the current epoch."""


@dataclass(frozen=True)
class RegisteredWorker:
    """A worker of a study that has not ended.

    Args:
        owner: the worker, ``HOST:PID:START``.
        device: what it trains on, such as ``GPU 0`` or ``CPU``.
        started_at: seconds since 1970 by the database's clock.
        silent_seconds: since it was last heard of.
    """

    owner: str
    device: str
    started_at: float
    silent_seconds: float


@dataclass(frozen=True)
class WorkerSpan:
    """From when to when a worker worked; moments in seconds since 1970, UTC, by the database's clock.

    Args:
        owner: the worker, ``HOST:PID:START``.
        device: what it trained on, such as ``GPU 0`` or ``CPU``.
        started_at: when it began.
        seen_at: when it was last heard of.
        ended_at: when it said that it ends, or was found dead; None while it runs, or if it vanished elsewhere.
    """

    owner: str
    device: str
    started_at: float
    seen_at: float
    ended_at: float | None


def register_worker(session: Session, study: str, owner: str, device: str) -> float:
    """Register a starting worker.

    Returns:
        Its start, by the database's clock.
    """
    moment = now(session)
    session.merge(WorkerRow(owner=owner, study=study, device=device, started_at=moment, seen_at=moment, ended_at=None))
    return moment


def see_worker(session: Session, study: str, owner: str) -> None:
    """Note that a worker is alive."""
    session.execute(update(WorkerRow).where(_row(study, owner)).values(seen_at=database_now()))


def end_worker(session: Session, study: str, owner: str) -> None:
    """Note that a worker has ended."""
    session.execute(update(WorkerRow).where(_row(study, owner)).values(ended_at=database_now()))


def live_workers(session: Session, study: str) -> list[RegisteredWorker]:
    """The workers that have not ended; one killed on another machine shows by its silence only."""
    moment = now(session)
    rows = session.scalars(
        select(WorkerRow).where(WorkerRow.study == study, WorkerRow.ended_at.is_(None)).order_by(WorkerRow.started_at)
    )
    found = [RegisteredWorker(row.owner, row.device, row.started_at, max(0.0, moment - row.seen_at)) for row in rows]
    dead = dead_owners(worker.owner for worker in found)  # nobody may have swept since they were killed
    return [worker for worker in found if worker.owner not in dead]


def worker_spans(session: Session, study: str) -> list[WorkerSpan]:
    """All workers of a study, the first one first."""
    row = WorkerRow
    columns = row.owner, row.device, row.started_at, row.seen_at, row.ended_at
    spans = session.execute(select(*columns).where(row.study == study).order_by(row.started_at, row.owner))
    return [WorkerSpan(*span) for span in spans]


def earlier_workers(session: Session, study: str, owner: str, lease_seconds: float) -> list[str]:
    """The workers that started before this one and were seen within a lease, the first one first."""
    live = [worker for worker in live_workers(session, study) if worker.silent_seconds < lease_seconds]
    ranked = [worker.owner for worker in sorted(live, key=lambda worker: (worker.started_at, worker.owner))]
    return ranked[: ranked.index(owner)] if owner in ranked else ranked


def request_stop(session: Session, study: str, mode: StopMode) -> bool:
    """Ask every running worker of a study to stop; later ones are not affected.

    Returns:
        False if the study is not in the database.
    """
    row = session.get(StudyRow, study)
    if row is None:
        return False
    row.stop_requested_at, row.stop_now = now(session), mode == "now"
    return True


def stop_request(session: Session, study: str, since: float) -> StopMode | None:
    """The request to stop made after a moment by the database's clock, or None."""
    requested = select(StudyRow.stop_requested_at, StudyRow.stop_now).where(StudyRow.name == study)
    found = session.execute(requested).one_or_none()
    if found is None or found[0] is None or found[0] < since:
        return None
    return "now" if found[1] else "drain"


def _row(study: str, owner: str) -> ColumnElement[bool]:
    return and_(WorkerRow.study == study, WorkerRow.owner == owner)
