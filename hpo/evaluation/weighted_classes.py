"""Metrics of K classes with patches that count several times or not at all, for many such weightings at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.areas import Ranking
from hpo.evaluation.many import called_class, many_cross_entropy, squared_distance
from hpo.evaluation.resampling import unit_totals

_Table = NDArray[np.float64]
SUPPORTED = ("accuracy", "precision", "recall", "f1", "auc", "loss", "balanced_accuracy", "kappa", "brier")
"""Metrics that are computed from totals and rankings."""


class WeightedClasses:
    """Rows of predictions of K classes, prepared as `hpo.evaluation.weighted.WeightedMetrics` prepares those of two.

    Args:
        labels: ``(N,)``, numbers from 0 to K - 1.
        rows: ``(N, K)`` probabilities each.
        of_patch: ``(N,)``, the number of each patch's unit, from 0.
        metrics: of `SUPPORTED`.
    """

    def __init__(
        self,
        labels: NDArray[Any],
        rows: Sequence[NDArray[Any]],
        of_patch: NDArray[np.intp],
        metrics: Sequence[str],
    ) -> None:
        self.units = int(of_patch.max()) + 1
        every = range(rows[0].shape[1])
        self.classes = unit_totals(of_patch, self.units, [labels == label for label in every])
        self._metrics, self._of_patch = tuple(metrics), of_patch
        called = [called_class(row) for row in rows]
        self._called = [unit_totals(of_patch, self.units, [one == label for label in every]) for one in called]
        self._hits = [
            unit_totals(of_patch, self.units, [(one == label) & (labels == label) for label in every]) for one in called
        ]
        self._sums = {
            name: unit_totals(of_patch, self.units, [of_each(labels, row) for row in rows])
            for name, of_each in (("loss", many_cross_entropy), ("brier", squared_distance))
            if name in metrics
        }
        self._rankings = (
            [[Ranking.of(labels == label, row[:, label]) for label in every] for row in rows]
            if "auc" in metrics
            else []
        )
        # Few units: what each wins over each other says all that there is to know.
        self._pairs_won = (
            [[one.pairs_won(of_patch, self.units) for one in ranked] for ranked in self._rankings]
            if self._rankings and self.units**2 <= len(labels)
            else None
        )

    def drawn(self, weights: _Table) -> _Table:
        """The metrics with each unit counted as often as ``(units, size)`` weights say: ``(metrics, rows, size)``."""
        true = self.classes.T @ weights
        sums = {name: table.T @ weights for name, table in self._sums.items()}
        areas = self._areas(weights, true) if self._rankings else None
        return self._values(
            true, [one.T @ weights for one in self._called], [one.T @ weights for one in self._hits], sums, areas
        )

    def without_each(self) -> _Table:
        """The metrics of all units but one, for each: ``(metrics, rows, units)``."""
        true, *tables = (_left(one) for one in (self.classes, *self._called, *self._hits))
        called, hits = tables[: len(self._called)], tables[len(self._called) :]
        sums = {name: _left(table) for name, table in self._sums.items()}
        areas = None
        if self._rankings:
            alone = self.units == len(self._of_patch)
            totals = self.classes.sum(axis=1)
            areas = np.stack(
                [
                    np.mean(
                        [
                            one.without_each(self._of_patch, np.stack([own, totals - own], axis=1), alone=alone)
                            for one, own in zip(ranked, self.classes.T, strict=True)
                        ],
                        axis=0,
                    )
                    for ranked in self._rankings
                ]
            )
        return self._values(true, called, hits, sums, areas)

    def _areas(self, weights: _Table, true: _Table) -> _Table:
        """Mean areas of one class against the rest, ``(rows, size)``; not a number if a class has no patches at all."""
        if not all(one.has_both_classes for ranked in self._rankings for one in ranked):
            return np.full((len(self._rankings), weights.shape[1]), np.nan)
        if self._pairs_won is not None:
            pairs = true * (true.sum(axis=0) - true)
            won = [
                [np.sum((one @ weights) * weights, axis=0) for one in by_class]
                for by_class in np.array(self._pairs_won)
            ]
            return np.asarray(np.mean(np.array(won) / pairs, axis=1))
        counted = np.take(weights.astype(np.int32), self._of_patch, axis=0)
        return np.stack([np.mean([one.areas(counted) for one in ranked], axis=0) for ranked in self._rankings])

    def _values(
        self,
        true: _Table,
        called: Sequence[_Table],
        hits: Sequence[_Table],
        sums: dict[str, _Table],
        areas: _Table | None,
    ) -> _Table:
        """``(metrics, rows, size)`` from ``(K, size)`` totals of each row."""
        rows = [
            _of_row(true, one_called, one_hits, self._metrics)
            for one_called, one_hits in zip(called, hits, strict=True)
        ]
        count = true.sum(axis=0)
        found = []
        for name in self._metrics:
            if name == "auc":
                found.append(areas)
            elif name in sums:
                found.append(sums[name] / count)
            else:
                found.append(np.stack([row[name] for row in rows]))
        return np.stack([one for one in found if one is not None])


def _left(table: _Table) -> _Table:
    """Totals of all units but one: ``(columns, units)`` of ``(units, columns)``."""
    return np.asarray((table.sum(axis=0) - table).T)


def _of_row(true: _Table, called: _Table, hits: _Table, metrics: Sequence[str]) -> dict[str, _Table]:
    count, right = true.sum(axis=0), hits.sum(axis=0)
    recalls = _ratio(hits, true)
    found = {"accuracy": right / count, "recall": recalls.mean(axis=0)}
    if "precision" in metrics:
        found["precision"] = _ratio(hits, called).mean(axis=0)
    if "f1" in metrics:
        found["f1"] = _ratio(2 * hits, true + called).mean(axis=0)
    if "balanced_accuracy" in metrics:
        found["balanced_accuracy"] = recalls.sum(axis=0) / np.count_nonzero(true > 0, axis=0)
    if "kappa" in metrics:
        chance = (true * called).sum(axis=0) / count**2
        found["kappa"] = _ratio(right / count - chance, 1 - chance)
    return found


def _ratio(part: _Table, whole: _Table) -> _Table:
    shape = np.broadcast_shapes(part.shape, whole.shape)
    return np.asarray(np.divide(part, whole, out=np.zeros(shape), where=whole > 0))
