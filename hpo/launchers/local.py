"""Workers as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hpo import exit_codes
from hpo.launchers.devices import device_environment
from hpo.launchers.launcher import Assignment, Ending
from hpo.launchers.safe_path import path_environment

KILL_SECONDS = 10.0
"""How long a killed process may take to be gone."""


class LocalLauncher:
    """Starts each worker as a fresh Python process, ``hpo worker``, with a log of its own.

    A worker holds the reading end of a pipe to this process, and ends after its epoch when that breaks: the death of
    the launcher leaves no orphans.
    """

    def start(self, assignments: Sequence[Assignment]) -> list[LocalWorker]:
        """Start a worker for each of these."""
        return [_start(assignment) for assignment in assignments]

    def close(self) -> None:
        """Nothing to release."""


def _start(assignment: Assignment) -> LocalWorker:
    assignment.log.parent.mkdir(parents=True, exist_ok=True)
    # The database's URL goes along in the environment, not as an argument: it may hold a password.
    environment = os.environ | assignment.environment | device_environment(assignment.gpu) | {"PYTHONUNBUFFERED": "1"}
    environment |= path_environment()
    with assignment.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            worker_command(assignment),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C is the launcher's to pass on
        )
    return LocalWorker(process, assignment.log)


class LocalWorker:
    """A worker's process.

    Args:
        process: its standard input is the pipe that it watches.
        log: what it says.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def poll(self) -> Ending | None:
        """How it ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            return Ending("died", f"killed by {_signal_name(-code)}")
        last = last_line(self._log).removeprefix("hpo: ")
        match code:
            case exit_codes.FINISHED:
                return Ending("finished")
            case exit_codes.INTERRUPTED:
                return Ending("stopped")
            case exit_codes.REPLACE_ME:
                return Ending("replace", last)
            case exit_codes.USER_ERROR:
                return Ending("refused", last)
        return Ending("died", f"exit code {code}: {last}")

    def stop(self) -> None:
        """Let it end after its current epoch: the pipe that it watches breaks, however far its start has come."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(KILL_SECONDS)


def worker_command(assignment: Assignment) -> list[str]:
    """The command line of a worker's process."""
    # -P: no file of the working directory takes the place of a module of Python's or of a package's.
    command = [sys.executable, "-P", "-m", "hpo", "worker", str(assignment.study), "--until", assignment.until]
    if assignment.threads is not None:
        command += ["--threads", str(assignment.threads)]
    if assignment.launched_at is not None:
        command += ["--since", repr(assignment.launched_at)]
    if assignment.memory_bytes is not None:
        command += ["--memory-gb", f"{assignment.memory_bytes / 1e9:.3f}"]
    return [*command, "--with-parent"]


def _signal_name(number: int) -> str:
    """As programs call it; real-time signals have numbers only."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def last_line(log: Path) -> str:
    """The last non-empty line of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
