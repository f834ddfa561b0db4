"""What of the machine this process may use, found without TensorFlow.

A container or a batch job limits a process in two ways that leave the whole machine visible: by affinity (Slurm,
``taskset``, ``--cpuset-cpus``) and by the quotas of its control group (``docker run --cpus 1 --memory 2g``,
Kubernetes' limits). Both count here.

Source: the Linux kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

CGROUPS = Path("/sys/fs/cgroup")
"""Where the hierarchies of control groups are mounted."""

MEMBERSHIP = Path("/proc/self/cgroup")
"""Which group of each hierarchy this process is in."""

CPUINFO = Path("/proc/cpuinfo")
"""What the kernel tells of each processor."""

_PERIOD = 100_000
"""Microseconds: the kernel's default, where a file leaves it out."""


def available_cores() -> int:
    """Cores that this process may use: by affinity and by its control groups' quotas, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *cpu_quotas()]))


def available_memory() -> int:
    """Bytes of memory that this process and its children may use: the container's, or else the machine's."""
    return min([psutil.virtual_memory().total, *memory_limits()])


def processor_flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """What instructions the processor has, in the kernel's words; empty where the kernel does not say.

    Args:
        cpuinfo: where Linux tells; the first processor's line counts.
    """
    for line in _lines(cpuinfo):
        name, _, told = line.partition(":")
        if name.strip() in ("flags", "Features"):  # on Intel's and AMD's, on Arm's
            return frozenset(told.split())
    return frozenset()


def cpu_quotas(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> list[int]:
    """Cores that this process's control groups allow it, rounded up; none for a group without a limit.

    Args:
        cgroups: where they are mounted, both versions.
        membership: the file that names this process's groups.
    """
    found = []
    for folder in _folders("cpu", cgroups, membership):
        told = _words(folder / "cpu.max")  # version 2: "QUOTA PERIOD"
        if not told:
            told = _words(folder / "cpu.cfs_quota_us")[:1] + _words(folder / "cpu.cfs_period_us")[:1]
        quota, period = [*map(_number, told[:2]), 0, 0][:2]
        if len(told) == 1:
            period = _PERIOD
        if quota and period:
            found.append(-(-quota // period))
    return found


def memory_limits(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> list[int]:
    """Bytes that this process's control groups allow it; none for a group without a limit.

    Args:
        cgroups: as in `cpu_quotas`.
        membership: as in `cpu_quotas`.
    """
    folders = list(_folders("memory", cgroups, membership))
    told = [_words(folder / name)[:1] for folder in folders for name in ("memory.max", "memory.limit_in_bytes")]
    return [limit for words in told for word in words if (limit := _number(word))]


def _folders(controller: str, cgroups: Path, membership: Path) -> Iterator[Path]:
    """The folders of the process's groups and of all groups around them: each of them limits it.

    The mounts' own folders always count: in a container they are its group, whatever path the host knows it by.
    """
    root = PurePosixPath()
    version_2, version_1 = ["", "unified"], [controller, "cpu,cpuacct"] if controller == "cpu" else [controller]
    groups: dict[str, set[PurePosixPath]] = {mount: {root} for mount in version_2 + version_1}
    for line in _lines(membership):  # "NUMBER:CONTROLLERS:GROUP"; version 2 names no controllers
        controllers, _, group = line.partition(":")[2].partition(":")
        here = PurePosixPath(*(part for part in group.split("/") if part not in ("", ".", "..")))
        if not controllers or controller in controllers.split(","):
            for mount in [controllers, controller] if controllers else version_2:
                groups.setdefault(mount, {root}).update((here, *here.parents))
    for mount, paths in groups.items():
        yield from (cgroups / mount / path for path in sorted(paths))


def _lines(file: Path) -> list[str]:
    """A file's lines; none if it cannot be read: a machine may have no control groups, or hide them."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _words(file: Path) -> list[str]:
    lines = _lines(file)
    return lines[0].split() if lines else []


def _number(word: str) -> int:
    """A positive number; 0 for "max", -1, and whatever else is no limit."""
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 30 else 0
