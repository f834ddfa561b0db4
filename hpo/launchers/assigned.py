"""A worker of an engine that calls it, instead of starting ``hpo worker``, in a fresh process."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.errors import HpoError, StopRequestedError
from hpo.launchers.devices import device_environment
from hpo.launchers.launcher import Assignment, Ending
from hpo.plain import PlainFormatter
from hpo.run.job import Limits
from hpo.run.worker_process import LOG_FORMAT, work_on

_log = logging.getLogger("hpo")


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
