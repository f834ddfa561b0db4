"""Who holds a lease: a process, named so that another one on the same machine can see whether it still lives."""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import psutil

CLOCK_TOLERANCE_SECONDS = 60.0
"""The start of a living process, as the system tells it, moves with corrections of the clock."""


def this_process() -> str:
    """``HOST:PID:START``: START, seconds since 1970, tells a process from a later one with the same number."""
    process = psutil.Process(os.getpid())
    return f"{_this_machine()}:{process.pid}:{process.create_time():.2f}"


def dead_owners(owners: Iterable[str]) -> set[str]:
    """Those owners that were processes of this machine and are no more; of other machines nothing is known."""
    return {owner for owner in owners if _is_local(owner) and not _is_alive(owner)}


@cache
def _this_machine() -> str:
    """The host's name, and what tells it from its namesakes.

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
        is_the_same = abs(process.create_time() - float(started)) < CLOCK_TOLERANCE_SECONDS
        return is_the_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
