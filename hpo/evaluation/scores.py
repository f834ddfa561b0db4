"""Metrics by name, of two classes or of K: what an objective may be, and what every report shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.many import called_class, cohen_kappa, confusion_counts, many_metrics
from hpo.evaluation.metrics import METRICS, THRESHOLD, binary_metrics
from hpo.evaluation.precision_recall import average_precision

FURTHER = ("balanced_accuracy", "average_precision", "kappa", "brier")
"""Metrics beyond `METRICS` and ``loss`` that an objective may be. Of two classes, average precision is of label 1."""

LESS_IS_BETTER = frozenset({"loss", "brier"})
"""Metrics of which less is better."""

Scorer = Callable[[NDArray[Any], NDArray[Any]], float]
"""A metric: from labels ``(N,)`` and probabilities, ``(N,)`` of label 1 or ``(N, K)`` of each class, to a number."""


def metrics_of(labels: NDArray[Any], probabilities: NDArray[Any]) -> dict[str, float]:
    """The metrics that a curve holds: `METRICS` and ``loss``, of K classes the `FURTHER` ones too.

    Args:
        labels: ``(N,)``, numbers of classes; N >= 1.
        probabilities: ``(N,)``, of label 1 of two; or ``(N, K)``, of each class.

    Raises:
        ValueError: if shapes do not match, or there is something that is neither label nor probability.
    """
    return binary_metrics(labels, probabilities) if probabilities.ndim == 1 else many_metrics(labels, probabilities)


def score(name: str, labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """One metric of `METRICS`, ``loss`` and `FURTHER`.

    Args:
        name: of the metric.
        labels: as in `metrics_of`.
        probabilities: likewise.

    Raises:
        ValueError: as `metrics_of`.
        KeyError: if there is no metric of that name.
    """
    if probabilities.ndim == 1 and name in _OF_TWO:
        return _OF_TWO[name](labels, probabilities)
    return metrics_of(labels, probabilities)[name]


def calls(probabilities: NDArray[Any]) -> NDArray[np.intp]:
    """The label that each patch is called, of the shape that labels have.

    Args:
        probabilities: ``(..., N)`` of label 1, called so above `THRESHOLD`; `called_class` is for K classes.
    """
    return (np.asarray(probabilities) > THRESHOLD).astype(np.intp)


def rightly_called(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each patch is called what it is, ``(S, N)``.

    Args:
        labels: ``(N,)``.
        probabilities: ``(S, N)``, of label 1; or ``(S, N, K)``.
    """
    found = calls(probabilities) if probabilities.ndim == 2 else called_class(probabilities)
    return np.asarray(found == labels)


def _two_columns(probabilities: NDArray[Any]) -> NDArray[Any]:
    return np.stack([probabilities <= THRESHOLD, probabilities > THRESHOLD], axis=1).astype(np.float64)


def _balanced(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    called = probabilities > THRESHOLD
    return float(np.mean([np.mean(called[labels == label] == label) for label in np.unique(labels)]))


_OF_TWO: dict[str, Scorer] = {
    "balanced_accuracy": _balanced,
    "average_precision": lambda labels, row: average_precision(labels, row) if (labels == 1).any() else float("nan"),
    "kappa": lambda labels, row: cohen_kappa(confusion_counts(labels, _two_columns(row))),
    "brier": lambda labels, row: float(np.mean((row.astype(np.float64) - labels) ** 2)),
}

KNOWN = (*METRICS, "loss", *FURTHER)
"""Every metric that has a name."""
