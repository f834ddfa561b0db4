"""What a worker writes while it trains: an epoch, a metric, a result, the opening of a test split.

Each message is part of a transaction and safe to write again: a worker that does not know whether its commit arrived
repeats it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from hpo.storage.claims import Claim
from hpo.storage.ledger import is_recorded, mean_seconds, record_epoch, record_test_opening
from hpo.storage.outcomes import Outcome, complete_point, show_epochs


class Message(Protocol):
    """Something to be written."""

    def write(self, session: Session) -> bool:
        """Write it; safe to repeat.

        Returns:
            False if the claim that it is about has passed to another worker.
        """


@dataclass(frozen=True)
class Epoch:
    """A trained epoch, for the ledger; it was spent, whoever holds the lease.

    Args:
        study: the study's name.
        owner: who trained it.
        recipe_key: of the training.
        epoch: counted from 1.
        patch_visits: patches seen in it.
        seconds: how long it took; None for an epoch that an earlier attempt saved, and perhaps did not live to enter.
        entry: names the row, so that it is made once.
    """

    study: str
    owner: str
    recipe_key: str
    epoch: int
    patch_visits: int
    seconds: float | None
    entry: str = field(default_factory=lambda: uuid.uuid4().hex)

    def write(self, session: Session) -> bool:
        """Enter it in the ledger."""
        if self.seconds is None and is_recorded(session, self.recipe_key, self.epoch):
            return True
        seconds = mean_seconds(session, self.recipe_key) if self.seconds is None else self.seconds
        record_epoch(
            session,
            study=self.study,
            recipe_key=self.recipe_key,
            epoch=self.epoch,
            patch_visits=self.patch_visits,
            seconds=seconds,
            owner=self.owner,
            entry=self.entry,
        )
        return True


@dataclass(frozen=True)
class Shown:
    """The objective's metric after an epoch, for the trials of some claims."""

    claims: tuple[Claim, ...]
    epoch: int
    value: float

    def write(self, session: Session) -> bool:
        """Show it in each claim's trial."""
        were_ours = [show_epochs(session, claim, {self.epoch: self.value}) for claim in self.claims]
        return all(were_ours)


@dataclass(frozen=True)
class Completed:
    """A claimed point's result."""

    claim: Claim
    outcome: Outcome

    def write(self, session: Session) -> bool:
        """Write the result, which is accepted once."""
        return complete_point(session, self.claim, self.outcome)


@dataclass(frozen=True)
class Opened:
    """The opening of the test split for a frozen configuration.

    Args:
        study: the study's name.
        owner: who opens it.
        architecture: whose configuration it is.
        configuration: digest of the runs.
        test_digest: of the test patches.
    """

    study: str
    owner: str
    architecture: str
    configuration: str
    test_digest: str

    def write(self, session: Session) -> bool:
        """Enter it; an opening that was entered before stays as it is."""
        record_test_opening(
            session,
            study=self.study,
            architecture=self.architecture,
            configuration=self.configuration,
            test_digest=self.test_digest,
            owner=self.owner,
        )
        return True
