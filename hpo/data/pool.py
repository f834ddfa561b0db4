"""Processes that work for this one: the death of one is an error in one line."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from hpo.errors import HpoError

FEWER = "fewer processes need less"


@contextmanager
def killed_processes(advice: str = FEWER) -> Iterator[None]:
    """Has the death of a pool's process within become an `HpoError`.

    Args:
        advice: what to do, ready to end the message.
    """
    try:
        yield
    except BrokenProcessPool as error:
        raise HpoError(f"a process was killed, as happens where the memory runs out: {advice}") from error
