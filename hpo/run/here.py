"""A run in this process, with its progress on standard error and its tracebacks in the study's log."""

from __future__ import annotations

import threading

from hpo.config.load import load_study
from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.errors import PlanChangedError
from hpo.run.job import Job
from hpo.run.loop import RunSummary, run_job
from hpo.run.progress import RunProgress
from hpo.run.publishing import publish_if_shown
from hpo.run.tracebacks import tracebacks_kept
from hpo.stages.estimate import finished_points
from hpo.storage.database import Database
from hpo.terminal import progress_bar, say
from hpo.worker.observer import Observer


def run_here(
    study: StudyFile,
    database: Database,
    dataset: Dataset,
    stop: threading.Event,
    until: Stage = "test",
    observer: Observer | None = None,
) -> tuple[StudyFile, RunSummary]:
    """Run a study in this process; if its plan changes meanwhile, its file is read again.

    Args:
        study: the study file.
        database: the study database.
        dataset: opened and checked.
        stop: once set, the run ends after the current epoch.
        until: the stage to end with.
        observer: receives what happens; None is a progress bar, or lines without a terminal.

    Returns:
        The study as it was planned last, and how its run ended.

    Raises:
        HpoError: as `run_job`.
    """
    while True:
        try:
            return study, _run(study, database, dataset, stop, until, observer)
        except PlanChangedError:
            study = load_study(study.file, study.database)
            say(f"{study.name}: its plan has changed; it continues by the new one")


def _run(
    study: StudyFile,
    database: Database,
    dataset: Dataset,
    stop: threading.Event,
    until: Stage,
    observer: Observer | None,
) -> RunSummary:
    with progress_bar() as bar, tracebacks_kept(study.output / "logs" / "run.log"):
        watching = observer or RunProgress(bar, study, finished_points(database, study), until)
        job = Job(study, database, dataset, watching, stop, database.now(), until, on_closed=publish_if_shown)
        return run_job(job)
