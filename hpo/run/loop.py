"""The loop of every process that runs a study: decide, work, and again, until it is finished."""

from __future__ import annotations

import logging
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import psutil

from hpo.config.study import StudyFile
from hpo.errors import StopRequestedError, StoreUnavailableError, WorkerOutgrownError
from hpo.run.functions import check_functions
from hpo.run.job import Job
from hpo.run.output_folder import check_output, mark_output
from hpo.run.retention import clean_after_the_end
from hpo.stages.advance import Standing, advance, plan_steps
from hpo.stages.folds import FoldAddresses, check_planned_folds, fold_addresses
from hpo.stages.limits import check_limits
from hpo.stages.plan import determining_settings, recorded_settings
from hpo.stages.replan import accept_plan
from hpo.storage.database import Database
from hpo.storage.ledger import Compute, compute_by_owner
from hpo.storage.owner import this_process
from hpo.storage.patience import first_line
from hpo.storage.sweep import Suspicion, sweep_leases

if TYPE_CHECKING:
    from hpo.worker.worker import Worker

_log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""Pause, on average, between looks at the database while other workers hold all that is left."""


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Args:
        standings: of each architecture.
        trained: what this process trained; no epochs if everything was there already.
    """

    standings: list[Standing]
    trained: Compute


def run_job(job: Job) -> RunSummary:
    """Bring a study to its end, or to the end of a stage.

    TensorFlow is imported only if there is something to train.

    Raises:
        ConfigError: if the study file makes another study of it, or is an earlier plan.
        PlanChangedError: if the study was planned anew meanwhile; its file is to be read again.
        StopRequestedError: if ``job.stop`` was set, or ``hpo stop`` asked; running again continues from there.
        StoreUnavailableError: if database or checkpoint store stay out of reach.
        WorkerOutgrownError: if the process has grown past its memory limit.
    """
    job = replace(job, database=replace(job.database, hurry=job.stop))
    try:
        accept_plan(job.database, job.study, job.dataset.digest, only_new=True)
        standings = _run(job)
    except StoreUnavailableError as error:
        if job.stop.is_set():
            raise StopRequestedError("stopped while the database or the store was unreachable") from error
        raise
    by_owner = job.database.run(compute_by_owner, job.study.name)
    return RunSummary(standings, by_owner.get(this_process(), Compute()))


def _run(job: Job) -> list[Standing]:
    sweeper, announcer = _Sweeper(job.database, job.study), _Announcer(job)
    check_output(job.database, job.study)
    folds = fold_addresses(job.study, job.dataset)
    check_planned_folds(job.database, job.study, job.dataset.digest, folds)
    if recorded_settings(job.database, job.study.name) is None:
        check_functions(job.study, job.limits.threads)
        check_limits(job.study)
    with ExitStack() as stack:
        worker: Worker | None = None
        is_marked = False
        while True:
            sweeper.sweep()
            standings = _decide(job, folds, announcer)
            if not is_marked:
                mark_output(job.database, job.study)
                is_marked = True
            _clean(job)
            is_over = all(standing.is_over(job.until) for standing in standings)
            announcer.announce(is_over)
            if is_over:
                return standings
            if worker is not None:
                _check_memory(job)
            else:
                _check_stop(job)
                from hpo.worker.worker import open_worker  # imports TensorFlow

                opened = open_worker(
                    job.study,
                    job.database,
                    job.dataset,
                    this_process(),
                    job.observer,
                    job.stop,
                    job.limits.threads,
                    job.since,
                    determining_settings(job.study, job.dataset.digest),
                )
                worker = stack.enter_context(opened)
            _work_while_there_is_work(job, worker, sweeper)


def _decide(job: Job, folds: FoldAddresses, announcer: _Announcer) -> list[Standing]:
    """Take every decision that is due."""
    return job.database.patiently(
        partial(advance, job.database, job.study, job.dataset.digest, job.until, announcer.closed, folds)
    )


def _clean(job: Job) -> None:
    """Remove checkpoints that are no longer needed; a failure is only logged."""
    try:
        clean_after_the_end(job.database, job.study)
    except StoreUnavailableError as error:
        _log.warning("checkpoints are not cleaned up: %s", error)


def _work_while_there_is_work(job: Job, worker: Worker, sweeper: _Sweeper) -> None:
    """Work until a decision is due: after a stage's last point, or when no point is free."""
    from hpo.worker.work import work_once

    while True:
        _check_stop(job, worker)
        worked = work_once(worker)
        if worked == "nothing":
            if job.until != "stage1" and job.database.patiently(partial(plan_steps, job.database, job.study)):
                continue  # another worker may take it first: then there is another step for this one
            job.stop.wait(IDLE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - idle workers look at different times
            return
        if worked == "the last of a stage":
            return
        _check_memory(job)  # after a point, not before: a limit that is too low still lets the work continue
        sweeper.sweep()


def _check_stop(job: Job, worker: Worker | None = None) -> None:
    if job.stop.is_set() or (worker is not None and worker.heartbeat.stop_mode is not None):
        raise StopRequestedError("stopped")


def _check_memory(job: Job) -> None:
    used, most = psutil.Process().memory_info().rss, job.limits.memory_bytes
    if most is not None and used > most:
        raise WorkerOutgrownError(
            f"memory has grown to {used / 1e9:.1f} GB, past the limit of {most / 1e9:.1f} GB: a fresh worker continues"
        )


class _Announcer:
    """Calls ``job.on_closed`` for the stages that were closed here, which takes a tenth of the run's time at most.

    Only what follows the last stage is called at once in any case.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._has_closed = False
        self._next = time.monotonic()

    def closed(self, _stage: str) -> None:
        """Note that a stage was closed."""
        self._has_closed = True

    def announce(self, is_over: bool) -> None:
        """Call it if stages were closed since the last call, and it is time or everything is over."""
        if self._job.on_closed is None or not self._has_closed or (time.monotonic() < self._next and not is_over):
            return
        begun = time.monotonic()
        try:
            self._job.on_closed(self._job.study, self._job.database)
        except Exception as error:
            _log.warning("a stage has closed, but publishing it failed: %s", first_line(error))
            _log.debug("after closing a stage", exc_info=True)
        self._has_closed = False
        self._next = time.monotonic() + 9 * (time.monotonic() - begun)


class _Sweeper:
    """Sweeps leases at intervals."""

    def __init__(self, database: Database, study: StudyFile) -> None:
        self._database, self._study = database, study
        self._suspicion = Suspicion(study.workers.lease_seconds / 2)
        self._next = time.monotonic()

    def sweep(self) -> None:
        """Sweep if it is time."""
        if time.monotonic() < self._next:
            return
        settings = self._study.workers
        reasons = self._database.run(
            sweep_leases, self._study.name, settings.max_attempts, self._suspicion.is_confirmed
        )
        for reason in reasons:
            _log.warning("a design point returns to the queue: %s", reason)
        self._next = time.monotonic() + min(IDLE_SECONDS, settings.lease_seconds / 3)
