"""Workers as jobs that really work, are preempted and stopped, by submitit's local executor in Slurm's place.

`tests/benchmarks/slurm_cluster.py` does the same, and more, on a real Slurm.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from hpo.config.load import load_study
from hpo.launchers import launcher, slurm
from hpo.launchers.launch import Workforce, plan_launch
from hpo.launchers.launcher import Supervisor
from hpo.launchers.slurm import SlurmLauncher
from tests.end_to_end.conftest import Project
from tests.end_to_end.outcome import points
from tests.launchers.longer import long_project, program, rows_of, states, trained, wait_for

SQUEUE = """
import psutil
for job in psutil.Process({pid}).children():
    if job.status() != psutil.STATUS_ZOMBIE:
        print(job.pid, "RUNNING")
"""

SCANCEL = """
import psutil, signal, sys
if sys.argv[1] == "--signal=INT":
    for task in psutil.Process(int(sys.argv[2])).children():
        task.send_signal(signal.SIGINT)
"""


class Launch:
    """A launch of one worker, `disturb` called once it has trained some epochs."""

    def __init__(self, folder: Path, disturb: Callable[[threading.Event], object]) -> None:
        self.project, self.said, self.stop = long_project(folder), list[str](), threading.Event()
        self._disturb, self._is_disturbed = disturb, False
        study = load_study(self.project.study)
        planned = plan_launch(study, Workforce(on="slurm"), until="stage1")
        engine = SlurmLauncher(study.output / "slurm", cluster="local")
        self.endings = Supervisor(engine, planned, self.said.append).run(self.stop, self._look)

    def _look(self) -> None:
        if not self._is_disturbed and trained(self.project):
            self._is_disturbed = True
            self._disturb(self.stop)

    def output(self) -> str:
        """What submitit has in the jobs' logs."""
        return "".join(path.read_text() for path in (self.project.output / "slurm").glob("*_log.*"))


@pytest.fixture
def _local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in (("squeue", SQUEUE.format(pid=os.getpid())), ("scancel", SCANCEL)):
        program(tmp_path / "bin", name, script, sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "QUEUE_SECONDS", 1.0)
    monkeypatch.setattr(launcher, "POLL_SECONDS", 0.05)


def tasks() -> list[psutil.Process]:
    """The processes that do the work: submitit's controller is their parent."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "submitit.core._submit" in " ".join(child.cmdline()):
                found.append(child)
    return found


def task() -> psutil.Process:
    (worker,) = tasks()
    return worker


@pytest.mark.usefixtures("_local")
def test_a_preempted_job_gives_back_what_it_holds_is_requeued_and_ends_as_undisturbed(
    tmp_path: Path, undisturbed: Project
) -> None:
    launch = Launch(tmp_path, lambda _stop: task().send_signal(signal.SIGUSR2))
    assert [ending.kind for ending in launch.endings] == ["finished"]
    assert launch.said == []  # it was submitit that brought it back
    assert "Requeued job" in launch.output()
    assert len(trained(launch.project)) == 2
    assert rows_of(launch.project, "SELECT DISTINCT faults FROM hpo_design_point") == [("[]",)]
    assert points(launch.project.output) == points(undisturbed.output)


@pytest.mark.usefixtures("_local")
def test_a_stop_ends_a_job_after_its_epoch(tmp_path: Path) -> None:
    launch = Launch(tmp_path, lambda stop: stop.set())
    assert [ending.kind for ending in launch.endings] == ["stopped"]
    assert "running" not in states(launch.project)
    assert "waiting" in states(launch.project)
    wait_for(lambda: not tasks(), 10)
