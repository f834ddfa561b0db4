"""DeLong's variance of areas under the ROC curve, for one classifier and for the difference of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Z_95 = NormalDist().inv_cdf(0.975)
"""Two-sided 95% quantile of the standard normal distribution."""


@dataclass(frozen=True)
class AucDifference:
    """The difference of two areas under the ROC curve, tested.

    Args:
        difference: after minus before.
        standard_error: of the difference.
        low, high: 95% interval, ``difference -+ 1.96 standard_error``.
        p_value: two-sided, of no difference.

    A class of a single patch shows no variance. Then the standard error is infinite, the interval -1 to 1 and p = 1.
    """

    difference: float
    standard_error: float
    low: float
    high: float
    p_value: float


def auc_standard_error(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """DeLong's standard error of an area under the ROC curve, patches taken as independent.

    Args:
        labels: ``(N,)``, numbers of classes.
        probabilities: ``(N,)`` of label 1, ``(S, N)`` for the mean area of S classifiers, or ``(S, N, K)`` for the mean
            over K classes against the rest too; see `compare_macro_auc`.

    Returns:
        The standard error; 0 if a class has fewer than two patches.
    """
    if probabilities.ndim == 3:
        parts = [_components(labels == k, probabilities[..., k]) for k in _classes(probabilities)]
        error = _joint_error(labels, parts)
    else:
        error = _standard_error(*_components(labels, np.atleast_2d(probabilities)))
    return 0.0 if error is None else error


def compare_auc(labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any]) -> AucDifference:
    """DeLong's test of the paired difference of two mean areas under the ROC curve.

    The mean of a side's areas over its seeds is itself a U-statistic, whose structural components are the means of the
    seeds' components; the variance of the paired difference comes from the components' differences.

    This test takes the patches as independent and the trained networks as given: patches of one slide resemble one
    another, and another seed would give another network. Clustering by slide is not DeLong; the bootstrap of
    `hpo.evaluation.compare` does both, and its interval is the wider where they matter.

    Args:
        labels: ``(N,)``, 0 or 1.
        before: ``(S, N)`` probabilities, one row per seed.
        after: ``(T, N)`` probabilities of the same patches.

    Returns:
        The difference; p = 1 where the sides do not differ at all.

    Source: DeLong, DeLong and Clarke-Pearson 1988; mid-ranks as Sun and Xu 2014.
    """
    positives, negatives = _differences(labels, before, after)
    return _tested(_mean_difference(positives, negatives), _standard_error(positives, negatives))


def compare_auc_by_class(labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any]) -> tuple[AucDifference, ...]:
    """DeLong's test of each of K classes against the rest, in the order of the labels.

    Args:
        labels: ``(N,)``, numbers from 0 to K - 1.
        before: ``(S, N, K)`` probabilities, one row per seed.
        after: ``(T, N, K)`` probabilities of the same patches.
    """
    return tuple(compare_auc(labels == k, before[..., k], after[..., k]) for k in _classes(before))


def compare_macro_auc(labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any]) -> AucDifference:
    """The paired difference of two macro areas, each the mean over K classes of one class against the rest.

    Every class's area is a U-statistic of the same patches, so a patch's influence on the mean of the areas is the mean
    of its structural components, centred and divided by their number; the variance of the difference is the sum of
    squared influences. Of one class that is DeLong's own variance. The same cautions hold as for `compare_auc`.

    Args:
        labels: ``(N,)``, numbers from 0 to K - 1.
        before: ``(S, N, K)`` probabilities, one row per seed.
        after: ``(T, N, K)`` probabilities of the same patches.

    Source: DeLong, DeLong and Clarke-Pearson 1988, section 3 (a linear contrast of correlated areas).
    """
    parts = [_differences(labels == k, before[..., k], after[..., k]) for k in _classes(before)]
    return _tested(float(np.mean([_mean_difference(*part) for part in parts])), _joint_error(labels, parts))


_Parts = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Structural components, of each positive ``(P,)`` and each negative ``(Q,)``."""


def _classes(probabilities: NDArray[Any]) -> range:
    return range(probabilities.shape[-1])


def _differences(labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any]) -> _Parts:
    positive_before, negative_before = _components(labels, before)
    positive_after, negative_after = _components(labels, after)
    return positive_after - positive_before, negative_after - negative_before


def _mean_difference(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    return float(np.mean(positives)) if len(positives) and len(negatives) else 0.0


def _tested(difference: float, error: float | None) -> AucDifference:
    if error is None:
        return AucDifference(difference, math.inf, -1.0, 1.0, 1.0)
    p_value = _two_sided(difference, error)
    return AucDifference(difference, error, difference - Z_95 * error, difference + Z_95 * error, p_value)


def _joint_error(labels: NDArray[Any], parts: Sequence[_Parts]) -> float | None:
    """The standard error of the mean over classes of their areas, from each class's components; None if unknown."""
    influence = np.zeros(len(labels))
    for k, (positives, negatives) in enumerate(parts):
        if min(len(positives), len(negatives)) < 2:
            return None
        for own, part in ((labels == k, positives), (labels != k, negatives)):
            influence[own] += (part - part.mean()) / np.sqrt(len(part) * (len(part) - 1.0))
    return float(np.sqrt(np.sum(influence**2))) / len(parts)


def _components(labels: NDArray[Any], probabilities: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Structural components of the mean area: of each positive ``(P,)`` and each negative ``(Q,)``."""
    from scipy.stats import rankdata  # a second, which only reports pay

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
    return math.erfc(abs(difference) / error / math.sqrt(2.0))


def _standard_error(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float | None:
    """The standard error of an area from its components; None if a class has too few to show any variance."""
    if len(positives) < 2 or len(negatives) < 2:
        return None
    variance = np.var(positives, ddof=1) / len(positives) + np.var(negatives, ddof=1) / len(negatives)
    return float(np.sqrt(variance))
