"""Several processes that do something at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Processes are forked from a server that has imported these: seconds of CPU are spent once instead of for each.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "hpo.stages.advance",
        "alembic.config",
        "alembic.migration",
        "alembic.script",
        "psycopg",
        "sqlalchemy.dialects.sqlite",
    ]
)


def all_at_once(count: int, target: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call ``target(number, *arguments)`` in ``count`` processes that wait for one another first.

    Args:
        count: how many processes.
        target: a function of a module.
        arguments: what it is called with, after the process's number, from 0.

    Returns:
        What the calls returned, in the order of the numbers.

    Raises:
        AssertionError: if one of them failed.
    """
    barrier, answers = _context.Barrier(count), _context.SimpleQueue()
    processes = [
        _context.Process(target=_answer, args=(barrier, answers, number, target, arguments)) for number in range(count)
    ]
    for process in processes:
        process.start()
    found = dict(answers.get() for _ in processes)
    for process in processes:
        process.join(timeout=300)
    failed = {number: answer for number, (ok, answer) in found.items() if not ok}
    assert not failed, failed
    return [found[number][1] for number in range(count)]


def _answer(barrier: Any, answers: Any, number: int, target: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        barrier.wait(timeout=300)
        answers.put((number, (True, target(number, *arguments))))
    except BaseException as error:
        answers.put((number, (False, repr(error))))
        raise


@dataclass(frozen=True)
class Started:
    """A process under way."""

    process: Any
    _said: Any

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def hear(self) -> Any:
        """The next thing that it says."""
        assert self._said.poll(60), "the process is silent"
        return self._said.recv()

    def join(self) -> None:
        """Wait for its end, which must be in order."""
        self.process.join(timeout=300)
        assert self.process.exitcode == 0


@contextmanager
def started(target: Callable[..., Any], *arguments: Any) -> Iterator[Started]:
    """A process that calls ``target(0, *arguments, say)``; with the end of the block it is killed."""
    hearing, saying = _context.Pipe(duplex=False)
    process = _context.Process(target=_call, args=(target, arguments, saying))
    process.start()
    saying.close()
    try:
        yield Started(process, hearing)
    finally:
        process.kill()
        process.join()


def _call(target: Callable[..., Any], arguments: tuple[Any, ...], saying: Any) -> None:
    target(0, *arguments, saying.send)
