"""What is asked of an engine, and what is refused before anything is started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.config.load import load_study
from hpo.config.study import StudyFile
from hpo.errors import HpoError
from hpo.launchers import devices, launch
from hpo.launchers.launch import MEMORY_SHARE, Workforce, open_launcher, plan_launch
from hpo.launchers.launcher import Engine
from hpo.machine import available_memory
from tests.cli.hpo import Hpo
from tests.stages.story import load, write


@pytest.fixture
def hpo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hpo:
    return Hpo(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def _without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(devices, "has_driver", lambda: False)
    monkeypatch.setattr(launch, "has_driver", devices.has_driver)
    monkeypatch.setattr(launch, "available_cores", lambda: 8)


@pytest.fixture
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a driver that lists nothing, as in a container, and a mask of two GPUs."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,GPU-8a")
    monkeypatch.setattr(devices, "has_driver", lambda: True)
    monkeypatch.setattr(devices, "driver_gpus", list)
    monkeypatch.setattr(launch, "has_driver", devices.has_driver)


def study(folder: Path, **workers: Any) -> StudyFile:
    return load(folder, workers={"threads": None, **workers})


@pytest.mark.usefixtures("_two_gpus")
def test_a_local_launch_is_one_worker_a_gpu_with_its_part_of_cores_and_memory(tmp_path: Path) -> None:
    first, second = plan_launch(study(tmp_path), Workforce(gpus="0,1"))
    assert (first.gpu, second.gpu) == ("2", "GPU-8a")
    assert (first.threads, first.gpu_share) == (4, 1.0)
    assert first.memory_bytes == pytest.approx(MEMORY_SHARE * available_memory() / 2)
    assert first.log == tmp_path / "out/logs/worker-0.log"


def test_a_machine_without_gpus_has_one_worker_unless_more_are_asked_for(tmp_path: Path) -> None:
    assert [worker.gpu for worker in plan_launch(study(tmp_path), Workforce())] == [None]
    assert [worker.gpu for worker in plan_launch(study(tmp_path), Workforce(3, gpus="none"))] == ["", "", ""]


def test_gpus_that_are_not_there_are_refused_if_asked_for_and_left_out_if_only_a_mask_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(HpoError, match="--gpus 1: this machine has no GPU driver"):
        plan_launch(study(tmp_path), Workforce(2, gpus="1"))
    assert [worker.gpu for worker in plan_launch(study(tmp_path), Workforce())] == [None]


def test_what_the_study_file_says_of_threads_and_memory_goes_before(tmp_path: Path) -> None:
    (worker,) = plan_launch(study(tmp_path, threads=3, memory_gb=2), Workforce())
    assert (worker.threads, worker.memory_bytes) == (3, 2e9)


@pytest.mark.parametrize("engine", ["ray", "slurm"])
def test_elsewhere_nothing_of_this_machine_is_shared_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    first, *others = plan_launch(study(tmp_path), Workforce(3, engine, gpus_per_worker=0.5))
    assert len(others) == 2
    threads = 1 if engine == "ray" else None  # as many as Ray is asked for; Slurm has its own say
    assert (first.gpu, first.gpu_share, first.threads, first.memory_bytes) == (None, 0.5, threads, None)
    assert len(plan_launch(study(tmp_path), Workforce(on=engine))) == 1


def test_a_worker_on_ray_that_asks_for_no_gpu_sees_none(tmp_path: Path) -> None:
    assert plan_launch(study(tmp_path), Workforce(on="ray"))[0].gpu == ""
    assert plan_launch(study(tmp_path), Workforce(on="slurm"))[0].gpu is None  # it may come by --set gres=gpu:1


def test_a_database_url_goes_along_in_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me:secret@host/db"
    (local,) = plan_launch(load(tmp_path, database=url), Workforce())
    assert local.environment == {"HPO_DATABASE": url}
    assert "secret" not in repr(local)


def test_what_this_environment_says_of_a_study_goes_along_to_where_it_is_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    bare = plan_launch(load_study(file), Workforce(on="ray"))[0]
    assert bare.environment == {"HPO_DATABASE": f"sqlite:///{tmp_path}/out/study.db"}
    for name, value in (("DATABASE", "sqlite:///my.db"), ("DATA", "mine"), ("CHECKPOINTS", "s3://bucket/mine")):
        monkeypatch.setenv(f"HPO_{name}", value)
    told = plan_launch(load_study(file), Workforce(on="ray"))[0]
    assert told.environment == {
        "HPO_DATABASE": f"sqlite:///{tmp_path}/my.db",
        "HPO_DATA": f"{tmp_path}/mine",
        "HPO_CHECKPOINTS": "s3://bucket/mine",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--on", "ray", "--gpus", "0"),
            "--gpus names GPUs of this machine: with --on ray ask for --gpus-per-worker",
        ),
        (
            ("--gpus-per-worker", "1"),
            "--gpus-per-worker is for --on ray and --on slurm: on this machine, share GPUs with --gpus",
        ),
        (("--on", "ray", "--set", "time=60"), "--set time=60: only --on slurm has parameters to set"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    hpo: Hpo, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    assert hpo.refused("launch", write(tmp_path), *options) == message


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_whose_package_is_not_installed_says_how_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, package: str
) -> None:
    missing = ModuleNotFoundError(name=package)

    class Absent:
        def find_spec(self, name: str, *_: object) -> None:
            if name == package:
                raise missing

    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"hpo.launchers.{engine}", raising=False)
    with pytest.raises(HpoError) as refused:
        open_launcher(Workforce(on=engine), study(tmp_path))
    assert str(refused.value) == f"--on {engine} needs the package {package}: pip install {package}"
