"""What of the machine this process may use."""

from __future__ import annotations

import os

import psutil

from hpo.machine import available_cores, available_memory


def test_cores_and_memory_are_those_that_this_process_may_use() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    assert 0 < available_memory() <= psutil.virtual_memory().total
