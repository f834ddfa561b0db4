"""What of the machine this process may use: affinity, and the limits of its control groups."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from hpo import machine
from hpo.machine import available_cores, available_memory, cpu_quotas, memory_limits, processor_flags

LARGEST = "9223372036854771712"  # what version 1 says where there is no limit


def groups(folder: Path, membership: str, **files: str) -> tuple[Path, Path]:
    """A mount of control groups, and the file that names this process's; ``__`` is a folder's end, ``_DOT_`` a dot."""
    (folder / "membership").write_text(membership)
    for name, content in files.items():
        path = folder / "mount" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder / "mount", folder / "membership"


def test_cores_and_memory_are_those_that_this_process_may_use() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    assert 0 < available_memory() <= psutil.virtual_memory().total


@pytest.mark.parametrize(("quotas", "cores"), [([], 2), ([4], 2), ([1, 4], 1)])
def test_the_smaller_of_affinity_and_quota_counts(
    monkeypatch: pytest.MonkeyPatch, quotas: list[int], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    monkeypatch.setattr(machine, "cpu_quotas", lambda: quotas)
    assert available_cores() == cores


@pytest.mark.parametrize(
    ("told", "cores"),
    [
        ("50000 100000\n", [1]),  # docker run --cpus 0.5
        ("150000 100000\n", [2]),
        ("400000 100000\n", [4]),
        ("200000\n", [2]),
        ("max 100000\n", []),
        ("max\n", []),
        ("", []),
        ("0 100000\n", []),
        ("50000 0\n", []),
        ("-1 100000\n", []),
        ("many cores\n", []),
        ("\u0661\u0660 \u0661\n", []),
        ("9" * 5000 + " 100000\n", []),
    ],
)
def test_a_quota_of_version_2_is_rounded_up_and_what_is_no_quota_is_ignored(
    tmp_path: Path, told: str, cores: list[int]
) -> None:
    assert cpu_quotas(*groups(tmp_path, "0::/\n", cpu_DOT_max=told)) == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [
        ("50000", "100000", [1]),
        ("250000", "100000", [3]),
        ("-1", "100000", []),
        ("200000", "", [2]),
        ("x", "100000", []),
    ],
)
def test_a_quota_of_version_1_is_found_under_its_controllers(
    tmp_path: Path, quota: str, period: str, cores: list[int]
) -> None:
    files = {"cpu,cpuacct__job__cpu_DOT_cfs_quota_us": quota, "cpu,cpuacct__job__cpu_DOT_cfs_period_us": period}
    assert cpu_quotas(*groups(tmp_path, "4:cpu,cpuacct:/job\n3:memory:/other\n", **files)) == cores
    assert cpu_quotas(*groups(tmp_path, "4:cpuset:/job\n", **files)) == []


def test_every_group_around_the_process_limits_it(tmp_path: Path) -> None:
    files = {
        "a__b__c__cpu_DOT_max": "max 100000",
        "a__b__cpu_DOT_max": "300000 100000",
        "a__cpu_DOT_max": "800000 100000",
    }
    assert sorted(cpu_quotas(*groups(tmp_path, "0::/a/b/c\n", **files))) == [3, 8]


@pytest.mark.parametrize("membership", ["0::/docker/0123abcd\n", "0::/../..\n", "nonsense", ""])
def test_in_a_container_the_mount_is_its_group_whatever_path_the_host_knows(tmp_path: Path, membership: str) -> None:
    found = groups(tmp_path, membership, cpu_DOT_max="100000 100000", memory_DOT_max="512")
    assert (cpu_quotas(*found), memory_limits(*found)) == ([1], [512])


def test_limits_of_memory_are_found_in_both_versions(tmp_path: Path) -> None:
    files = {"job__memory_DOT_max": "1000", "memory_DOT_max": "max", "memory__job__memory_DOT_limit_in_bytes": LARGEST}
    membership = "9:memory:/job\n0::/job\n"
    assert sorted(memory_limits(*groups(tmp_path, membership, **files))) == [1000, int(LARGEST)]


@pytest.mark.parametrize(
    ("told", "flags"),
    [
        (
            "processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\nbugs\t: x\nflags\t: other\n",
            {"fpu", "avx2", "avx512_bf16"},
        ),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", {"fp", "asimd", "bf16"}),
        ("processor\t: 0\n", set()),
    ],
)
def test_the_first_processors_flags_are_what_the_kernel_tells(tmp_path: Path, told: str, flags: set[str]) -> None:
    (tmp_path / "cpuinfo").write_text(told)
    assert processor_flags(tmp_path / "cpuinfo") == flags
    assert processor_flags(tmp_path / "absent") == set()


def test_files_that_cannot_be_read_limit_nothing(tmp_path: Path) -> None:
    mount, membership = groups(tmp_path, "0::/\n", cpu_DOT_max__inside="1 1", memory_DOT_max__inside="1")
    assert (cpu_quotas(mount, membership), memory_limits(mount, tmp_path / "absent")) == ([], [])
    (mount / "cpu.weight").write_bytes(b"\xff")
    assert cpu_quotas(tmp_path / "nowhere", mount / "cpu.weight") == []
