"""Metrics of patches that count several times or not at all, for many such weightings at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.areas import Ranking
from hpo.evaluation.metrics import THRESHOLD, cross_entropy
from hpo.evaluation.resampling import unit_totals

_Table = NDArray[np.float64]


class WeightedMetrics:
    """Rows of predictions, prepared: sorted once, and summed over each unit's patches.

    Args:
        labels: ``(N,)``, 0 or 1.
        rows: ``(N,)`` probabilities each.
        of_patch: ``(N,)``, the number of each patch's unit, from 0.
        metrics: of `METRICS`, or ``loss``.
    """

    def __init__(
        self,
        labels: NDArray[Any],
        rows: Sequence[NDArray[Any]],
        of_patch: NDArray[np.intp],
        metrics: Sequence[str],
    ) -> None:
        self.units = int(of_patch.max()) + 1
        self.classes = unit_totals(of_patch, self.units, [labels == 1, labels != 1])
        self._metrics, self._of_patch = tuple(metrics), of_patch
        self._counts = {
            name: unit_totals(of_patch, self.units, [_COUNTED[name](labels, row) for row in rows])
            for name in _needed(metrics)
        }
        self._rankings = [Ranking.of(labels, row) for row in rows] if "auc" in metrics else []
        # Few units: what each wins over each other says all that there is to know.
        self._pairs_won = (
            np.stack([ranking.pairs_won(of_patch, self.units) for ranking in self._rankings])
            if self._rankings and self.units**2 <= len(labels)
            else None
        )

    def drawn(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The metrics with each unit counted as often as ``(units, size)`` weights say: ``(metrics, rows, size)``."""
        positives, negatives = self.classes.T @ weights
        totals = {name: table.T @ weights for name, table in self._counts.items()}
        if self._rankings:
            totals["areas"] = self._areas(weights, positives * negatives)
        return self._values(totals, positives, negatives)

    def without_each(self) -> NDArray[np.float64]:
        """The metrics of all units but one, for each: ``(metrics, rows, units)``."""
        positives, negatives = self.classes.sum(axis=0)[:, None] - self.classes.T
        totals = {name: (table.sum(axis=0) - table).T for name, table in self._counts.items()}
        if self._rankings:
            alone = self.units == len(self._of_patch)
            areas = [one.without_each(self._of_patch, self.classes, alone=alone) for one in self._rankings]
            totals["areas"] = np.stack(areas)
        return self._values(totals, positives, negatives)

    def _values(self, totals: dict[str, _Table], positives: _Table, negatives: _Table) -> NDArray[np.float64]:
        return np.stack([_METRIC[name](totals, positives, negatives) for name in self._metrics])

    def _areas(self, weights: NDArray[np.float64], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self._rankings[0].has_both_classes:
            return np.full((len(self._rankings), weights.shape[1]), np.nan)
        if self._pairs_won is not None:
            return np.asarray(np.sum((self._pairs_won @ weights) * weights, axis=1) / pairs)
        counted = np.take(weights.astype(np.int32), self._of_patch, axis=0)
        return np.stack([ranking.areas(counted) for ranking in self._rankings])


_COUNTED: dict[str, Callable[[NDArray[Any], NDArray[Any]], NDArray[np.bool_] | _Table]] = {
    "hits": lambda labels, row: (labels == 1) & (row > THRESHOLD),
    "alarms": lambda labels, row: (labels != 1) & (row > THRESHOLD),
    "loss": cross_entropy,
}
"""What is summed over each unit's patches."""

_METRIC: dict[str, Callable[[dict[str, _Table], _Table, _Table], _Table]] = {
    "accuracy": lambda of, pos, neg: (of["hits"] + neg - of["alarms"]) / (pos + neg),
    "precision": lambda of, _pos, _neg: _ratio(of["hits"], of["hits"] + of["alarms"]),
    "recall": lambda of, pos, _neg: _ratio(of["hits"], np.broadcast_to(pos, of["hits"].shape)),
    "f1": lambda of, pos, _neg: _ratio(2 * of["hits"], of["hits"] + of["alarms"] + pos),
    "auc": lambda of, _pos, _neg: of["areas"],
    "loss": lambda of, pos, neg: of["loss"] / (pos + neg),
}
"""Metrics ``(rows, resamples)`` from totals ``(rows, resamples)`` and numbers of either class ``(resamples,)``."""


TWO_CLASSES = tuple(_METRIC)
"""Metrics of two classes that are computed so."""


def _needed(metrics: Sequence[str]) -> tuple[str, ...]:
    counted = ("hits", "alarms") if {"accuracy", "precision", "recall", "f1"} & set(metrics) else ()
    return (*counted, "loss") if "loss" in metrics else counted


def _ratio(part: _Table, whole: _Table) -> _Table:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
