"""The metrics of a binary classifier, all from the same stored predictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRICS = ("accuracy", "precision", "recall", "f1", "auc")
"""The five metrics of Johny et al. 2021, Table 3. Label 1 (malignant) is the positive class."""

THRESHOLD = 0.5
"""A patch is called positive if its probability is greater than this."""

_EPSILON = 1e-7  # Keras' own clipping of probabilities: keeps a confident mistake's cross-entropy finite.


def binary_metrics(labels: NDArray[Any], probabilities: NDArray[Any]) -> dict[str, float]:
    """The five metrics and the loss.

    Args:
        labels: ``(N,)``, 0 or 1; N >= 1.
        probabilities: ``(N,)``, of label 1, in [0, 1].

    Returns:
        ``accuracy``, ``precision``, ``recall``, ``f1`` (these at threshold 0.5; 0 where undefined, as scikit-learn has
        it), ``auc`` (NaN with one class only), and ``loss``: mean cross-entropy in nats, probabilities clipped to
        [1e-7, 1 - 1e-7].

    Raises:
        ValueError: if the two differ in shape, are empty, or hold something that is neither label nor probability.

    Source: Johny et al. 2021, section 4.
    """
    if labels.shape != probabilities.shape or labels.ndim != 1 or not len(labels):
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape} must be equally long vectors")
    if not np.isin(labels, (0, 1)).all() or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("labels must be 0 or 1, and probabilities within [0, 1]")
    positive = labels == 1
    called = probabilities > THRESHOLD
    hits = int(np.count_nonzero(positive & called))
    precision = _ratio(hits, int(np.count_nonzero(called)))
    recall = _ratio(hits, int(np.count_nonzero(positive)))
    return {
        "loss": float(np.mean(cross_entropy(positive, probabilities))),
        "accuracy": float(np.mean(positive == called)),
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2.0 * precision * recall, precision + recall),
        "auc": area_under_roc(labels, probabilities),
    }


def cross_entropy(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Each prediction's cross-entropy in nats, probabilities clipped to [1e-7, 1 - 1e-7].

    Args:
        labels: ``(N,)``, 0 or 1.
        probabilities: ``(..., N)``, of label 1.

    Returns:
        ``(..., N)``.
    """
    certain = epsilon_kept(probabilities)
    return -np.where(labels == 1, np.log(certain), np.log1p(-certain))


def epsilon_kept(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities clipped to [1e-7, 1 - 1e-7], float64."""
    return np.clip(probabilities.astype(np.float64), _EPSILON, 1.0 - _EPSILON)


def area_under_roc(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """The probability that a positive scores higher than a negative, a tie counting one half.

    Args:
        labels: ``(N,)``, 0 or 1, or whether each is positive.
        scores: ``(N,)``; higher is more positive.

    Returns:
        The area in [0, 1]; not a number if a class is absent.

    Source: Hanley and McNeil 1982 (the Mann-Whitney statistic, by mid-ranks).
    """
    positive = labels == 1
    positives = int(np.count_nonzero(positive))
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    _, where, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mid_ranks = np.cumsum(counts) - (counts - 1) / 2.0
    rank_sum = float(np.sum(mid_ranks[where][positive]))
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
