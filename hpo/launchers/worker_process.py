"""The work of one worker, from the study file to its end, wherever it runs."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.errors import HpoError, StopRequestedError
from hpo.launchers.devices import device_environment
from hpo.launchers.inprocess import Limits, OnClosed, run_in_process
from hpo.launchers.launcher import Assignment, Ending
from hpo.plain import PlainFormatter
from hpo.stages.order import Until
from hpo.stages.plan import open_data
from hpo.storage.claims import Claim
from hpo.storage.database import open_database

_log = logging.getLogger("hpo")

LOG_FORMAT = "%(asctime)s %(message)s"
"""Of a worker's log."""


def work_on(
    study: Path | str,
    stop: threading.Event,
    *,
    database: str | None = None,
    until: Until = "test",
    limits: Limits | None = None,
    since: float | None = None,
    on_closed: OnClosed | None = None,
) -> None:
    """Work on a study until nothing is left to do, or ``hpo stop`` asks for an end.

    Args:
        study: the study file.
        stop: once set, the work ends after the current epoch.
        database: URL that goes before the study file's and the environment's.
        until: the stage to end with.
        limits: what the process may take of its machine; where they do not say, the study file does.
        since: as in `run_in_process`.
        on_closed: as in `run_in_process`.

    Raises:
        HpoError: as `run_in_process`, and if study file, data or database are not as they should be.
        StopRequestedError: if ``stop`` was set.
    """
    settings = load_study(study, database)
    limits = limits or Limits()
    if limits.memory_bytes is None and settings.workers.memory_gb is not None:
        limits = replace(limits, memory_bytes=settings.workers.memory_gb * 1e9)
    with closing(open_database(settings.database)) as opened:
        since = opened.now() if since is None else since  # before the data is read, which may take minutes
        dataset = open_data(settings)
        for doubt in dataset.doubts:
            _log.warning("%s", doubt)
        try:
            run_in_process(settings, opened, dataset, WorkerLog(settings), stop, until, limits, since, on_closed)
        except StopRequestedError:
            if stop.is_set():
                raise
            _log.info("stopped, as hpo stop asked")
        else:
            _log.info("%s: %s", settings.name, "nothing is left to do" if until == "test" else f"{until} is over")


def work_as_assigned(assignment: Assignment, stop: threading.Event) -> Ending:
    """What an engine that calls its workers, instead of starting ``hpo worker``, has them do in a fresh process.

    No signal handler is set: it may run in any thread.

    Args:
        assignment: of this worker.
        stop: once set, the worker ends after its current epoch.
    """
    os.environ.update({**assignment.environment, **device_environment(assignment.gpu)})
    limits = Limits(assignment.threads, assignment.memory_bytes)
    with _logging_to(assignment.log):
        try:
            work_on(
                assignment.study,
                stop,
                until=assignment.until,
                limits=limits,
                since=assignment.launched_at,
                on_closed=assignment.on_closed,
            )
        except StopRequestedError:
            return Ending("stopped")
        except HpoError as error:
            _log.warning("%s", error)
            return Ending("replace" if error.is_passing else "refused", " ".join(str(error).splitlines()))
        except Exception as error:
            _log.exception("an error that should not be")
            return Ending("died", " ".join(f"{type(error).__name__}: {error}".splitlines()))
    return Ending("finished")


@contextmanager
def _logging_to(log: Path) -> Iterator[None]:
    """Write what the worker says to standard error, which the engine keeps, and to its log where that can be made."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    problem: OSError | None = None
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log, encoding="utf-8"))
    except OSError as error:  # a node that sees the study but may not write there
        problem = error
    root, level = logging.getLogger(), _log.level
    for handler in handlers:
        handler.setFormatter(PlainFormatter(LOG_FORMAT))
        root.addHandler(handler)
    _log.setLevel(logging.INFO)
    if problem is not None:
        _log.warning("the log is only here: %s", problem)
    try:
        yield
    finally:
        _log.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


class WorkerLog:
    """An observer that writes a line for each thing that happens.

    Args:
        study: names the objective.
    """

    def __init__(self, study: StudyFile) -> None:
        self._metric = study.objective.metric

    def started(self, claims: Sequence[Claim]) -> None:
        """Tell what is worked on."""
        epochs = ", ".join(str(claim.planned.epochs) for claim in claims if claim.planned.epochs)
        _log.info("%s: attempt %d%s", claims[0].stage_name, claims[0].attempt, epochs and f", epochs {epochs}")

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """Tell the epoch and its metric."""
        if claims:
            _log.info("%s: epoch %d/%d, %s %.4f", claims[0].stage_name, epoch, epochs, self._metric, value)

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """Tell what a point gave."""
        if reason is not None:
            _log.warning("%s: %s", claim.stage_name, reason)
        elif objective is None:
            _log.info("%s: done", claim.stage_name)
        else:
            _log.info("%s: point %d: %s %.4f", claim.stage_name, claim.id, self._metric, objective)
