"""The inputs and outcomes of a pool's decision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.recipe.point import Value

State = Literal["paused", "running", "failed"]


@dataclass(frozen=True)
class Training:
    """A training of the pool, as known so far.

    Args:
        key: names it; `Continue` returns it.
        values: of the searched factors.
        gains: the objective of each epoch from 1, unsmoothed, larger is better; values that are not finite count as
            the worst.
        state: ``running`` while a worker holds it; ``failed`` if it can never continue (it diverged).
        target: epochs that it is or will be trained to; for a paused one the length of ``gains``.
        given: whether it was trained before the pool; it is compared, but makes no room for others to continue.
    """

    key: str
    values: Mapping[str, Value]
    gains: tuple[float, ...]
    state: State = "paused"
    target: int = 0
    given: bool = False

    @property
    def epochs(self) -> int:
        """The number of known epochs."""
        return len(self.gains)


@dataclass(frozen=True)
class Continue:
    """Bring a paused training to a total number of epochs."""

    key: str
    epochs: int


@dataclass(frozen=True)
class Open:
    """Start a new training and bring it to its first rung."""

    values: Mapping[str, Value]
    epochs: int


Step = Continue | Open


def smoothed(gains: Sequence[float], smoothing: int) -> float:
    """The mean of the last few gains; minus infinity if there are none or one of them is not finite."""
    last = gains[-smoothing:]
    return sum(last) / len(last) if last and all(map(math.isfinite, last)) else -math.inf
