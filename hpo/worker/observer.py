"""Observers of a worker: the terminal's progress, a log, a test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hpo.storage.claims import Claim


class Observer(Protocol):
    """Receives what a worker does, as it does it."""

    def started(self, claims: Sequence[Claim]) -> None:
        """Work on these points of one recipe starts."""

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """An epoch of all ``epochs`` has been trained or read; ``value`` is the objective's metric."""

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """A point is complete with its objective, or its attempt failed with a reason."""


class Unobserved:
    """An observer that does nothing."""

    def started(self, claims: Sequence[Claim]) -> None:
        """Work on these points of one recipe starts."""

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:
        """An epoch has been trained or read."""

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        """A point is complete or its attempt failed."""
