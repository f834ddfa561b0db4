"""What a study cost, from the compute ledger: of each part, and of the tuning beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.storage.ledger import Compute

ComputeRole = Literal["stage1", "stage2", "recheck", "before", "equal", "after", "cold_control", "folds"]
"""The parts of a study whose cost is counted separately."""

TUNING: tuple[ComputeRole, ...] = ("stage1", "stage2", "recheck", "after")
"""Everything trained for the tuned models: the search, donors included, and their final trainings."""

REFERENCE: tuple[ComputeRole, ...] = ("before", "equal")
"""The reference's final trainings; the equal training continues the others from their end."""


@dataclass(frozen=True)
class ComputeEntry:
    """The cost of one part of one architecture.

    Args:
        architecture: by name.
        role: which part. An epoch that several parts share counts once: for ``before``, or else in the first of them.
        spent: what was actually trained.
        unshared_patch_visits: of the complete design points, if each had been trained separately, from its first epoch.
    """

    architecture: str
    role: ComputeRole
    spent: Compute
    unshared_patch_visits: int


@dataclass(frozen=True)
class Cost:
    """Sums over some entries; visits count patches seen in training, repeats included.

    Args:
        before: visits of the reference's final trainings.
        tuning: visits of `TUNING`.
        spent: visits of everything.
        unshared: visits if every complete design point had been trained separately.
        seconds: training time of everything, summed over the workers.
        compared: ``before`` and ``tuning`` of the architectures whose final trainings have begun on both sides.
    """

    before: int
    tuning: int
    spent: int
    unshared: int
    seconds: float
    compared: tuple[int, int]

    @property
    def ratio(self) -> float | None:
        """Tuning as a multiple of the reference's final trainings; None until an architecture has both.

        The search of an architecture that has not come to its final trainings would be held against the others'.
        """
        before, tuning = self.compared
        return tuning / before if before and tuning else None

    @property
    def saved(self) -> float:
        """The fraction of the unshared visits that sharing saved."""
        return 1 - self.spent / self.unshared if self.spent and self.unshared > self.spent else 0.0


def total_cost(entries: Sequence[ComputeEntry]) -> Cost:
    """The cost of some entries together."""
    final = {entry.architecture for entry in entries if entry.role == "after"}
    final &= {entry.architecture for entry in entries if entry.role in REFERENCE and entry.spent.patch_visits}
    compared = [entry for entry in entries if entry.architecture in final]
    return Cost(
        before=visits_of(entries, REFERENCE),
        tuning=visits_of(entries, TUNING),
        spent=sum(entry.spent.patch_visits for entry in entries),
        unshared=sum(entry.unshared_patch_visits for entry in entries),
        seconds=sum(entry.spent.seconds for entry in entries),
        compared=(visits_of(compared, REFERENCE), visits_of(compared, TUNING)),
    )


def visits_of(entries: Sequence[ComputeEntry], roles: Sequence[ComputeRole]) -> int:
    """The patch-visits of some parts."""
    return sum(entry.spent.patch_visits for entry in entries if entry.role in roles)
