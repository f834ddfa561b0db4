"""A command that serves over HTTP, as a process that listens on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """The command while it runs.

    Args:
        process: standard output is a pipe.
        log: what it says on standard error.
        url: what it printed first.
    """

    process: subprocess.Popen[str]
    log: Path
    url: str

    def said(self) -> list[str]:
        """Its lines on standard error, without Python's own account of what it imported."""
        return [line for line in self.log.read_text().splitlines() if not line.startswith("import time:")]

    def imported(self) -> set[str]:
        """The modules that it has imported so far."""
        return {line.rpartition("|")[2].strip() for line in self.log.read_text().splitlines()}

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """Exit status, and what was printed after the URL."""
        self.process.send_signal(how)
        out, _ = self.process.communicate(timeout=120)
        return self.process.returncode, out


@contextmanager
def serving(log: Path, *words: str, before: Callable[[], None] | None = None) -> Iterator[Served]:
    """Starts ``hpo WORDS``, which is to print its URL first; what a failing test leaves behind is killed."""
    with log.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "hpo", *words],
            env={name: value for name, value in os.environ.items() if not name.startswith("HPO_")},
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            preexec_fn=before,
        )
    assert process.stdout is not None
    try:
        yield Served(process, log, process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)
