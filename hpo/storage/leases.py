"""Keeping leases: a thread renews them for as long as the work lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from hpo.errors import LeaseLostError
from hpo.storage.database import Database
from hpo.storage.points import Claim, renew_leases

_log = logging.getLogger(__name__)


class HeldLease:
    """The leases of the claims that a worker is working on; `kept` makes one."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.open = list(claims)
        self._lost = threading.Event()

    def check(self) -> None:
        """Go on only if the leases are still ours, as far as the last renewal knew.

        Raises:
            LeaseLostError: if they have passed to another worker.
        """
        if self._lost.is_set():
            raise LeaseLostError(f"{self.open[0].stage_name}: the lease has passed to another worker")

    def mark_lost(self) -> None:
        """Note that a renewal found a lease gone."""
        self._lost.set()


@contextmanager
def kept(database: Database, claims: Sequence[Claim], lease_seconds: float) -> Iterator[HeldLease]:
    """Hold the leases while the block runs.

    The renewing thread outlives database errors: it tries again until the lease is renewed or found lost.

    Args:
        database: where the leases are.
        claims: what is worked on; those finished are to be taken out of ``.open``.
        lease_seconds: how long a renewal lasts; a third of it passes between renewals.
    """
    lease = HeldLease(claims)
    over = threading.Event()

    def renew() -> None:
        while not over.wait(lease_seconds / 3):
            claims_now = list(lease.open)
            try:
                held = renew_leases(database, claims_now, lease_seconds)
            except (SQLAlchemyError, StorageInternalError, OSError) as error:
                _log.warning("leases not renewed, trying again: %s", str(error).splitlines()[0])
                continue
            # A claim finished meanwhile is rightly no longer ours.
            if not held and claims_now == lease.open:
                lease.mark_lost()
                return

    thread = threading.Thread(target=renew, name="lease-renewal", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        over.set()
        thread.join()
