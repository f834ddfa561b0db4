"""Workers as jobs of Slurm, through submitit.

The study's output folder, this package, study file, data, database and checkpoints must be at the same places on every
node. Jobs outlive their launcher; ``hpo stop`` ends them.

Three signals end a job, and each lets it end after its current epoch, its claims given back:
    - SIGINT, from the launcher: the worker has been asked to stop.
    - SIGUSR2, from Slurm before the job's time is up, or before it is preempted where the cluster says so
      (``PreemptParameters=send_user_signal``): submitit puts the job back into the queue, where it waits its turn.
    - SIGTERM, from Slurm before any other end: scancel, requeue, preemption. The job leaves no result behind, so that
      Slurm may start it again; where Slurm does not, the launcher submits another.
Where Slurm does not wait for the epoch's end, the claims' leases expire and the epoch is trained again.
"""

from __future__ import annotations

import logging
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO
from math import ceil
from pathlib import Path
from typing import Any

from submitit import AutoExecutor, Job
from submitit.core.utils import DelayedSubmission, FailedSubmissionError, UncompletedJobError

from hpo.errors import HpoError
from hpo.exit_codes import INTERRUPTED
from hpo.launchers.launcher import Assignment, Ending
from hpo.launchers.safe_path import inherited_path

_log = logging.getLogger(__name__)

TIME_MINUTES = 240
"""Time limit of a job without ``--set time=``; the work continues in another job."""

SIGNAL_SECONDS, GRACE_SECONDS = 120, 90.0
"""So long before a job's end Slurm announces it, and so long of that the epoch may take to end."""

QUEUE_SECONDS = 10.0
"""Between two looks at Slurm's queue, one for all jobs."""

LATE_SECONDS = 20.0
"""How long after a job has left the queue its result may become visible on a shared file system."""

MANY = 10_000
"""A job may be requeued so many times: no epoch is lost by it."""


class SlurmLauncher:
    """Submits workers as an array of jobs and watches them.

    Args:
        folder: for submitit's files, the jobs' output among them; made private, as a database's password may be in it.
        parameters: ``KEY=VALUE`` for sbatch, as submitit names them: partition, time (minutes), mem, account, ...
        cluster: submitit's name of the engine; ``local`` stands in for Slurm in tests.

    Raises:
        HpoError: if this is no machine of a Slurm cluster, or a parameter is not known.
    """

    def __init__(self, folder: Path, parameters: Sequence[str] = (), cluster: str = "slurm") -> None:
        self._parameters = dict(map(_parameter, parameters))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        try:
            python = {f"{cluster}_python": f"{shlex.quote(sys.executable)} -P"}  # as local workers start
            self._executor = AutoExecutor(folder, cluster=cluster, slurm_max_num_timeout=MANY, **python)
        except RuntimeError as error:
            raise HpoError(f"--on slurm: {error}") from None
        self._configure()
        self._queue = _Queue()

    def start(self, assignments: Sequence[Assignment]) -> list[SlurmWorker]:
        """Submit a job for each of these, all of them as one array."""
        first = assignments[0]
        gpus = ceil(first.gpu_share) or None
        self._configure(name=f"hpo-{first.study.stem}", cpus_per_task=first.threads, gpus_per_node=gpus)
        try:
            with (
                inherited_path(),
                redirect_stderr(StringIO()),
                self._executor.batch(),
            ):  # submitit prints what it then raises
                jobs = [self._executor.submit(SlurmWork(assignment)) for assignment in assignments]
        except (FailedSubmissionError, UncompletedJobError) as error:
            said = "; ".join(line.removeprefix("sbatch: error: ") for line in str(error).splitlines())
            raise HpoError(f"sbatch: {said}") from None
        return [SlurmWorker(job, self._queue) for job in jobs]

    def close(self) -> None:
        """Nothing to release."""

    def _configure(self, **wanted: Any) -> None:
        """Set the parameters of jobs to come; the user's take precedence."""
        defaults = {"timeout_min": TIME_MINUTES, "slurm_signal_delay_s": SIGNAL_SECONDS}
        try:
            self._executor.update_parameters(**defaults | wanted | self._parameters)
        except (NameError, ValueError, AssertionError) as error:  # submitit's own complaint, its first line
            raise HpoError(f"--set: {str(error).splitlines()[0]}") from None


class SlurmWorker:
    """A worker's job.

    Args:
        job: as submitted.
        queue: shared by the jobs of a launcher.
    """

    def __init__(self, job: Job[Ending], queue: _Queue) -> None:
        self._job, self._queue = job, queue
        self._submitted = time.monotonic()
        self._began: float | None = None
        self._left: float | None = None
        self._asked: float | None = None

    def poll(self) -> Ending | None:
        """How it ended; None while it runs, or waits in the queue."""
        if self._job.paths.result_pickle.exists():
            return self._ended(self._result())
        state, now = self._queue.state(self._job.job_id, self._submitted), time.monotonic()
        if state == "gone":
            self._left = self._left or now
            if self._asked is not None:
                return self._ended(Ending("stopped"))
            if now - self._left < LATE_SECONDS:
                return None
            return self._ended(Ending("died", f"job {self._job.job_id} ended without a result"))
        self._left = None
        if state == "PENDING" and self._queue.is_study_finished:
            self.kill()
            return Ending("finished")
        if state == "RUNNING":
            self._began = self._began or now
        if self._asked is not None and now - self._asked > QUEUE_SECONDS:
            self.stop()  # it may not have been ready to hear it
        return None

    def stop(self) -> None:
        """Let it end after its current epoch; one that waits in the queue is withdrawn."""
        self._asked = time.monotonic()
        _run("scancel", "--state=PENDING", self._job.job_id)
        _run("scancel", "--signal=INT", self._job.job_id)

    def kill(self) -> None:
        """End it as soon as Slurm does: SIGTERM, and SIGKILL after the cluster's KillWait."""
        _run("scancel", self._job.job_id)

    def _result(self) -> Ending:
        error = self._job.exception()
        return self._job.result() if error is None else Ending("died", _last_line(str(error)))

    def _ended(self, ending: Ending) -> Ending:
        self._queue.is_study_finished |= ending.kind == "finished"
        return replace(ending, waited=(self._began or time.monotonic()) - self._submitted)


class SlurmWork:
    """The job itself, which submitit sends to a node and requeues.

    The work is done in a thread, so that the main one, where Python handles signals, is free to wait for its end.

    Args:
        assignment: of this worker.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def __call__(self) -> Ending:
        """Work until nothing is left to do, or a signal comes."""
        self._stop, self._is_evicted = threading.Event(), False
        self._ending = Ending("died", "the work's thread ended")
        signal.signal(signal.SIGINT, lambda *_: self._stop.set())
        signal.signal(signal.SIGTERM, lambda *_: self._evict())  # in place of submitit's, which ignores it
        self._thread = threading.Thread(target=self._work, name="work", daemon=True)
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(1.0)
        if self._is_evicted and self._ending.kind == "stopped":
            sys.exit(INTERRUPTED)  # without a result: the job is not done
        return self._ending

    def checkpoint(self) -> DelayedSubmission:
        """The same again, for submitit to requeue; claims are given back if the epoch ends soon enough."""
        self._stop.set()
        self._thread.join(GRACE_SECONDS)
        return DelayedSubmission(SlurmWork(self._assignment))

    def _work(self) -> None:
        from hpo.launchers.assigned import work_as_assigned

        self._ending = work_as_assigned(self._assignment, self._stop)

    def _evict(self) -> None:
        self._is_evicted = True
        self._stop.set()


class _Queue:
    """The state of our jobs by Slurm's queue; unlike submitit's own, it needs no accounting database."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._looked_at = float("-inf")
        self.is_study_finished = False

    def state(self, job_id: str, submitted: float) -> str:
        """``PENDING``, ``RUNNING``, ...; ``gone`` once it is not in the queue; ``unknown`` where none can tell."""
        now = time.monotonic()
        if now - self._looked_at > QUEUE_SECONDS:
            said = _run("squeue", "--me", "--array", "--noheader", "--format=%i %T")
            if said is not None:
                self._states = dict(line.split() for line in said.splitlines())
                self._looked_at = now
        return self._states.get(job_id, "gone" if self._looked_at > submitted else "unknown")


def _run(*command: str) -> str | None:
    """The output of a Slurm command; None if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own commands
    if done.returncode:
        _log.debug("%s: %s", " ".join(command), done.stderr.strip())
        return None
    return done.stdout


def _parameter(text: str) -> tuple[str, int | str]:
    """A parameter for submitit: its name for Slurm, and its value, whole numbers as such."""
    key, equals, value = text.partition("=")
    if not (key.isidentifier() and equals and value):
        raise HpoError(f"--set {text}: give KEY=VALUE, such as partition=gpu or time=60")
    if key == "time" and not value.isdecimal():
        raise HpoError(f"--set {text}: give whole minutes, such as time=60")
    return f"slurm_{key}", int(value) if re.fullmatch(r"-?\d+", value) else value


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip(" -")), "")
