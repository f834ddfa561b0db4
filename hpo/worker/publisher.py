"""Messages written to the database in order while the training continues."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy.orm import Session

from hpo.storage.database import Database
from hpo.storage.leases import HeldLease
from hpo.worker.messages import Message

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Posted:
    message: Message
    then: Callable[[], None]


@dataclass(frozen=True)
class _Question:
    """A question to the database; with None to read, only whether everything posted is written."""

    read: Callable[[Session], Any] | None
    answer: Future[Any] = field(default_factory=Future)


class Publisher:
    """A thread that writes in order what is posted, several messages in one transaction if they have piled up.

    Training never waits for the database, neither for its milliseconds nor for its restart. Only `ask` and `flush` wait
    until everything is written.

    Args:
        database: the study database.
        lease: loses when a message finds that its claim has passed to another worker.
    """

    def __init__(self, database: Database, lease: HeldLease) -> None:
        self._database, self._lease = database, lease
        self._queue: queue.SimpleQueue[_Posted | _Question | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._queue.put(None)
        if error is None:  # who ends otherwise has flushed for as long as it would wait for a database
            self._thread.join()

    def post(self, message: Message, *, then: Callable[[], None] = lambda: None) -> None:
        """Queue a message.

        Args:
            message: written again if the database was away meanwhile.
            then: called, on the publisher's thread, once the transaction is committed and if the message was in time.

        Raises:
            StoreUnavailableError: if the database has stayed away for too long.
        """
        if self._error is not None:
            raise self._error
        self._queue.put(_Posted(message, then))

    def ask(self, read: Callable[[Session], Answer]) -> Answer:
        """Read from the database once everything posted is written, in the same transaction.

        Raises:
            StoreUnavailableError: if the database has stayed away for too long.
        """
        question = _Question(read)
        self._queue.put(question)
        answer: Answer = question.answer.result()
        return answer

    def flush(self, seconds: float | None = None) -> None:
        """Wait until everything posted is written.

        Args:
            seconds: wait no longer than that; None is as long as it takes.

        Raises:
            StoreUnavailableError: if the database has stayed away for too long.
        """
        question = _Question(None)
        self._queue.put(question)
        wait([question.answer], seconds)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        is_over = False
        while not is_over:
            taken = [self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get())
            is_over = None in taken
            entries = [entry for entry in taken if entry is not None]
            if self._error is None:
                try:
                    self._write(entries)
                except BaseException as error:  # raised again in the thread that posts
                    self._error = error
            for entry in entries:
                if isinstance(entry, _Question) and not entry.answer.done() and self._error is not None:
                    entry.answer.set_exception(self._error)

    def _write(self, entries: list[_Posted | _Question]) -> None:
        works = [entry.message.write if isinstance(entry, _Posted) else entry.read for entry in entries]

        def write(session: Session) -> list[Any]:
            return [None if work is None else work(session) for work in works]

        needs_database = any(work is not None for work in works)
        results = self._database.run(write) if needs_database else [None] * len(entries)
        for entry, result in zip(entries, results, strict=True):
            if isinstance(entry, _Question):
                entry.answer.set_result(result)
            elif result:
                entry.then()
            else:
                self._lease.lose()
