"""McNemar's test: are two classifiers right on equally many of the same patches?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.scores import rightly_called

_FEW = 25  # discordant patches, below which the test is exact


@dataclass(frozen=True)
class AccuracyTest:
    """McNemar's test of each seed, and of all together.

    Args:
        only_before: patches that only the network before tuning calls rightly, by seed.
        only_after: patches that only the network after tuning calls rightly, by seed.
        p_values: two-sided, of equal accuracy, by seed.
        p_value: of equal accuracy with every seed.
    """

    only_before: tuple[int, ...]
    only_after: tuple[int, ...]
    p_values: tuple[float, ...]
    p_value: float


def compare_accuracy(labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any]) -> AccuracyTest:
    """McNemar's test of the paired difference of accuracies: at threshold 0.5, or of the most probable of K classes.

    Exact (binomial) with fewer than 25 discordant patches, otherwise by the chi-squared distribution without a
    continuity correction, which would make it needlessly conservative (Fagerland, Lydersen and Laake 2013).

    As DeLong's, this test takes the patches as independent and the trained networks as given; the bootstrap of
    `hpo.evaluation.compare` does without either.

    Args:
        labels: ``(N,)``, numbers of classes.
        before: ``(S, N)`` probabilities of label 1, or ``(S, N, K)`` of each class, one row per seed.
        after: the same of the same patches and seeds.

    Source: McNemar 1947. The seeds' p-values are combined by `middle_p`.
    """
    right_before, right_after = (rightly_called(np.asarray(labels), np.asarray(side)) for side in (before, after))
    only_before = tuple(int(count) for count in np.count_nonzero(right_before & ~right_after, axis=1))
    only_after = tuple(int(count) for count in np.count_nonzero(right_after & ~right_before, axis=1))
    p_values = tuple(_p_value(*counts) for counts in zip(only_before, only_after, strict=True))
    return AccuracyTest(only_before, only_after, p_values, middle_p(p_values))


def middle_p(p_values: Sequence[float]) -> float:
    """One p-value for several tests of the same hypothesis, however they depend on one another.

    With k the half of n, rounded up: the k-th smallest times n / k. For an odd number that is somewhat less than twice
    the median, for one test its own p-value. Seeds are tested on the same patches, so their tests are anything but
    independent, and Fisher's or Stouffer's rules would claim too much.

    Args:
        p_values: one a test; at least one.

    Source: Rüger 1978; Meinshausen, Meier and Bühlmann 2009, section 2.2, with gamma = k / n.
    """
    count = len(p_values)
    middle = ceil(count / 2)
    return min(1.0, float(sorted(p_values)[middle - 1]) * count / middle)


def _p_value(only_before: int, only_after: int) -> float:
    from statsmodels.stats.contingency_tables import mcnemar  # half a second, which only reports pay

    if not only_before + only_after:
        return 1.0
    table = [[0, only_before], [only_after, 0]]
    return float(mcnemar(table, exact=only_before + only_after < _FEW, correction=False).pvalue)
