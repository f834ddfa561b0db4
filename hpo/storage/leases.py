"""Leases kept by a heartbeat that outlives database errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hpo.errors import LeaseLostError, StorageError
from hpo.storage.claims import Claim, renew_leases
from hpo.storage.database import Database
from hpo.storage.patience import first_line
from hpo.storage.workers import StopMode, end_worker, register_worker, see_worker, stop_request

_log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
"""Between two beats, or a third of a shorter lease: so soon is a request to stop heard."""


class HeldLease:
    """The leases of the claims that a worker is working on; `Heartbeat.holding` makes one.

    Three threads use it: the one that trains, the publisher's, which finishes claims, and the heart's.
    """

    def __init__(self, heartbeat: Heartbeat, claims: Sequence[Claim]) -> None:
        self._open, self._changing = tuple(claims), threading.Lock()
        self._heartbeat = heartbeat
        self._lost = threading.Event()

    @property
    def open(self) -> tuple[Claim, ...]:
        """The claims that are not finished yet."""
        return self._open

    def settle(self, claims: Sequence[Claim]) -> None:
        """Replace claims by those with chosen values."""
        of_id = {claim.id: claim for claim in claims}
        with self._changing:
            self._open = tuple(of_id.get(claim.id, claim) for claim in self._open)

    def finish(self, claim: Claim) -> None:
        """Remove a claim whose result was accepted."""
        with self._changing:
            self._open = tuple(one for one in self._open if one.id != claim.id)

    def lose(self) -> None:
        """Note that a claim has passed to another worker."""
        self._lost.set()

    def check(self) -> None:
        """Check that the leases are still ours, as far as can be known.

        A process that was frozen for longer than a lease asks the database first. If that is unreachable, it continues:
        its result is refused if the lease has passed to another worker.

        Raises:
            LeaseLostError: if one of them has passed to another worker.
        """
        if self._heartbeat.is_overdue():
            self._heartbeat.try_to_beat()
        if self._lost.is_set():
            raise LeaseLostError("a lease has passed to another worker")


class Heartbeat:
    """Renew a worker's leases, register it as alive, and read requests to stop.

    The beating thread outlives database errors: it tries again until the lease is renewed or found lost.

    Args:
        database: the study database.
        study: the study's name.
        owner: the worker.
        lease_seconds: how long a renewal lasts.
        device: what the register shows that the worker trains on.
        since: the worker hears what is asked after this moment by the database's clock; None is its registration.
    """

    def __init__(
        self,
        database: Database,
        study: str,
        owner: str,
        lease_seconds: float,
        device: str = "CPU",
        since: float | None = None,
    ) -> None:
        self._database, self._study, self._owner = database, study, owner
        self._lease_seconds, self._device = lease_seconds, device
        self._lease: HeldLease | None = None
        self._over, self._beating = threading.Event(), threading.Lock()
        self._since, self._renewed = since, time.monotonic()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)
        self.stop_mode: StopMode | None = None

    def __enter__(self) -> Self:
        self._database.run(self._register)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        try:
            with self._database.transaction() as session:
                end_worker(session, self._study, self._owner)
        except (StorageError, SQLAlchemyError, OSError) as problem:
            _log.warning("the worker's end was not registered: %s", first_line(problem))

    @contextmanager
    def holding(self, claims: Sequence[Claim]) -> Iterator[HeldLease]:
        """Hold the leases of these claims while the block runs."""
        lease = HeldLease(self, claims)
        with self._beating:
            self._lease, self._renewed = lease, time.monotonic()
        try:
            yield lease
        finally:
            with self._beating:
                self._lease = None

    def is_overdue(self) -> bool:
        """Whether the leases may have expired since the last beat."""
        return time.monotonic() - self._renewed > self._lease_seconds

    def beat(self) -> None:
        """Renew the leases held, and read requests to stop."""
        with self._beating:
            began, lease = time.monotonic(), self._lease
            with self._database.transaction() as session:
                see_worker(session, self._study, self._owner)
                if lease is not None and not renew_leases(session, lease.open, self._lease_seconds):
                    lease.lose()
                self.stop_mode = stop_request(session, self._study, self._since or 0.0)
            self._renewed = began

    def try_to_beat(self) -> None:
        """Beat, or log why not."""
        try:
            self.beat()
        except (StorageError, SQLAlchemyError, OSError) as error:
            _log.warning("leases not renewed; trying again: %s", first_line(error))

    def _beat_on(self) -> None:
        while not self._over.wait(min(BEAT_SECONDS, self._lease_seconds / 3)):
            self.try_to_beat()

    def _register(self, session: Session) -> None:
        began = register_worker(session, self._study, self._owner, self._device)
        self._since = began if self._since is None else self._since
        self.stop_mode = stop_request(session, self._study, self._since)
