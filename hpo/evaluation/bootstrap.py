"""Bootstrap draws of the metrics: slides (or patches) and seeds resampled together, vectorised over resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.metrics import METRICS, THRESHOLD, binary_metrics, cross_entropy
from hpo.evaluation.resampling import Unit, draw_seeds, draw_units, resampling_units, unit_totals

_CHUNK = 16  # resamples at a time: their weights of 32,768 patches (2 MB) stay in a core's cache


@dataclass(frozen=True, eq=False)
class Draws:
    """What the resamples gave.

    Args:
        unit: what was resampled.
        units: how many of them there are.
        per_seed: ``(sides, seeds, metrics)`` on the whole split.
        resampled: ``(resamples, sides, metrics)``, means over the drawn seeds.
    """

    unit: Unit
    units: int
    per_seed: NDArray[np.float64]
    resampled: NDArray[np.float64]


def draw_metrics(
    labels: NDArray[Any],
    sides: Sequence[NDArray[Any]],
    *,
    slides: NDArray[Any] | None = None,
    metrics: Sequence[str] = METRICS,
    resamples: int = 2000,
    seed: int = 0,
) -> Draws:
    """Metrics of each side in every resample; all sides share the resampled units and seeds (paired).

    From G units and S seeds a resample draws G - 1 and S - 1 with replacement, which makes the variance of the
    resampled mean unbiased (Rao and Wu 1988); one seed alone is kept as it is. A resample without patches of a class
    that the split has is drawn again.

    Args:
        labels: ``(N,)``, 0 or 1; N >= 3.
        sides: one ``(S, N)`` array of probabilities a side, of the same S seeds in the same order.
        slides: ``(N,)``, which slide each patch is from. They are the units if there are at least three and each
            class is on two or more; otherwise patches are.
        metrics: of `METRICS`, or ``loss``.
        resamples: how many.
        seed: of the random draws; equal seeds give equal draws.

    Raises:
        ValueError: if shapes do not match or there are fewer than three patches.
    """
    labels = np.asarray(labels)
    _check(labels, sides)
    unit, of_patch = resampling_units(labels, slides)
    units, seeds = int(of_patch.max()) + 1, len(sides[0])
    rows = [row for side in sides for row in side]
    classes = unit_totals(of_patch, units, [labels == 1, labels != 1])
    counts = {
        name: unit_totals(of_patch, units, [_COUNTED[name](labels, row) for row in rows]) for name in _needed(metrics)
    }
    rankings = [_Ranking.of(labels, row) for row in rows] if "auc" in metrics else []
    random = np.random.default_rng(seed)
    resampled = []
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        weights = draw_units(random, size, classes)
        shares = draw_seeds(random, size, seeds)
        positives, negatives = classes.T @ weights
        totals = {name: table.T @ weights for name, table in counts.items()}
        if rankings:
            of_each = (weights if unit == "patches" else np.take(weights, of_patch, axis=0)).astype(np.int32)
            totals["areas"] = np.stack([ranking.areas(of_each) for ranking in rankings])
        values = np.stack([_METRIC[name](totals, positives, negatives) for name in metrics])
        resampled.append(np.einsum("sc,mksc->ckm", shares, values.reshape(len(metrics), len(sides), seeds, size)))
    per_seed = [[[scores[name] for name in metrics] for scores in _whole(labels, side)] for side in sides]
    return Draws(unit, units, np.array(per_seed), np.concatenate(resampled))


def _check(labels: NDArray[Any], sides: Sequence[NDArray[Any]]) -> None:
    if labels.ndim != 1 or len(labels) < 3:
        raise ValueError(f"a bootstrap needs at least three patches; labels have shape {labels.shape}")
    shape = (len(sides[0]), len(labels))
    if shape[0] < 1 or any(side.shape != shape for side in sides):
        raise ValueError(f"probabilities must all be {shape}: {[side.shape for side in sides]}")


def _whole(labels: NDArray[Any], side: NDArray[Any]) -> list[dict[str, float]]:
    return [binary_metrics(labels, row) for row in side]


_Table = NDArray[np.float64]


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


def _needed(metrics: Sequence[str]) -> tuple[str, ...]:
    counted = ("hits", "alarms") if {"accuracy", "precision", "recall", "f1"} & set(metrics) else ()
    return (*counted, "loss") if "loss" in metrics else counted


def _ratio(part: _Table, whole: _Table) -> _Table:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


@dataclass(frozen=True, eq=False)
class _Ranking:
    """One side and seed's patches sorted by probability once, for the areas of all resamples.

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
    def of(cls, labels: NDArray[Any], probabilities: NDArray[Any]) -> _Ranking:
        order = np.argsort(probabilities, kind="stable")
        positives, negatives = order[labels[order] == 1], order[labels[order] != 1]
        high, low = probabilities[positives], probabilities[negatives]
        below, up_to = np.searchsorted(low, high, "left"), np.searchsorted(low, high, "right")
        return cls(positives, negatives, below, below if np.array_equal(below, up_to) else up_to)

    def areas(self, weights: NDArray[np.int32]) -> NDArray[np.float64]:
        """Areas under the ROC curve ``(size,)`` with patches counted as often as ``(N, size)`` weights say."""
        size = weights.shape[1]
        if not len(self.positives) or not len(self.negatives):
            return np.full(size, 0.5)
        counted = np.take(weights, self.positives, axis=0)
        beaten = np.zeros((len(self.negatives) + 1, size), np.int32)
        np.cumsum(np.take(weights, self.negatives, axis=0), axis=0, out=beaten[1:])
        wins = (counted * np.take(beaten, self.below, axis=0)).sum(axis=0, dtype=np.int64)
        if self.up_to is self.below:
            wins_or_ties = wins
        else:
            wins_or_ties = (counted * np.take(beaten, self.up_to, axis=0)).sum(axis=0, dtype=np.int64)
        pairs = counted.sum(axis=0, dtype=np.int64) * beaten[-1].astype(np.int64)
        return np.asarray((wins + wins_or_ties) / (2 * pairs))
