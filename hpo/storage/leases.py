"""Keeping leases: a thread renews them for as long as the work lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from hpo.errors import LeaseLostError
from hpo.storage.claims import Claim, renew_leases
from hpo.storage.database import Database, first_line

_log = logging.getLogger(__name__)


class HeldLease:
    """The leases of the claims that a worker is working on; `kept` makes one."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.open = list(claims)
        self._lost = threading.Event()
        self._renewing = threading.Lock()

    def check(self) -> None:
        """Go on only if the leases are still ours, as far as the last renewal knew.

        Raises:
            LeaseLostError: if they have passed to another worker.
        """
        if self._lost.is_set():
            raise LeaseLostError("a lease has passed to another worker")

    @contextmanager
    def finishing(self, claim: Claim) -> Iterator[None]:
        """Take a claim out of ``.open`` after the block has finished its point.

        No renewal comes in between: it would find the lease gone, and take it for lost.
        """
        with self._renewing:
            yield
            self.open.remove(claim)

    def renew(self, database: Database, lease_seconds: float) -> None:
        """Put off the expiry of all that is open, or note that a lease is gone."""
        with self._renewing:
            if not renew_leases(database, self.open, lease_seconds):
                self._lost.set()


@contextmanager
def kept(database: Database, claims: Sequence[Claim], lease_seconds: float) -> Iterator[HeldLease]:
    """Hold the leases while the block runs.

    The renewing thread outlives database errors: it tries again until the lease is renewed or found lost.

    Args:
        database: where the leases are.
        claims: what is worked on; each is to be finished within ``finishing``.
        lease_seconds: how long a renewal lasts; a third of it passes between renewals.
    """
    lease = HeldLease(claims)
    over = threading.Event()

    def renew() -> None:
        while not over.wait(lease_seconds / 3):
            try:
                lease.renew(database, lease_seconds)
            except (SQLAlchemyError, StorageInternalError, OSError) as error:
                _log.warning("leases not renewed, trying again: %s", first_line(error))

    thread = threading.Thread(target=renew, name="lease-renewal", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        over.set()
        thread.join()
