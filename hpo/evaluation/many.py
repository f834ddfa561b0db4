"""The metrics of a classifier of K classes, from the probability of each class.

A patch is called what is most probable; of equals, the class of the lower label. Precision, recall, F1, area under the
ROC curve and average precision are those of one class against the rest, and unweighted means of them (macro).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.metrics import area_under_roc, epsilon_kept
from hpo.evaluation.precision_recall import average_precision

_SUMS_TO = 1e-3  # how far the probabilities of a patch may add up to something else than 1


@dataclass(frozen=True)
class ClassMetrics:
    """One class against the rest.

    Args:
        patches: of this class.
        precision: share of the patches called so that are; 0 if none is called so.
        recall: share of its patches that are called so; 0 without any.
        f1: harmonic mean of the two; 0 where both are.
        auc: area under the ROC curve of its probability; not a number without patches of it, or of others.
        average_precision: of its probability; not a number without patches of it.
    """

    patches: int
    precision: float
    recall: float
    f1: float
    auc: float
    average_precision: float


def check_many(labels: NDArray[Any], probabilities: NDArray[Any]) -> None:
    """See that labels and probabilities of K classes go together.

    Raises:
        ValueError: if shapes do not match, they are empty, or hold something that is neither label nor probability.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape} must be (N,) and (N, K)")
    classes = probabilities.shape[1]
    if not ((labels >= 0) & (labels < classes)).all() or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(f"labels must be 0 to {classes - 1}, and probabilities within [0, 1]")
    if np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1).max() > _SUMS_TO:
        raise ValueError("the probabilities of each patch must add up to 1")


def called_class(probabilities: NDArray[Any]) -> NDArray[np.intp]:
    """The most probable class of each patch, ``(...,)`` of ``(..., K)``."""
    return np.asarray(np.argmax(probabilities, axis=-1))


def confusion_counts(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.int64]:
    """How many patches of each class (rows) are called each class (columns), ``(K, K)``."""
    classes = probabilities.shape[-1]
    cells = labels.astype(np.int64) * classes + called_class(probabilities)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def by_class(labels: NDArray[Any], probabilities: NDArray[Any]) -> tuple[ClassMetrics, ...]:
    """Every class against the rest, in the order of the labels.

    Args:
        labels: ``(N,)``, numbers from 0 to K - 1; N >= 1.
        probabilities: ``(N, K)``, in [0, 1], each row adding up to 1.

    Raises:
        ValueError: as `check_many`.
    """
    check_many(labels, probabilities)
    counts = confusion_counts(labels, probabilities)
    found = []
    for label, hits in enumerate(np.diag(counts).tolist()):
        patches, called = int(counts[label].sum()), int(counts[:, label].sum())
        own, scores = labels == label, probabilities[:, label]
        found.append(
            ClassMetrics(
                patches=patches,
                precision=hits / called if called else 0.0,
                recall=hits / patches if patches else 0.0,
                f1=2 * hits / (patches + called) if patches + called else 0.0,
                auc=area_under_roc(own, scores),
                average_precision=average_precision(own, scores) if patches else math.nan,
            )
        )
    return tuple(found)


def many_metrics(labels: NDArray[Any], probabilities: NDArray[Any]) -> dict[str, float]:
    """The metrics of K classes.

    Args:
        labels: ``(N,)``, numbers from 0 to K - 1; N >= 1.
        probabilities: ``(N, K)``, in [0, 1], each row adding up to 1.

    Returns:
        ``loss`` (mean cross-entropy in nats, probabilities clipped to [1e-7, 1 - 1e-7]), ``accuracy``; ``precision``,
        ``recall``, ``f1``, ``auc`` and ``average_precision``, each the mean over the classes (0, or not a number,
        where a class is undefined; see `ClassMetrics`); ``balanced_accuracy``, the mean recall of the classes that have
        patches; Cohen's ``kappa``; and ``brier``, the mean squared distance from the label's corner, in [0, 2].

    Raises:
        ValueError: as `check_many`.

    Source: scikit-learn's definitions, with ``average="macro"``, ``multi_class="ovr"`` and ``zero_division=0``.
    """
    each = by_class(labels, probabilities)
    counts = confusion_counts(labels, probabilities)
    known = [one.recall for one in each if one.patches]
    return {
        "loss": float(np.mean(many_cross_entropy(labels, probabilities))),
        "accuracy": float(np.trace(counts)) / len(labels),
        **{
            name: float(np.mean([getattr(one, name) for one in each]))
            for name in ("precision", "recall", "f1", "auc", "average_precision")
        },
        "balanced_accuracy": float(np.mean(known)),
        "kappa": cohen_kappa(counts),
        "brier": float(np.mean(squared_distance(labels, probabilities))),
    }


def many_cross_entropy(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Each patch's cross-entropy in nats, ``(N,)``, probabilities clipped to [1e-7, 1 - 1e-7]."""
    own = np.take_along_axis(probabilities, labels.astype(np.intp)[:, None], axis=1)[:, 0]
    return -np.log(epsilon_kept(own))


def squared_distance(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Each patch's sum over the classes of (probability - whether it is that class) squared, ``(N,)``."""
    corner = np.eye(probabilities.shape[1])[labels.astype(np.intp)]
    return np.asarray(np.sum((probabilities.astype(np.float64) - corner) ** 2, axis=1))


def cohen_kappa(counts: NDArray[Any]) -> float:
    """Agreement beyond chance, from a confusion matrix ``(K, K)``; 0 where chance alone would agree on everything.

    Source: Cohen 1960, "A coefficient of agreement for nominal scales".
    """
    total = counts.sum()
    agreed, chance = np.trace(counts) / total, float((counts.sum(axis=0) * counts.sum(axis=1)).sum()) / total**2
    return float((agreed - chance) / (1 - chance)) if chance < 1 else 0.0
