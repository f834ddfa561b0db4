"""Workers as actors of a real Ray, one that each launch starts for itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.launchers import ray as module
from hpo.launchers.launcher import Assignment, Ending
from hpo.launchers.ray import RayLauncher, RayWorker
from tests.end_to_end.conftest import Project
from tests.end_to_end.outcome import points
from tests.launchers.longer import long_project, states, trained, wait_for


@pytest.fixture(autouse=True)
def _own_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")  # whatever else may run on this machine


def launch(project: Project, workers: int) -> Any:
    """A launch under way, each of its workers having trained some epochs."""
    arguments = ("--on", "ray", "--workers", str(workers), "--until", "stage1")
    process = project.start("launch", "study.yaml", *arguments)
    wait_for(lambda: len(trained(project)) == workers or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def pid(owner: str) -> int:
    return int(owner.rsplit(":", 2)[1])


def test_an_actor_that_is_killed_is_replaced_and_all_ends_as_undisturbed(tmp_path: Path, undisturbed: Project) -> None:
    project = long_project(tmp_path)
    process = launch(project, 2)
    os.kill(pid(trained(project)[0][0]), signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    warning, logs = "the database is an SQLite file, which only one machine can use", project.output / "logs"
    assert f"replaced; see {logs}" in err
    assert "Traceback" not in err
    ours = [line for line in err.splitlines() if warning not in line]
    assert len(ours) == 2, "\n".join(ours)  # Ray itself says nothing
    assert points(project.output) == points(undisturbed.output)
    assert "small/stage1/tiny: epoch " in (logs / "worker-0.log").read_text()


def test_ctrl_c_lets_the_actors_end_after_their_epoch_and_ends_ray(tmp_path: Path) -> None:
    project = long_project(tmp_path)
    process = launch(project, 1)
    (owner, _) = trained(project)[0]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert (
        err.splitlines()[-1] == "hpo: stopped; every finished epoch is kept, and the same command continues from there"
    )
    assert "running" not in states(project)
    assert "waiting" in states(project)
    assert (project.output / "logs/worker-0.log").read_text().count("nothing is left to do") == 0
    wait_for(lambda: not Path(f"/proc/{pid(owner)}").exists(), 10)


@pytest.fixture
def launcher() -> Iterator[RayLauncher]:
    before = signal.getsignal(signal.SIGTERM)
    launcher = RayLauncher()
    assert signal.getsignal(signal.SIGTERM) is before  # Ray's own would end the launch without a word
    yield launcher
    launcher.close()


def ended(worker: RayWorker) -> Ending:
    endings: list[Ending | None] = []
    wait_for(lambda: endings.append(worker.poll()) or endings[-1])
    assert endings[-1] is not None
    return endings[-1]


def test_a_worker_for_whom_there_is_no_room_waits_says_so_and_can_be_stopped(
    launcher: RayLauncher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    large = Assignment(0, tmp_path / "study.yaml", tmp_path / "log", threads=1000, gpu_share=0.5)
    missing = Assignment(1, tmp_path / "nosuch.yaml", tmp_path / "logs/worker-1.log", gpu="")
    waiting, refused = launcher.start([large, missing])
    assert waiting.poll() is None
    assert "worker 0 waits: it needs 1000 CPU, 0.5 GPU; free are" in caplog.text
    waiting.stop()
    assert ended(waiting).kind == "stopped"

    ending, message = ended(refused), f"{tmp_path / 'nosuch.yaml'}: no such file"
    assert (ending.kind, ending.detail) == ("refused", message)
    assert (tmp_path / "logs/worker-1.log").read_text().endswith(f"{message}\n")
