"""Workers as actors of a Ray cluster.

Ray finds the cluster as it always does: the one that RAY_ADDRESS names, one that ``ray start`` began on this machine,
or else it begins one of its own here, which ends with the launch. This package, the study file, data, database and
checkpoints must be at the same places on every node. A worker's log is written on its own node, and to Ray's logs. A
worker ends at once when its launcher is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

# Ray reads these when it is imported: it shall not report on its use, nor copy the working directory under `uv run`.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import ray
from ray.exceptions import RayError

from hpo.errors import HpoError
from hpo.launchers.launcher import Assignment, Ending
from hpo.launchers.safe_path import without_folder

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
"""A worker that Ray has not started by then is spoken of: it may ask for what no node has."""


class RayLauncher:
    """Starts each worker as an actor, a fresh process on a node that has CPUs and GPU for it.

    Raises:
        HpoError: if Ray can neither be reached nor started.
    """

    def __init__(self) -> None:
        self._is_ours = not ray.is_initialized()
        if not self._is_ours:
            return
        try:
            with _signals_kept():
                ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
        except (RuntimeError, ValueError, OSError) as error:  # ConnectionError is an OSError
            hint = "" if "RAY_AUTH_MODE" in os.environ else " (a cluster that wants a token needs RAY_AUTH_MODE=token)"
            raise HpoError(f"Ray cannot be reached or started: {_one_line(error)}{hint}") from None

    def start(self, assignments: Sequence[Assignment]) -> list[RayWorker]:
        """Start a worker for each of these; those that find no room wait for it."""
        return [RayWorker(assignment) for assignment in assignments]

    def close(self) -> None:
        """End a Ray of our own, or leave the cluster."""
        if self._is_ours:
            ray.shutdown()


class RayWorker:
    """A worker's actor.

    Args:
        assignment: of this worker.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._needs = {"CPU": float(assignment.threads or 1), "GPU": assignment.gpu_share}
        options: dict[str, Any] = {"num_cpus": self._needs["CPU"], "num_gpus": self._needs["GPU"]}
        # Two at once: a stop is heard during the work.
        self._actor: Any = _actor_class().options(max_concurrency=2, **options).remote(str(Path.cwd()))
        self._ready, self._result = self._actor.ready.remote(), self._actor.work.remote(assignment)
        self._name, self._asked_at = f"worker {assignment.number}", time.monotonic()
        self._began_at: float | None = None
        self._is_stopping = self._has_complained = False

    def poll(self) -> Ending | None:
        """How it ended; None while it runs, or waits for a node with room."""
        if self._began_at is None:
            self._look_whether_it_began()
        if not _is_there(self._result):
            return None
        try:
            ending: Ending = ray.get(self._result)
        except RayError as error:
            ending = Ending("stopped") if self._is_stopping else Ending("died", _one_line(error))
        self.kill()  # its process has done its work
        return replace(ending, waited=(self._began_at or time.monotonic()) - self._asked_at)

    def stop(self) -> None:
        """Let it end after its current epoch; one that waits for a node waits no longer."""
        self._is_stopping = True
        if self._began_at is None:
            self.kill()
        else:
            self._actor.stop.remote()

    def kill(self) -> None:
        """End it at once."""
        ray.kill(self._actor)

    def _look_whether_it_began(self) -> None:
        now = time.monotonic()
        if _is_there(self._ready):
            self._began_at = now
        elif now - self._asked_at > PATIENCE_SECONDS and not self._has_complained:
            self._has_complained = True
            available: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]  # Ray's own
            free = {name: available.get(name, 0.0) for name in self._needs}
            _log.warning("%s waits: it needs %s; free are %s", self._name, _amounts(self._needs), _amounts(free))


class _Work:
    """The actor: a worker that can be asked to stop.

    Args:
        launched_from: the launcher's working directory, which Ray has put on the path for modules.
    """

    def __init__(self, launched_from: str) -> None:
        self._stop = threading.Event()
        sys.path[:] = without_folder(sys.path, Path(launched_from))

    def ready(self) -> None:
        """Return once the process has started."""

    def work(self, assignment: Assignment) -> Ending:
        """Work until nothing is left to do."""
        from hpo.launchers.assigned import work_as_assigned

        return work_as_assigned(assignment, self._stop)

    def stop(self) -> None:
        """Let the work end after the current epoch."""
        self._stop.set()


def _actor_class() -> Any:
    return ray.remote(_Work)


def _is_there(reference: Any) -> bool:
    done, _ = ray.wait([reference], timeout=0)
    return bool(done)


def _amounts(resources: dict[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in sorted(resources.items()) if amount) or "none"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep our SIGTERM handler: Ray's own would end the launch without giving claims back."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
