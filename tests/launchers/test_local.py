"""Workers as processes of this machine: what each is given, what its end means, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpo.launchers import local
from hpo.launchers.launcher import Assignment, Ending
from hpo.launchers.local import LocalLauncher, LocalWorker, worker_command
from tests.end_to_end.conftest import Project
from tests.end_to_end.outcome import points
from tests.launchers.longer import long_project, rows_of, states, trained, wait_for

SAY = """
import json, os, sys
names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "TF_FORCE_GPU_ALLOW_GROWTH", "HPO_DATABASE")
print(json.dumps({"session": os.getsid(0), "pid": os.getpid(), **{name: os.environ.get(name) for name in names}}))
"""

WAIT = "import time; print('ready', flush=True); time.sleep(60)"

HEED = "import sys; print('ready', flush=True); sys.stdin.read(); raise SystemExit(130)"

Start = Callable[..., tuple[LocalWorker, Path]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a worker whose process runs a script in place of `hpo worker`."""

    def start(script: str, **changes: Any) -> tuple[LocalWorker, Path]:
        monkeypatch.setattr(local, "worker_command", lambda _assignment: [sys.executable, "-c", script])
        log = tmp_path / "logs/worker-0.log"
        (worker,) = LocalLauncher().start([Assignment(0, tmp_path / "study.yaml", log, **changes)])
        return worker, log

    return start


def ended(worker: LocalWorker) -> Ending:
    wait_for(lambda: worker.poll() is not None)
    ending = worker.poll()
    assert ending is not None
    return ending


def test_the_command_of_a_worker_holds_its_limits_and_no_database(tmp_path: Path) -> None:
    assignment = Assignment(
        0,
        tmp_path / "study.yaml",
        tmp_path / "log",
        until="stage2",
        environment={"HPO_DATABASE": "postgresql+psycopg://me:secret@host/db"},
        threads=3,
        memory_bytes=1.5e9,
    )
    assert worker_command(assignment) == [
        *(sys.executable, "-P", "-m", "hpo", "worker", str(tmp_path / "study.yaml"), "--until", "stage2"),
        *("--threads", "3", "--memory-gb", "1.500", "--with-parent"),
    ]


@pytest.mark.parametrize(("gpu", "visible"), [("2", "2"), ("", "-1"), (None, "7")])
def test_a_worker_sees_its_gpu_and_its_database(
    start: Start, monkeypatch: pytest.MonkeyPatch, gpu: str | None, visible: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    worker, log = start(SAY, gpu=gpu, environment={"HPO_DATABASE": "sqlite:////x.db"})
    assert ended(worker).kind == "finished"
    said = json.loads(log.read_text())
    assert said["CUDA_VISIBLE_DEVICES"] == visible
    assert (said["CUDA_DEVICE_ORDER"], said["TF_FORCE_GPU_ALLOW_GROWTH"]) == ("PCI_BUS_ID", "true")
    assert said["HPO_DATABASE"] == "sqlite:////x.db"
    assert said["session"] == said["pid"] == worker.pid  # the terminal's Ctrl-C does not reach it


def test_a_worker_runs_no_file_of_the_directory_that_it_is_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hpo.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    # An empty entry, as of an unset variable in a shell's PYTHONPATH=$PYTHONPATH:..., is the working directory too.
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}{Path(__file__).parents[2]}")
    (worker,) = LocalLauncher().start([Assignment(0, tmp_path / "absent.yaml", tmp_path / "log")])
    ending = ended(worker)
    assert ending.kind == "refused"
    assert "absent.yaml" in ending.detail
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (0, Ending("finished")),
        (130, Ending("stopped")),
        (75, Ending("replace", "the last line")),
        (2, Ending("refused", "the last line")),
        (1, Ending("died", "exit code 1: the last line")),
    ],
)
def test_an_exit_code_tells_how_a_worker_ended_and_its_log_why(start: Start, code: int, ending: Ending) -> None:
    worker, _ = start(f"import sys; print('hpo: the last line\\n'); sys.exit({code})")
    assert ended(worker) == ending


def test_both_outputs_go_to_one_log_and_a_replacement_goes_on_in_it(start: Start) -> None:
    ended(start("import sys; print('out'); print('err', file=sys.stderr)")[0])
    worker, log = start("print('again')")
    ended(worker)
    assert log.read_text().splitlines() == ["out", "err", "again"]


def test_stop_lets_a_worker_end_and_kill_does_not_wait(start: Start) -> None:
    worker, log = start(HEED)
    wait_for(lambda: "ready" in log.read_text())
    assert worker.poll() is None
    worker.stop()
    assert ended(worker) == Ending("stopped")
    worker, log = start(WAIT)
    worker.kill()
    assert worker.poll() == Ending("died", "killed by SIGKILL")


def test_a_signal_without_a_name_is_told_by_its_number(start: Start) -> None:
    number = signal.SIGRTMIN + 2
    worker, _ = start(f"import os; os.kill(os.getpid(), {number})")
    assert ended(worker) == Ending("died", f"killed by signal {number}")


def launch(project: Project, workers: int) -> Any:
    """A launch under way, each of its workers having trained some epochs."""
    process = project.start("launch", "study.yaml", "--workers", str(workers), "--until", "stage1")
    wait_for(lambda: len(trained(project)) == workers or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def worker_processes(process: Any) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_changed_by_it(tmp_path: Path, undisturbed: Project) -> None:
    project = long_project(tmp_path)
    process = launch(project, 2)
    killed = worker_processes(process)[0].pid
    os.kill(killed, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"killed by SIGKILL; replaced; see {project.output / 'logs'}" in err
    assert points(project.output) == points(undisturbed.output)


def test_sigterm_ends_a_launch_and_its_workers_in_order(tmp_path: Path) -> None:
    project = long_project(tmp_path)
    process = launch(project, 1)
    workers = worker_processes(process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert (
        err.splitlines()[-1] == "hpo: stopped; every finished epoch is kept, and the same command continues from there"
    )
    assert not any(worker.is_running() for worker in workers)
    assert "running" not in states(project)


def test_workers_whose_launcher_is_killed_end_by_themselves_and_give_back_what_they_hold(tmp_path: Path) -> None:
    project = long_project(tmp_path)
    process = launch(project, 1)
    (worker,) = worker_processes(process)
    process.kill()
    process.communicate()
    wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    assert "running" not in states(project)
    assert "waiting" in states(project)
    assert rows_of(project, "SELECT COUNT(*) FROM hpo_worker WHERE ended_at IS NULL") == [(0,)]


GREEDY = """
import keras
hoard = []

def build(shape):
    hoard.append(bytearray(b"x") * 700_000_000)
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
"""


def test_a_worker_that_outgrows_its_memory_is_replaced_between_two_points(tmp_path: Path) -> None:
    architectures, stage1 = [{"name": "greedy", "function": "greedy:build"}], {"factors": ["batch_size"]}  # two points
    workers = {"threads": 1, "memory_gb": 1.2}
    project = long_project(tmp_path, architectures=architectures, stage1=stage1, workers=workers)
    (tmp_path / "greedy.py").write_text(GREEDY)
    done = project.run("launch", "study.yaml", "--until", "stage1")
    assert done.stderr.count("past the limit of 1.2 GB: a fresh worker continues") == 1
    assert rows_of(project, "SELECT state, attempt FROM hpo_design_point") == [("complete", 1)] * 2
    assert len(trained(project)) == 2
