"""An interval for an area under the ROC curve of few cases, which holds where every one is called rightly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.areas import Ranking
from hpo.evaluation.delong import Z_95

_TINY = 1e-12
"""From 0 and 1, where the equation has a root that is not meant."""


@dataclass(frozen=True)
class Area:
    """An area under the ROC curve.

    Args:
        value: the area.
        low, high: its 95% interval.
    """

    value: float
    low: float
    high: float


def auc_with_interval(labels: NDArray[Any], scores: NDArray[Any]) -> Area:
    """The area under the ROC curve of independent cases, such as slides, with its 95% interval.

    DeLong's interval has no width at an area of 1, which few slides often have; this one solves for the areas that are
    1.96 of their own standard errors away.

    Args:
        labels: ``(N,)``, 0 or 1, both present.
        scores: ``(N,)``, larger for 1.

    Raises:
        ValueError: if only one class is present.

    Source: Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part
    2", method 5.
    """
    from scipy.optimize import brentq  # half a second, which only reports pay

    ranking = Ranking.of(np.asarray(labels), np.asarray(scores, np.float64))
    if not ranking.has_both_classes:
        raise ValueError("an area under the ROC curve needs both classes")
    area = float(ranking.areas(np.ones((len(labels), 1), np.int32))[0])
    positives, negatives = len(ranking.positives), len(ranking.negatives)
    half = (positives + negatives) / 2 - 1

    def error(theta: float) -> float:
        spread = 1 + half * (1 - theta) / (2 - theta) + half * theta / (1 + theta)
        return float(np.sqrt(theta * (1 - theta) * spread / (positives * negatives)))

    # Each end is where the distance is 1.96 standard errors; 0 and 1 themselves have none.
    inside = min(max(area, _TINY), 1 - _TINY)
    low = 0.0 if area == 0 else brentq(lambda theta: area - theta - Z_95 * error(theta), 0.0, inside)
    high = 1.0 if area == 1 else brentq(lambda theta: theta - area - Z_95 * error(theta), inside, 1.0)
    return Area(area, float(low), float(high))
