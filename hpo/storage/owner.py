"""Owners of leases: processes, named so that others on the same machine can tell whether they live."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import uuid
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import psutil

TOLERANCE_SECONDS = 0.1 if sys.platform.startswith("linux") else 60.0
"""How far the start of one process, told twice, may lie apart."""


def this_process() -> str:
    """``HOST:PID:START``: START, in seconds, tells a process from a later one with the same number."""
    return f"{_this_machine()}:{os.getpid()}:{_start(psutil.Process()):.2f}"


def dead_owners(owners: Iterable[str]) -> set[str]:
    """The owners that were processes of this machine and have ended; other machines are unknown."""
    return {owner for owner in owners if _is_local(owner) and not _is_alive(owner)}


@cache
def _this_machine() -> str:
    """The host's name, with what distinguishes it from others of that name.

    Containers may share the host's name but not see each other's processes, and many machines are called localhost:
    one that is mistaken for this machine would have its workers declared dead.
    """
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    mark = f"{boot.read_text()}{namespace.readlink()}" if boot.exists() else str(uuid.getnode())
    return f"{socket.gethostname()}-{hashlib.sha256(mark.encode()).hexdigest()[:8]}"


def _is_local(owner: str) -> bool:
    return owner.rsplit(":", 2)[0] == _this_machine()


def _is_alive(owner: str) -> bool:
    _, pid, started = owner.rsplit(":", 2)
    try:
        process = psutil.Process(int(pid))
        is_the_same = abs(_start(process) - float(started)) < TOLERANCE_SECONDS
        return is_the_same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False


def _start(process: psutil.Process) -> float:
    """Start of a process, seconds since the machine's start, or since 1970 if that is unknown.

    The time since 1970 moves with every correction of the clock.
    """
    stat = Path(f"/proc/{process.pid}/stat")
    if not sys.platform.startswith("linux"):
        return process.create_time()
    ticks = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]  # see proc(5)
    return int(ticks) / os.sysconf("SC_CLK_TCK")
