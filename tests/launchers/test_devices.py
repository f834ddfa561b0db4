"""Which GPU each worker gets, on machines with and without a driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.launchers import devices
from hpo.launchers.devices import check_that_they_are_there, device_environment, gpus_asked_for, share_out


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


def test_a_driver_that_hangs_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, monkeypatch, "exec /bin/sleep 60")
    monkeypatch.setattr(devices, "_PATIENCE", 0.1)
    assert gpus_asked_for(None) == []


def test_a_driver_without_gpus_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, monkeypatch, "echo No devices were found")
    assert gpus_asked_for(None) == []


@pytest.mark.parametrize(
    ("mask", "gpus"),
    [
        ("1,3", ["1", "3"]),
        ("2, 3", ["2", "3"]),
        ("GPU-8a,GPU-9b", ["GPU-8a", "GPU-9b"]),
        ("MIG-8a1b, MIG-GPU-9c/1/0", ["MIG-8a1b", "MIG-GPU-9c/1/0"]),
        ("", []),
        (" ", []),
        ("-1", []),
        ("1,-1,2", ["1"]),  # CUDA looks no further
        ("0,,2", ["0"]),
        ("NoDevFiles", []),
        ("3,3,1", ["3"]),
    ],
)
def test_a_mask_is_read_as_cuda_reads_it_and_goes_before_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: str, gpus: list[str]
) -> None:
    driver(tmp_path, monkeypatch, "echo 7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)
    assert gpus_asked_for(None) == gpus


def test_what_the_user_names_goes_before_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver(tmp_path, monkeypatch, "echo 7")
    assert gpus_asked_for("0, GPU-8a") == ["0", "GPU-8a"]
    assert gpus_asked_for("none") == []


@pytest.mark.parametrize(
    ("mask", "asked", "gpus"),
    [
        ("2,3", "0,1", ["2", "3"]),
        ("2,3", "1", ["3"]),
        ("2,3", "01", ["3"]),
        ("GPU-aa,GPU-bb", "GPU-bb", ["GPU-bb"]),
        ("GPU-aa,GPU-bb", "1", ["GPU-bb"]),
        ("GPU-aa", "GPU-aabbcc", ["GPU-aa"]),
        ("MIG-8a,MIG-9c", "0,1", ["MIG-8a", "MIG-9c"]),
        ("2,3", "GPU-33", ["3"]),
        ("2,3", "none", []),
    ],
)
def test_inside_a_mask_numbers_count_what_it_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: str, asked: str, gpus: list[str]
) -> None:
    driver(tmp_path, monkeypatch, 'printf "0, GPU-00\\n3, GPU-3344\\n"')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)
    assert gpus_asked_for(asked) == gpus


@pytest.mark.parametrize(
    ("mask", "asked", "message"),
    [
        ("2,3", "2", "--gpus 2: CUDA_VISIBLE_DEVICES=2,3 allows 2 GPUs; their numbers here: 0, 1"),
        ("", "0", "--gpus 0: CUDA_VISIBLE_DEVICES= allows 0 GPUs; their numbers here: none"),
        ("1,-1,2", "0,1", "--gpus 1: CUDA_VISIBLE_DEVICES=1,-1,2 allows 1 GPUs; their numbers here: 0"),
        ("2,3", "GPU-00", "--gpus GPU-00: is not among the GPUs that CUDA_VISIBLE_DEVICES=2,3 allows"),
        ("GPU-aa", "GPU-bb", "--gpus GPU-bb: is not among the GPUs that CUDA_VISIBLE_DEVICES=GPU-aa allows"),
        ("GPU-aabb,1", "GPU-aa,0", "--gpus 'GPU-aa,0': give each GPU once, such as --gpus 0,1; or --gpus none"),
    ],
)
def test_what_a_mask_does_not_allow_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: str, asked: str, message: str
) -> None:
    driver(tmp_path, monkeypatch, 'printf "0, GPU-00\\n"')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)
    with pytest.raises(HpoError) as refused:
        gpus_asked_for(asked)
    assert str(refused.value) == message


def test_gpus_that_are_not_there_are_refused_where_one_can_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_TRACES", (str(tmp_path / "nvidiactl"),))
    with pytest.raises(HpoError, match=r"--gpus 0: this machine has no GPU driver .* use --gpus none"):
        check_that_they_are_there(["0"], "--gpus 0")
    check_that_they_are_there([], "--gpus none")
    (tmp_path / "nvidiactl").touch()  # a container without nvidia-smi: nobody knows
    check_that_they_are_there(["5"], "--gpus 5")
    driver(tmp_path, monkeypatch, "printf '0\\n1\\n'")
    check_that_they_are_there(["1", "GPU-8a", "MIG-9c"], "--gpus 1")
    with pytest.raises(HpoError, match="--gpus 5: there is no GPU 5; nvidia-smi lists 0, 1"):
        check_that_they_are_there(["5"], "--gpus 5")


@pytest.mark.parametrize("asked", ["", "0,", "0,0", "0,00", "0,,1", "banana", "-1", "\u0661"])
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


def test_the_order_of_a_masks_numbers_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    assert device_environment("3")["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"  # whose numbers nvidia-smi gives
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    assert device_environment("3")["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"
