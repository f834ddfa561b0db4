"""Areas under the ROC curve of many resamples of the same predictions, which are sorted once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ranking:
    """One row of predictions, sorted.

    Args:
        positives: patches of label 1, by ascending probability.
        negatives: patches of label 0, by ascending probability.
        below: for each positive, how many negatives lie below it.
        up_to: for each positive, how many negatives lie below it or level with it.
    """

    positives: NDArray[np.intp]
    negatives: NDArray[np.intp]
    below: NDArray[np.intp]
    up_to: NDArray[np.intp]

    @classmethod
    def of(cls, labels: NDArray[Any], probabilities: NDArray[Any]) -> Ranking:
        """Sort one row, ``(N,)`` each."""
        order = np.argsort(probabilities, kind="stable")
        positives, negatives = order[labels[order] == 1], order[labels[order] != 1]
        high, low = probabilities[positives], probabilities[negatives]
        below, up_to = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
        return cls(positives, negatives, below, below if np.array_equal(below, up_to) else up_to)

    @property
    def has_both_classes(self) -> bool:
        """Whether there is an area to speak of."""
        return bool(len(self.positives) and len(self.negatives))

    def areas(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """Areas ``(size,)`` with patches counted as often as ``(N, size)`` weights say; both classes must be drawn."""
        counted = np.take(weights, self.positives, axis=0)
        beaten = np.zeros((len(self.negatives) + 1, weights.shape[1]), np.int32)
        np.cumsum(np.take(weights, self.negatives, axis=0), axis=0, out=beaten[1:])
        wins = (counted * np.take(beaten, self.below, axis=0)).sum(axis=0, dtype=np.int64)
        if self.up_to is self.below:
            wins_or_ties = wins
        else:
            wins_or_ties = (counted * np.take(beaten, self.up_to, axis=0)).sum(axis=0, dtype=np.int64)
        pairs = counted.sum(axis=0, dtype=np.int64) * beaten[-1].astype(np.int64)
        return np.asarray((wins + wins_or_ties) / (2 * pairs))

    def pairs_won(self, of_patch: NDArray[np.intp], units: int) -> NDArray[np.float64]:
        """Between every two units ``(units, units)``: how often the row's positives beat the column's negatives."""
        own = np.eye(units)
        beaten = np.zeros((len(self.negatives) + 1, units))
        np.cumsum(own[of_patch[self.negatives]], axis=0, out=beaten[1:])
        won = np.take(beaten, self.below, axis=0) + np.take(beaten, self.up_to, axis=0)
        return np.asarray(own[of_patch[self.positives]].T @ won / 2)

    def without_each(
        self, of_patch: NDArray[np.intp], classes: NDArray[np.float64], *, alone: bool
    ) -> NDArray[np.float64]:
        """Areas of all patches but those of one unit, ``(units,)``; not a number where a class is then missing.

        Args:
            of_patch: ``(N,)``, each patch's unit.
            classes: ``(units, 2)``: how many positives and negatives each unit has.
            alone: whether every unit is a single patch.
        """
        units = len(classes)
        of_positive, of_negative = of_patch[self.positives], of_patch[self.negatives]
        won = (self.below + self.up_to) / 2
        lost = len(self.positives) - (self._reached(self.below) + self._reached(self.up_to)) / 2
        wins = won.sum() - np.bincount(of_positive, won, units) - np.bincount(of_negative, lost, units)
        if not alone:
            wins += np.bincount(of_positive, self._won_within(of_positive, of_negative), units)
        pairs = np.prod(classes.sum(axis=0) - classes, axis=1)
        return np.asarray(np.divide(wins, pairs, out=np.full(units, np.nan), where=pairs > 0))

    def _reached(self, up_to: NDArray[np.intp]) -> NDArray[np.intp]:
        """For each negative, how many positives have fewer than its place (from 1) of negatives under them."""
        return np.searchsorted(up_to, np.arange(1, len(self.negatives) + 1), side="left")

    def _won_within(self, of_positive: NDArray[np.intp], of_negative: NDArray[np.intp]) -> NDArray[np.float64]:
        """For each positive, how many negatives of its own unit it beats."""
        places = len(self.negatives) + 1
        keys = np.sort(of_negative * places + np.arange(len(self.negatives)))
        start = np.searchsorted(keys, of_positive * places)
        reached = [np.searchsorted(keys, of_positive * places + one) for one in (self.below, self.up_to)]
        return (reached[0] + reached[1]) / 2 - start
