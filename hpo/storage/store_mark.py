"""A mark in the checkpoint store by which workers notice that they use different ones."""

from __future__ import annotations

import logging
import time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hpo.errors import StopRequestedError, StorageError
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.tables import PointRow, StageRow, StudyRow
from hpo.storage.workers import earlier_workers

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2


def agree_on_store(database: Database, study: str, owner: str, files: Files, lease_seconds: float) -> None:
    """Check by a mark that the store is the one of the study's other workers; the first leaves it.

    A first worker that finds a store without a mark, though points of the study are complete, warns: what such a study
    needs again is trained again, and often the store is merely somewhere else.

    Args:
        database: the study database, the worker registered in it.
        study: the study's name.
        owner: the worker.
        files: its checkpoint store.
        lease_seconds: a worker that was silent for longer is not counted; so long is its mark waited for.

    Raises:
        StorageError: if workers are alive that do not use this store.
        StoreUnavailableError: if database or store are out of reach.
        StopRequestedError: if the worker was asked to stop meanwhile.
    """

    def standing(session: Session) -> tuple[float, list[str]]:
        opened = session.scalars(select(StudyRow.opened_at).where(StudyRow.name == study)).one()
        return opened, earlier_workers(session, study, owner, lease_seconds)

    def complete(session: Session) -> int:
        ours = select(func.count()).select_from(PointRow).join(StageRow, PointRow.stage_name == StageRow.name)
        return session.scalars(ours.where(StageRow.study == study, PointRow.state == "complete")).one()

    deadline, is_waiting = time.monotonic() + lease_seconds, False
    while True:
        opened_at, earlier = database.run(standing)
        mark = mark_name(study, opened_at)
        if files.read(mark) is not None:
            return
        if not earlier:
            if count := database.run(complete):
                _log.warning(
                    "checkpoint store %s has never held study %s (complete points: %d): weights that are needed are "
                    "trained again; if they are in another store, stop, and set checkpoints in the study file, or "
                    "HPO_CHECKPOINTS, to it",
                    files.url,
                    study,
                    count,
                )
            files.write(mark, b"The workers of this study keep their checkpoints here.\n")
            return
        if time.monotonic() >= deadline:
            raise StorageError(
                f"checkpoint store {files.url} is not that of worker {earlier[0]}: all workers of a study share one; "
                "set checkpoints in the study file, or HPO_CHECKPOINTS, to a folder or URL that every machine reaches"
            )
        if not is_waiting:
            _log.warning("checkpoint store %s: waiting for a sign of worker %s in it", files.url, earlier[0])
            is_waiting = True
        if database.hurry.wait(LOOK_SECONDS):
            raise StopRequestedError("stopped")


def mark_name(study: str, opened_at: float) -> str:
    """The file in a store that tells that a study's workers keep their checkpoints there.

    Args:
        study: its name.
        opened_at: when it was planned, by its database's clock: another study of the same name has another.
    """
    return f"studies/{study}-{opened_at:.0f}"
