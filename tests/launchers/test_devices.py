"""Which GPU each worker gets, on machines with and without a driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.launchers.devices import device_environment, gpus_asked_for, share_out


def driver(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """The driver's tool, and nothing else, on PATH."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def test_by_default_all_gpus_are_used_that_the_driver_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = '[ "$*" = "--query-gpu=index --format=csv,noheader" ] && printf "0\\n1\\n2\\n"'
    driver(tmp_path, monkeypatch, asked)
    assert gpus_asked_for(None) == ["0", "1", "2"]


def test_a_machine_without_a_driver_has_none() -> None:
    assert gpus_asked_for(None) == []


def test_a_driver_that_fails_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, monkeypatch, "echo 'NVIDIA-SMI has failed'; exit 9")
    assert gpus_asked_for(None) == []


@pytest.mark.parametrize(
    ("allowed", "gpus"), [("1,3", ["1", "3"]), ("GPU-8a,GPU-9b", ["GPU-8a", "GPU-9b"]), ("", []), ("-1", [])]
)
def test_what_cuda_visible_devices_allows_goes_before_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str, gpus: list[str]
) -> None:
    driver(tmp_path, monkeypatch, "echo 7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert gpus_asked_for(None) == gpus


def test_what_the_user_names_goes_before_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, monkeypatch, "echo 7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert gpus_asked_for("0, GPU-8a") == ["0", "GPU-8a"]
    assert gpus_asked_for("none") == []


@pytest.mark.parametrize("asked", ["", "0,", "0,0", "0,,1", "banana"])
def test_a_gpu_named_twice_or_not_at_all_is_refused(asked: str) -> None:
    with pytest.raises(HpoError, match="give each GPU once, such as --gpus 0,1; or --gpus none"):
        gpus_asked_for(asked)


def test_workers_take_turns_with_the_gpus_and_share_what_they_must() -> None:
    assert share_out(2, ["0", "1"], None) == [("0", 1.0), ("1", 1.0)]
    assert share_out(3, ["0", "1"], None) == [("0", 0.5), ("1", 1.0), ("0", 0.5)]
    assert share_out(1, ["0", "1"], None) == [("0", 1.0)]


def test_without_gpus_the_machine_is_left_alone_unless_none_were_asked_for() -> None:
    assert share_out(2, [], None) == [(None, 0.0)] * 2
    assert share_out(2, [], "none") == [("", 0.0)] * 2


def test_a_worker_sees_its_gpu_by_the_drivers_number_and_leaves_memory_to_others() -> None:
    shared = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    assert device_environment("3") == {**shared, "CUDA_VISIBLE_DEVICES": "3"}
    assert device_environment("") == {**shared, "CUDA_VISIBLE_DEVICES": "-1"}
    assert device_environment(None) == shared
