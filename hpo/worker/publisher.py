"""What a worker has to say goes to the database in order, while the training goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from hpo.storage.database import Database
from hpo.storage.leases import HeldLease

Write = Callable[[Session], bool]
"""Part of a transaction, safe to repeat; False if the claim that it is about has passed to another worker."""


@dataclass(frozen=True)
class _Item:
    write: Write
    then: Callable[[], None] | None


class Publisher:
    """A thread that writes in order what is posted, several writes in one transaction if they have piled up.

    Training does not wait for the database: not for its milliseconds, nor for its restart. Only who needs to know that
    all has been written waits (`flush`).

    Args:
        database: the study database.
        lease: told when a write finds that its claim has passed to another worker.
    """

    def __init__(self, database: Database, lease: HeldLease) -> None:
        self._database, self._lease = database, lease
        self._queue: queue.SimpleQueue[_Item | threading.Event | None] = queue.SimpleQueue()
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

    def post(self, write: Write, *, then: Callable[[], None] | None = None) -> None:
        """Have something written.

        Args:
            write: called with a session; again if the database was away meanwhile.
            then: called once the transaction is committed, if the write was not too late.

        Raises:
            StoreUnavailableError: if the database has stayed away for too long.
        """
        self._raise()
        self._queue.put(_Item(write, then))

    def flush(self, seconds: float | None = None) -> None:
        """Wait until all that was posted is written.

        Args:
            seconds: wait no longer than that; None is as long as it takes.

        Raises:
            StoreUnavailableError: if the database has stayed away for too long.
        """
        written = threading.Event()
        self._queue.put(written)
        written.wait(seconds)
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while True:
            taken = [self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get())
            items = [entry for entry in taken if isinstance(entry, _Item)]
            if items and self._error is None:
                try:
                    self._write(items)
                except BaseException as error:  # raised again in the thread that posts
                    self._error = error
            for entry in taken:
                if isinstance(entry, threading.Event):
                    entry.set()
            if None in taken:
                return

    def _write(self, items: list[_Item]) -> None:
        in_time = self._database.run(lambda session: [item.write(session) for item in items])
        for item, was_ours in zip(items, in_time, strict=True):
            if not was_ours:
                self._lease.lose()
            elif item.then is not None:
                item.then()
