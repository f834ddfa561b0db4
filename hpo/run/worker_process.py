"""The work of one worker process, from the study file to the end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from hpo.config.load import load_study
from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.errors import StopRequestedError
from hpo.run.job import Job, Limits
from hpo.run.loop import run_job
from hpo.run.publishing import publish_if_shown
from hpo.stages.data import open_data
from hpo.stages.point_words import claim_words
from hpo.storage.claims import Claim
from hpo.storage.database import open_database

_log = logging.getLogger("hpo")

LOG_FORMAT = "%(asctime)s %(message)s"
"""The format of a worker's log."""


def work_on(
    study: Path | str,
    stop: threading.Event,
    *,
    database: str | None = None,
    until: Stage = "test",
    limits: Limits = Limits(),  # noqa: B008 - frozen
    since: float | None = None,
) -> None:
    """Work on a study until nothing is left to do, or ``hpo stop`` asks for an end.

    Args:
        study: the study file.
        stop: once set, the work ends after the current epoch.
        database: URL that overrides the study file's and the environment's.
        until: the stage to end with.
        limits: what the process may take of its machine; where they do not say, the study file does.
        since: database clock; a request to stop counts if it was made later. None is now.

    Raises:
        HpoError: as `run_job`, and if study file, data or database are not as they should be.
        StopRequestedError: if ``stop`` was set.
    """
    settings = load_study(study, database)
    if limits.memory_bytes is None and settings.workers.memory_gb is not None:
        limits = replace(limits, memory_bytes=settings.workers.memory_gb * 1e9)
    with closing(open_database(settings.database)) as opened:
        since = opened.now() if since is None else since  # before the data is read, which may take minutes
        dataset = open_data(settings)
        for doubt in dataset.doubts:
            _log.warning("%s", doubt)
        job = Job(settings, opened, dataset, WorkerLog(settings), stop, since, until, limits, publish_if_shown)
        try:
            run_job(job)
        except StopRequestedError:
            if stop.is_set():
                raise
            _log.info("stopped, as hpo stop asked")
        else:
            _log.info("%s: %s", settings.name, "nothing is left to do" if until == "test" else f"{until} is over")


class WorkerLog:
    """An observer that logs a line for each event.

    Args:
        study: names the objective.
    """

    def __init__(self, study: StudyFile) -> None:
        self._metric = study.objective.metric

    def started(self, claims: Sequence[Claim]) -> None:
        """Log the points that are worked on, by number and settings; those that differ in epochs share a training."""
        numbers = ", ".join(str(claim.id) for claim in claims)
        epochs = ", ".join(str(claim.planned.epochs) for claim in claims if claim.planned.epochs)
        words = f"point {numbers}: {claim_words(claims[0])}, attempt {claims[0].attempt}"
        _log.info("%s: %s%s", claims[0].stage_name, words, f", epochs {epochs}" if len(claims) > 1 and epochs else "")

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """Log the epoch and its metric."""
        if claims:
            _log.info("%s: epoch %d/%d, %s %.4f", claims[0].stage_name, epoch, epochs, self._metric, value)

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """Log a point's result."""
        if reason is not None:
            _log.warning("%s: point %d: %s", claim.stage_name, claim.id, reason)
        elif objective is None:
            _log.info("%s: done", claim.stage_name)
        else:
            words = claim_words(claim)
            _log.info("%s: point %d: %s: %s %.4f", claim.stage_name, claim.id, words, self._metric, objective)
