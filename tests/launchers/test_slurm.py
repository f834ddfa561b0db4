"""Workers as jobs: what Slurm is asked for, how its queue is read, and what a job makes of a signal."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo.errors import HpoError
from hpo.launchers import slurm as module
from hpo.launchers.launcher import Assignment, Ending
from hpo.launchers.slurm import SlurmLauncher, SlurmWork, SlurmWorker
from tests.launchers.longer import program


def assignments(folder: Path, count: int, **changes: Any) -> list[Assignment]:
    return [Assignment(number, folder / "tiny.yaml", folder / f"{number}.log", **changes) for number in range(count)]


# What Slurm is asked for.


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """A Slurm that takes jobs as number 7, and the directives of the last one that it took."""
    program(tmp_path / "bin", "srun", "")
    program(tmp_path / "bin", "sbatch", f"cp $1 {tmp_path}/submitted; echo Submitted batch job 7")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")

    def directives() -> set[str]:
        lines = (tmp_path / "submitted").read_text().splitlines()
        return {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")}

    return directives


def test_workers_are_one_array_with_cores_gpus_and_what_the_user_sets(
    sbatch: Callable[[], set[str]], tmp_path: Path
) -> None:
    launcher = SlurmLauncher(tmp_path / "slurm", ["partition=gpu", "time=60", "mem=8GB"])
    launcher.start(assignments(tmp_path, 3, threads=4, gpu_share=0.5))
    wanted = {"partition=gpu", "time=60", "mem=8GB", "cpus-per-task=4", "gpus-per-node=1", "job-name=hpo-tiny"}
    assert wanted | {"array=0-2%3", "signal=USR2@120"} <= sbatch()


def test_one_worker_is_no_array_and_asks_for_no_more_than_it_must(
    sbatch: Callable[[], set[str]], tmp_path: Path
) -> None:
    SlurmLauncher(tmp_path / "slurm").start(assignments(tmp_path, 1))
    names = {directive.partition("=")[0] for directive in sbatch()}
    assert not names & {"array", "cpus-per-task", "gpus-per-node", "partition", "mem"}
    assert "time=240" in sbatch()


def test_what_the_user_sets_goes_before_what_the_worker_needs(sbatch: Callable[[], set[str]], tmp_path: Path) -> None:
    launcher = SlurmLauncher(tmp_path / "slurm", ["cpus_per_task=8", "job_name=mine"])
    launcher.start(assignments(tmp_path, 1, threads=4))
    assert {"cpus-per-task=8", "job-name=mine"} <= sbatch()


@pytest.mark.usefixtures("sbatch")
def test_the_folder_is_private_for_a_databases_password_may_be_in_it(tmp_path: Path) -> None:
    SlurmLauncher(tmp_path / "slurm")
    assert stat.S_IMODE((tmp_path / "slurm").stat().st_mode) == 0o700


@pytest.mark.usefixtures("sbatch")
@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("partition", "--set partition: give KEY=VALUE, such as partition=gpu or time=60"),
        ("time=1:00:00", "--set time=1:00:00: give whole minutes, such as time=60"),
        ("foo=1", "--set: Unknown argument 'foo' for executor 'slurm' in parameter 'slurm_foo'. Valid arguments: "),
    ],
)
def test_a_parameter_that_submitit_does_not_know_is_one_line(tmp_path: Path, parameter: str, message: str) -> None:
    with pytest.raises(HpoError) as refused:
        SlurmLauncher(tmp_path / "slurm", [parameter])
    assert str(refused.value).startswith(message)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.usefixtures("sbatch")
def test_what_sbatch_complains_of_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    complaint = "sbatch: error: invalid partition specified: x\\nsbatch: error: Batch job submission failed\\n"
    program(tmp_path / "bin", "sbatch", f"printf '{complaint}' >&2; exit 1")
    with pytest.raises(HpoError, match=r"^sbatch: invalid partition specified: x; Batch job submission failed$"):
        SlurmLauncher(tmp_path / "slurm").start(assignments(tmp_path, 2))
    assert capfd.readouterr().err == ""


def test_a_machine_without_slurm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HpoError, match=r'--on slurm: Could not detect "srun"'):
        SlurmLauncher(tmp_path / "slurm")


# How the queue is read.


class Slurm:
    """A queue: the state of each job, and what was asked of it."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {"7_0": "PENDING", "7_1": "PENDING"}
        self.asked: list[str] = []
        self.is_away = False

    def __call__(self, command: str, *arguments: str) -> str | None:
        if command == "squeue":
            return None if self.is_away else "".join(f"{job} {state}\n" for job, state in self.states.items())
        self.asked.append(" ".join(arguments))
        return ""


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    slurm = Slurm()
    monkeypatch.setattr(module, "_run", slurm)
    monkeypatch.setattr(module, "QUEUE_SECONDS", 0.0)
    monkeypatch.setattr(module, "LATE_SECONDS", 0.0)
    return slurm


@pytest.fixture
def jobs(sbatch: object, slurm: Slurm, tmp_path: Path) -> list[SlurmWorker]:
    """Two workers, submitted."""
    return SlurmLauncher(tmp_path / "slurm").start(assignments(tmp_path, 2))


def result(tmp_path: Path, job: str, ending: Ending) -> None:
    """A job's result, as submitit leaves it."""
    from submitit.core.utils import cloudpickle_dump

    cloudpickle_dump(("success", ending), tmp_path / "slurm" / f"{job}_0_result.pkl")


def test_a_job_that_waits_or_works_or_waits_again_has_not_ended(jobs: list[SlurmWorker], slurm: Slurm) -> None:
    for state in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "PENDING", "RUNNING"):
        slurm.states["7_0"] = state
        assert jobs[0].poll() is None
    slurm.is_away = True
    assert jobs[0].poll() is None


def test_a_result_is_how_a_job_ended(jobs: list[SlurmWorker], tmp_path: Path) -> None:
    result(tmp_path, "7_0", Ending("replace", "memory has grown"))
    ending = jobs[0].poll()
    assert ending is not None
    assert (ending.kind, ending.detail) == ("replace", "memory has grown")
    assert jobs[1].poll() is None


def test_a_job_that_left_the_queue_without_a_result_has_died(jobs: list[SlurmWorker], slurm: Slurm) -> None:
    del slurm.states["7_0"]
    jobs[0].poll()
    ending = jobs[0].poll()
    assert ending is not None
    assert (ending.kind, ending.detail) == ("died", "job 7_0 ended without a result")


def test_a_result_may_come_later_than_the_job_leaves_the_queue(
    jobs: list[SlurmWorker], slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE_SECONDS", 60.0)
    del slurm.states["7_0"]
    assert jobs[0].poll() is None
    result(tmp_path, "7_0", Ending("finished"))
    assert jobs[0].poll() is not None


def test_a_queue_that_cannot_be_read_is_not_an_empty_one(jobs: list[SlurmWorker], slurm: Slurm) -> None:
    slurm.is_away = True
    slurm.states.clear()
    assert [jobs[0].poll() for _ in range(3)] == [None] * 3


def test_the_wait_in_the_queue_is_told(jobs: list[SlurmWorker], slurm: Slurm, tmp_path: Path) -> None:
    jobs[0].poll()
    time.sleep(0.05)
    slurm.states["7_0"] = "RUNNING"
    jobs[0].poll()
    time.sleep(0.2)
    result(tmp_path, "7_0", Ending("died"))
    ending = jobs[0].poll()
    assert ending is not None
    assert 0.05 <= ending.waited < 0.2


def test_once_the_study_is_finished_no_job_waits_for_its_turn(
    jobs: list[SlurmWorker], slurm: Slurm, tmp_path: Path
) -> None:
    assert jobs[1].poll() is None
    result(tmp_path, "7_0", Ending("finished"))
    jobs[0].poll()
    assert jobs[1].poll() == Ending("finished")
    assert slurm.asked == ["7_1"]


def test_a_stop_withdraws_what_waits_and_lets_end_what_works(jobs: list[SlurmWorker], slurm: Slurm) -> None:
    jobs[0].stop()
    assert slurm.asked == ["--state=PENDING 7_0", "--signal=INT 7_0"]
    assert jobs[0].poll() is None
    del slurm.states["7_0"]
    ending = jobs[0].poll()
    assert ending is not None
    assert ending.kind == "stopped"


def test_a_stop_is_said_again_to_a_job_that_was_not_ready_to_hear_it(jobs: list[SlurmWorker], slurm: Slurm) -> None:
    jobs[0].stop()
    time.sleep(0.01)
    jobs[0].poll()
    assert slurm.asked.count("--signal=INT 7_0") == 2


def test_kill_cancels(jobs: list[SlurmWorker], slurm: Slurm) -> None:
    jobs[0].kill()
    assert slurm.asked == ["7_0"]


# What a job makes of a signal.

WORK = """
import sys
from types import SimpleNamespace
from hpo.launchers.launcher import Ending
from hpo.launchers.slurm import SlurmWork

def work(_assignment, stop):
    print("ready", flush=True)
    return Ending("stopped" if stop.wait(120) else "died")

sys.modules["hpo.launchers.assigned"] = SimpleNamespace(work_as_assigned=work)
print(SlurmWork(None)().kind)
"""


@pytest.mark.parametrize(("number", "status", "said"), [(signal.SIGINT, 0, "stopped\n"), (signal.SIGTERM, 130, "")])
def test_a_job_that_is_stopped_has_a_result_and_one_that_is_evicted_has_none(
    number: signal.Signals, status: int, said: str
) -> None:
    process = subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert (process.communicate(timeout=120)[0], process.returncode) == (said, status)


def test_a_requeued_job_does_the_same_again(tmp_path: Path) -> None:
    (assignment,) = assignments(tmp_path, 1)
    work = SlurmWork(assignment)
    work._stop, work._thread = threading.Event(), threading.Thread(target=lambda: work._stop.wait(20))
    work._thread.start()
    again = work.checkpoint()
    assert not work._thread.is_alive()
    assert again.function._assignment == assignment
