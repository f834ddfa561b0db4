"""DeLong's variance of areas under the ROC curve, for one classifier and for the difference of two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Z_95 = float(norm.ppf(0.975))
"""Two-sided 95% quantile of the standard normal distribution."""


@dataclass(frozen=True)
class AucDifference:
    """The difference of two areas under the ROC curve, tested.

    Args:
        difference: after minus before.
        standard_error: of the difference.
        low, high: 95% interval, ``difference -+ 1.96 standard_error``.
        p_value: two-sided, of no difference.
    """

    difference: float
    standard_error: float
    low: float
    high: float
    p_value: float


def auc_standard_error(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """DeLong's standard error of an area under the ROC curve, patches taken as independent.

    Args:
        labels: ``(N,)``, 0 or 1.
        probabilities: ``(N,)``, or ``(S, N)`` for the mean area of S classifiers.

    Returns:
        The standard error; 0 if a class has fewer than two patches.
    """
    return _standard_error(*_components(labels, np.atleast_2d(probabilities)))


def compare_auc(labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any]) -> AucDifference:
    """DeLong's test of the paired difference of two mean areas under the ROC curve.

    The mean of a side's areas over its seeds is itself a U-statistic, whose structural components are the means of the
    seeds' components; the variance of the paired difference comes from the components' differences.

    This test takes the patches as independent and the trained networks as given: patches of one slide resemble one
    another, and another seed would give another network. Clustering by slide is not DeLong; the bootstrap of
    `hpo.evaluation.compare` does both, and its interval is the wider where they matter.

    Args:
        labels: ``(N,)``, 0 or 1.
        before: ``(S, N)`` probabilities, one row a seed.
        after: ``(T, N)`` probabilities of the same patches.

    Returns:
        The difference; p = 1 where the sides do not differ at all.

    Source: DeLong, DeLong and Clarke-Pearson 1988; mid-ranks as Sun and Xu 2014.
    """
    positive_before, negative_before = _components(labels, before)
    positive_after, negative_after = _components(labels, after)
    positives, negatives = positive_after - positive_before, negative_after - negative_before
    difference = float(np.mean(positives)) if len(positives) and len(negatives) else 0.0
    error = _standard_error(positives, negatives)
    p_value = _two_sided(difference, error)
    return AucDifference(difference, error, difference - Z_95 * error, difference + Z_95 * error, p_value)


def _components(labels: NDArray[Any], probabilities: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Structural components of the mean area: of each positive ``(P,)`` and each negative ``(Q,)``."""
    positive = np.asarray(labels) == 1
    positives, negatives = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    if not positives or not negatives:
        return np.zeros(positives), np.zeros(negatives)
    among_all = rankdata(probabilities, axis=1)
    above = among_all[:, positive] - rankdata(probabilities[:, positive], axis=1)
    below = among_all[:, ~positive] - rankdata(probabilities[:, ~positive], axis=1)
    return np.mean(above / negatives, axis=0), np.mean(1.0 - below / positives, axis=0)


def _two_sided(difference: float, error: float) -> float:
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2.0 * norm.sf(abs(difference) / error))


def _standard_error(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    if len(positives) < 2 or len(negatives) < 2:
        return 0.0
    variance = np.var(positives, ddof=1) / len(positives) + np.var(negatives, ddof=1) / len(negatives)
    return float(np.sqrt(variance))
