"""What of the machine this process may use, found without TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path

import psutil


def available_cores() -> int:
    """Cores that this process may use, which in a container or a job may be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that this process and its children may use: the container's, or else the machine's."""
    total = psutil.virtual_memory().total
    limit = Path("/sys/fs/cgroup/memory.max")  # of control groups, version 2
    text = limit.read_text(encoding="ascii").strip() if limit.is_file() else "max"
    return total if text == "max" else min(total, int(text))
