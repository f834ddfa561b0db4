"""Receiver operating characteristic: the curve itself, and the mean curve of several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RocCurve:
    """A ROC curve from (0, 0) to (1, 1).

    Args:
        false_positive_rate: ``(K,)``, ascending.
        true_positive_rate: ``(K,)``, ascending.
        threshold: ``(K,)``, descending; patches at or above it are called positive. Infinite at the first point.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    threshold: NDArray[np.float64]


def roc_curve(labels: NDArray[Any], probabilities: NDArray[Any]) -> RocCurve:
    """The ROC curve with a point at every distinct probability.

    Args:
        labels: ``(N,)``, 0 or 1, both present.
        probabilities: ``(N,)``, of label 1.

    Raises:
        ValueError: if only one class is present.

    Source: Fawcett 2006, "An introduction to ROC analysis", algorithm 1.
    """
    positive = np.asarray(labels) == 1
    total = int(np.count_nonzero(positive))
    if not 0 < total < len(positive):
        raise ValueError("a ROC curve needs patches of both classes")
    order = np.argsort(-probabilities, kind="stable")
    scores = probabilities[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    hits = np.cumsum(positive[order])[ends]
    alarms = 1 + ends - hits
    return RocCurve(
        np.concatenate(([0.0], alarms / (len(positive) - total))),
        np.concatenate(([0.0], hits / total)),
        np.concatenate(([np.inf], scores[ends])),
    )


def mean_roc(curves: Sequence[RocCurve], points: int = 201) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean true positive rate of several curves at equally spaced false positive rates (vertical averaging).

    Args:
        curves: one a seed; at least one.
        points: how many false positive rates from 0 to 1.

    Returns:
        False and true positive rates, ``(points + 1,)`` each, starting at (0, 0).

    Source: Fawcett 2006, algorithm 3.
    """
    grid = np.linspace(0.0, 1.0, points)
    rates = [_height(curve, grid) for curve in curves]
    return np.concatenate(([0.0], grid)), np.concatenate(([0.0], np.mean(rates, axis=0)))


def _height(curve: RocCurve, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """True positive rates at the grid's false positive rates; where the curve rises vertically, its upper end."""
    alarms, hits = curve.false_positive_rate, curve.true_positive_rate
    left = np.searchsorted(alarms, grid, side="right") - 1
    right = np.minimum(left + 1, len(alarms) - 1)
    step = alarms[right] - alarms[left]
    share = np.divide(grid - alarms[left], step, out=np.zeros_like(grid), where=step > 0)
    return np.asarray(hits[left] + share * (hits[right] - hits[left]))
