"""Precision against recall: the curve, its average precision, and the mean curve of several seeds with its band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.bands import Band, called_positive, curve_band, draw_counts
from hpo.evaluation.estimate import Interval
from hpo.evaluation.intervals import LEVELS, outward_stretch


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """A precision-recall curve, a point at every distinct probability.

    Args:
        recall: ``(K,)``, ascending, up to 1.
        precision: ``(K,)``.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


def precision_recall_curve(labels: NDArray[Any], probabilities: NDArray[Any]) -> PrecisionRecallCurve:
    """The precision-recall curve, from the highest probability to the lowest.

    Args:
        labels: ``(N,)``, 0 or 1, with at least one positive.
        probabilities: ``(N,)``, of label 1.

    Raises:
        ValueError: if there is no positive patch.
    """
    alarms, hits = called_positive(_positive(labels), np.asarray(probabilities, np.float64))
    return PrecisionRecallCurve(hits[1:] / hits[-1], hits[1:] / (hits[1:] + alarms[1:]))


def average_precision(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """The mean precision over the positives, each at its own probability: the curve's area without interpolation.

    Args:
        labels: ``(N,)``, 0 or 1, with at least one positive.
        probabilities: ``(N,)``, of label 1.

    Returns:
        In (0, 1]; a classifier that knows nothing has the share of positives.

    Raises:
        ValueError: if there is no positive patch.
    """
    return float(_area(*called_positive(_positive(labels), np.asarray(probabilities, np.float64))))


def precision_recall_band(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    slides: NDArray[Any] | None = None,
    *,
    points: int = 200,
    resamples: int = 500,
    seed: int = 0,
) -> Band:
    """The mean precision of several seeds by recall, with its pointwise 95% band over slides (or patches) and seeds.

    Args:
        labels: ``(N,)``, 0 or 1, both present; N >= 3.
        probabilities: ``(S, N)``, one row per seed.
        slides: ``(N,)``, which slide each patch is from, where that is known.
        points: how many recalls, equally spaced up to 1; recall 0 has no precision.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if only one class is present, or there are fewer than three patches.

    Source: Davis and Goadrich 2006, section 4: between two points the numbers of true and false positives are straight,
    and precision therefore is not.
    """
    grid = np.arange(1, points + 1) / points

    def heights(alarms: NDArray[np.float64], hits: NDArray[np.float64]) -> NDArray[np.float64]:
        wanted = grid * hits[-1]
        right = np.minimum(np.searchsorted(hits, wanted, side="left"), len(hits) - 1)
        share = (wanted - hits[right - 1]) / (hits[right] - hits[right - 1])
        false = alarms[right - 1] + share * (alarms[right] - alarms[right - 1])
        return np.asarray(wanted / (wanted + false))

    return curve_band(labels, probabilities, grid, heights, slides=slides, resamples=resamples, seed=seed)


def average_precision_interval(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    slides: NDArray[Any] | None = None,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Interval:
    """The 95% interval of the mean average precision over seeds, by the band's draws of slides (or patches) and seeds.

    It is a percentile interval, stretched for few units. The draws are moved down by their bias: a patch that is drawn
    twice has two of its kind at one probability, which raises the average precision.

    Args:
        labels: ``(N,)``, 0 or 1, both present; N >= 3.
        probabilities: ``(S, N)``, one row per seed.
        slides: ``(N,)``, which slide each patch is from, where that is known.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if only one class is present, or there are fewer than three patches.
    """
    counts = draw_counts(labels, probabilities, slides, resamples, seed)
    per_seed, whole = (np.array([_area(*one) for one in found]) for found in (counts.exact, counts.whole))
    resampled = np.stack([_area(*one) for one in counts.drawn], axis=1)
    crossed = counts.crossed(per_seed, resampled)
    value, bias = per_seed.mean(), resampled.mean() - whole.mean()
    around = crossed.procedure - crossed.procedure.mean() - bias
    low, high = value + outward_stretch(crossed.freedom) * np.quantile(around, LEVELS)
    return Interval(float(np.clip(low, 0, value)), float(np.clip(high, value, 1)))


def _area(alarms: NDArray[np.float64], hits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average precision ``(...)`` from the counts ``(..., M)`` at ever lower thresholds, from none to all."""
    gained, called = np.diff(hits, axis=-1), (hits + alarms)[..., 1:]
    precision = np.divide(hits[..., 1:], called, out=np.zeros_like(gained), where=called > 0)
    return np.asarray(np.sum(gained * precision, axis=-1) / hits[..., -1])


def _positive(labels: NDArray[Any]) -> NDArray[np.bool_]:
    positive: NDArray[np.bool_] = np.asarray(labels) == 1
    if not positive.any():
        raise ValueError("precision and recall need a positive patch")
    return positive
