"""A job: everything that a process needs to work on a study."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.stages.order import check_until
from hpo.storage.database import Database
from hpo.worker.observer import Observer

OnClosed = Callable[[StudyFile, Database], None]
"""Called by the process that has closed a stage, once the next one is open. If it fails, the work continues."""


@dataclass(frozen=True)
class Limits:
    """Resources of a machine that a worker may use.

    Args:
        threads: CPU threads, where the study file does not say; None is all cores.
        memory_bytes: resident memory past which the worker ends between two points; None is no limit.
    """

    threads: int | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True)
class Job:
    """The work of one process on a study; other processes may work on it at the same time.

    Args:
        study: the study file.
        database: the study database.
        dataset: opened and checked.
        observer: receives what happens.
        stop: once set, the work ends after the current epoch's checkpoint.
        since: database clock; a request to stop counts if it was made later.
        until: the stage to end with.
        limits: what the process may take of its machine.
        on_closed: called after this process has closed stages, once for several that follow closely; at the end in any
            case.

    Raises:
        HpoError: if the study does not pass through the stage to end with.
    """

    study: StudyFile
    database: Database
    dataset: Dataset
    observer: Observer
    stop: threading.Event
    since: float
    until: Stage = "test"
    limits: Limits = Limits()
    on_closed: OnClosed | None = None

    def __post_init__(self) -> None:
        """Check that the study has the stage to end with."""
        check_until(self.study, self.until)
