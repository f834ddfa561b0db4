"""Run a study in this process: decide, work, and again, until it is finished."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import psutil

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.errors import StopRequestedError, StoreUnavailableError, WorkerOutgrownError
from hpo.stages.advance import Standing, advance, plan_steps
from hpo.stages.order import Until
from hpo.stages.retention import clean_after_the_end
from hpo.storage.database import Database
from hpo.storage.ledger import Compute, compute_by_owner
from hpo.storage.owner import this_process
from hpo.storage.patience import first_line
from hpo.storage.sweep import Suspicion, sweep_leases
from hpo.storage.tables import now
from hpo.worker.observer import Observer

if TYPE_CHECKING:
    from hpo.worker.worker import Worker

_log = logging.getLogger(__name__)

OnClosed = Callable[[StudyFile, Database], None]
"""What is done by who has closed a stage, once what follows is opened; if it fails, the work goes on all the same."""

IDLE_SECONDS = 1.0
"""Pause, on average, between looks at the database while other workers hold all that is left."""


@dataclass(frozen=True)
class Limits:
    """What a worker may take of its machine.

    Args:
        threads: CPU threads, where the study file does not say; None is all cores.
        memory_bytes: resident memory past which the worker ends between two points; None is no limit.
    """

    threads: int | None = None
    memory_bytes: float | None = None


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
    limits: Limits | None = None,
    since: float | None = None,
    on_closed: OnClosed | None = None,
) -> RunSummary:
    """Bring a study to its end, or to the end of a stage; other processes may work on it at the same time.

    TensorFlow is imported only if there is something to train.

    Args:
        study: the study file.
        database: the study database.
        dataset: opened and checked.
        observer: who watches.
        stop: once set, the run ends after the current epoch's checkpoint.
        until: end with this stage.
        limits: what the process may take of its machine.
        since: a request to stop counts if it was made after this moment by the database's clock; None is now.
        on_closed: what is done after this process has closed a stage.

    Raises:
        ConfigError: if the study was planned from other settings.
        StopRequestedError: if ``stop`` was set, or ``hpo stop`` asked; running again goes on from there.
        StoreUnavailableError: if database or checkpoint store stay out of reach.
        WorkerOutgrownError: if the process has grown past its memory limit.
    """
    database = replace(database, hurry=stop)
    try:
        standings = _run(study, database, dataset, observer, stop, until, limits or Limits(), since, on_closed)
    except StoreUnavailableError as error:
        if stop.is_set():
            raise StopRequestedError("stopped while the database or the store was away") from error
        raise
    trained = database.run(lambda session: compute_by_owner(session, study.name)).get(this_process(), Compute())
    return RunSummary(standings, trained)


def _run(
    study: StudyFile,
    database: Database,
    dataset: Dataset,
    observer: Observer,
    stop: threading.Event,
    until: Until,
    limits: Limits,
    since: float | None,
    on_closed: OnClosed | None,
) -> list[Standing]:
    sweeper = _Sweeper(database, study)
    since = database.run(now) if since is None else since

    def decide() -> bool:
        return until != "stage1" and database.patiently(partial(plan_steps, database, study))

    with ExitStack() as stack:
        worker: Worker | None = None
        while True:
            sweeper.sweep()
            closed: list[str] = []
            standings = database.patiently(partial(advance, database, study, dataset.digest, until, closed.append))
            if closed and on_closed is not None:
                _tell(on_closed, study, database)
            _clean(database, study)
            if all(standing.is_over(until) for standing in standings):
                return standings
            if worker is not None:
                _check_memory(limits)
            else:
                _check_stop(stop)
                from hpo.worker.worker import open_worker  # imports TensorFlow

                opened = open_worker(study, database, dataset, this_process(), observer, stop, limits.threads, since)
                worker = stack.enter_context(opened)
            _work_while_there_is_work(worker, stop, limits, sweeper, decide)


def _tell(on_closed: OnClosed, study: StudyFile, database: Database) -> None:
    try:
        on_closed(study, database)
    except Exception as error:
        _log.warning("a stage is closed, but what should follow was not done: %s", first_line(error))
        _log.debug("after closing a stage", exc_info=True)


def _clean(database: Database, study: StudyFile) -> None:
    """Remove the checkpoints of finished architectures that nothing needs any more; that may also wait."""
    try:
        clean_after_the_end(database, study)
    except StoreUnavailableError as error:
        _log.warning("checkpoints are not cleaned up: %s", error)


def _work_while_there_is_work(
    worker: Worker, stop: threading.Event, limits: Limits, sweeper: _Sweeper, decide: Callable[[], bool]
) -> None:
    """Work until something is to be decided: after the last point of a stage, or when nothing is left to claim."""
    from hpo.worker.work import work_once

    while True:
        _check_stop(stop, worker)
        worked = work_once(worker)
        if worked == "nothing":
            if decide():
                continue  # another worker may take it first: then there is another step for this one
            stop.wait(IDLE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - idle workers look at different times
            return
        if worked == "the last of a stage":
            return
        _check_memory(limits)  # after a point, not before: a limit that is too low still lets the work go on
        sweeper.sweep()


def _check_stop(stop: threading.Event, worker: Worker | None = None) -> None:
    if stop.is_set() or (worker is not None and worker.heartbeat.stop_mode is not None):
        raise StopRequestedError("stopped")


def _check_memory(limits: Limits) -> None:
    used = psutil.Process().memory_info().rss
    if limits.memory_bytes is not None and used > limits.memory_bytes:
        raise WorkerOutgrownError(
            f"memory has grown to {used / 1e9:.1f} GB, past the limit of {limits.memory_bytes / 1e9:.1f} GB: a fresh "
            "worker goes on"
        )


class _Sweeper:
    """Sweeps leases now and then."""

    def __init__(self, database: Database, study: StudyFile) -> None:
        self._database, self._study = database, study
        self._suspicion = Suspicion(study.workers.lease_seconds / 2)
        self._next = time.monotonic()

    def sweep(self) -> None:
        """Sweep if it is time."""
        if time.monotonic() < self._next:
            return
        settings = self._study.workers
        reasons = self._database.patiently(
            lambda: sweep_leases(self._database, self._study.name, settings.max_attempts, self._suspicion.is_confirmed)
        )
        for reason in reasons:
            _log.warning("a design point goes back to the queue: %s", reason)
        self._next = time.monotonic() + min(IDLE_SECONDS, settings.lease_seconds / 3)
