"""How often tuning pays: the probability that a training after it is better than one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.delong import Z_95


@dataclass(frozen=True)
class Improvement:
    """The probability that a new training of the one configuration is better than a new training of the other.

    Args:
        probability: that with a seed of its own, "after" has the higher metric on this very test split than "before"
            with another seed; a tie counts one half. 0.5 says that neither is better. It is no p-value, and not the
            probability that tuning helps: it says how often one would see the gain with one training of each.
        low, high: its 95% interval, over the seeds.
    """

    probability: float
    low: float
    high: float


def probability_of_improvement(before: NDArray[Any], after: NDArray[Any]) -> Improvement:
    """P(after > before), estimated by all pairs of a training before and a training after.

    Its interval is Newcombe's (2006, method 5), a score interval that takes the trainings as two independent samples.
    The usual bootstrap over the seeds has nothing to say just where the answer is clearest: if every training after is
    better than every training before, so is every resample.

    Args:
        before: ``(S,)``, the metric of each training before tuning; higher is better.
        after: ``(T,)``, of each training after.

    Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3.
    """
    from scipy.optimize import brentq  # half a second, which only reports pay

    pairs = np.subtract.outer(np.asarray(after), np.asarray(before))
    probability = float(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    extra = (len(before) + len(after)) / 2 - 1

    def beyond(supposed: float) -> float:
        spread = 1 + extra * ((1 - supposed) / (2 - supposed) + supposed / (1 + supposed))
        return float((probability - supposed) ** 2 - Z_95**2 * supposed * (1 - supposed) * spread / pairs.size)

    # At 0 and at 1 itself nothing is beyond, which is not the end that is looked for.
    low = float(brentq(beyond, 0.0, min(probability, 1 - 1e-12))) if probability > 0 else 0.0
    high = float(brentq(beyond, max(probability, 1e-12), 1.0)) if probability < 1 else 1.0
    return Improvement(probability, low, high)
