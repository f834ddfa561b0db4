from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from hpo.data.pool import killed_processes
from hpo.errors import HpoError


def test_a_killed_process_is_an_error_in_one_line() -> None:
    pooled = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with (
        pytest.raises(HpoError, match="a process was killed, as happens where the memory runs out: take fewer"),
        killed_processes("take fewer"),
        pooled as pool,
    ):
        pool.submit(os._exit, 9).result()
