"""Run a study in this process: decide, work, and again, until it is finished."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.errors import StopRequestedError
from hpo.stages.advance import Standing, advance
from hpo.stages.order import Until
from hpo.storage.claims import sweep_leases
from hpo.storage.database import Database
from hpo.storage.ledger import Compute, compute_by_owner
from hpo.storage.owner import this_process
from hpo.worker.observer import Observer

_log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""Pause between looks at the database while other workers hold all that is left."""


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Args:
        standings: of each architecture.
        trained: what this process trained; no epochs if everything was there already.
    """

    standings: list[Standing]
    trained: Compute


def run_in_process(
    study: StudyFile,
    database: Database,
    dataset: Dataset,
    observer: Observer,
    stop: threading.Event,
    until: Until = "test",
) -> RunSummary:
    """Bring a study to its end, or to the end of a stage; other processes may work on it at the same time.

    TensorFlow is imported only if there is something to train.

    Raises:
        ConfigError: if the study was planned from other settings.
        StopRequestedError: if ``stop`` was set; running again goes on from there.
    """
    owner = this_process()
    worker = None
    while True:
        for reason in sweep_leases(database, study.name, study.workers.max_attempts):
            _log.warning("a design point goes back to the queue: %s", reason)
        standings = advance(database, study, dataset.digest, until)
        if all(standing.is_over(until) for standing in standings):
            break
        if stop.is_set():
            raise StopRequestedError("stopped")
        if worker is None:
            from hpo.worker.worker import open_worker, work_once  # imports TensorFlow

            worker = open_worker(study, database, dataset, owner, observer, stop)
        if not work_once(worker):
            stop.wait(IDLE_SECONDS)
    with database.transaction() as session:
        trained = compute_by_owner(session, study.name).get(owner, Compute())
    return RunSummary(standings, trained)
