"""Receiver operating characteristic: the curve itself, and the mean curve of several seeds with its band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.bands import Band, curve_band


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
        curves: one per seed; at least one.
        points: how many false positive rates from 0 to 1.

    Returns:
        False and true positive rates, ``(points + 1,)`` each, starting at (0, 0).

    Source: Fawcett 2006, algorithm 3.
    """
    grid = np.linspace(0.0, 1.0, points)
    rates = [_height(curve.false_positive_rate, curve.true_positive_rate, grid) for curve in curves]
    return np.concatenate(([0.0], grid)), np.concatenate(([0.0], np.mean(rates, axis=0)))


def roc_band(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    slides: NDArray[Any] | None = None,
    *,
    points: int = 201,
    resamples: int = 500,
    seed: int = 0,
) -> Band:
    """The mean ROC curve of several seeds with its pointwise 95% band over slides (or patches) and seeds.

    Args:
        labels: ``(N,)``, 0 or 1, both present; N >= 3.
        probabilities: ``(S, N)``, one row per seed.
        slides: ``(N,)``, which slide each patch is from, where that is known.
        points: how many false positive rates from 0 to 1.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        The true positive rate by the false positive rate, the mean being that of `mean_roc`.

    Raises:
        ValueError: if only one class is present, or there are fewer than three patches.

    Source: Fawcett 2006, algorithm 3 (vertical averaging) and section 9 (its bands).
    """
    grid = np.linspace(0.0, 1.0, points)

    def heights(alarms: NDArray[np.float64], hits: NDArray[np.float64]) -> NDArray[np.float64]:
        return _height(alarms / alarms[-1], hits / hits[-1], grid)

    return curve_band(labels, probabilities, grid, heights, slides=slides, resamples=resamples, seed=seed)


def _height(alarms: NDArray[np.float64], hits: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """True positive rates at the grid's false positive rates; where the curve rises vertically, its upper end."""
    left = np.searchsorted(alarms, grid, side="right") - 1
    right = np.minimum(left + 1, len(alarms) - 1)
    step = alarms[right] - alarms[left]
    share = np.divide(grid - alarms[left], step, out=np.zeros_like(grid), where=step > 0)
    return np.asarray(hits[left] + share * (hits[right] - hits[left]))
