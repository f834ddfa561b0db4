"""From probabilities to calls: the threshold that validation chooses, and what is called rightly and wrongly."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.metrics import THRESHOLD


class Confusion(NamedTuple):
    """Numbers of patches by what they are and what they are called.

    Args:
        tp: malignant ones called malignant.
        fp: benign ones called malignant.
        tn: benign ones called benign.
        fn: malignant ones called benign.
    """

    tp: int
    fp: int
    tn: int
    fn: int


def choose_threshold(valid_labels: NDArray[Any], valid_probabilities: NDArray[Any]) -> float:
    """The threshold with the largest Youden index, recall + specificity - 1, on the validation split.

    Youden's index and not accuracy, because the share of malignant patches in a split is its makers' choice, and the
    most accurate threshold moves with it; where the classes are equally frequent the two choose alike.

    Args:
        valid_labels: ``(V,)``, 0 or 1, of the validation split, never of the test split.
        valid_probabilities: ``(V,)``, of label 1, of one training.

    Returns:
        Half-way between two neighbouring probabilities; of equally good thresholds the one nearest to 0.5. 0.5 where no
        threshold beats chance, as with one class only. Patches above it are called positive.

    Source: Youden 1950; Perkins and Schisterman 2006 on its choice.
    """
    positive = np.asarray(valid_labels) == 1
    total, negatives = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    if not total or not negatives:
        return THRESHOLD
    scores, where = np.unique(np.asarray(valid_probabilities, np.float64), return_inverse=True)
    missed = np.cumsum(np.bincount(where, positive, len(scores)))[:-1]
    passed = np.cumsum(np.bincount(where, ~positive, len(scores)))[:-1]
    # Youden's index times both class sizes: whole numbers, so that equally good thresholds are found equal.
    index = np.rint(passed * total - missed * negatives)
    if not len(index) or index.max() <= 0:
        return THRESHOLD
    middle = (scores[:-1] + scores[1:]) / 2
    best = np.where(middle < scores[1:], middle, scores[:-1])[index == index.max()]
    return float(best[np.argmin(np.abs(best - THRESHOLD))])


def share_called_rightly(rightly: float, wrongly: float) -> float:
    """The share of a class's patches that are called so; 0 without any.

    Sensitivity (recall) is that of label 1, ``share_called_rightly(tp, fn)``; specificity that of label 0,
    ``share_called_rightly(tn, fp)``.
    """
    return rightly / (rightly + wrongly) if rightly + wrongly else 0.0


def confusion(labels: NDArray[Any], probabilities: NDArray[Any], threshold: float = THRESHOLD) -> Confusion:
    """Counts of right and wrong calls.

    Args:
        labels: ``(N,)``, 0 or 1.
        probabilities: ``(N,)``, of label 1.
        threshold: patches above it are called positive.
    """
    positive, called = np.asarray(labels) == 1, np.asarray(probabilities, np.float64) > threshold
    counts = (positive & called, ~positive & called, ~positive & ~called, positive & ~called)
    return Confusion(*(int(np.count_nonzero(one)) for one in counts))
