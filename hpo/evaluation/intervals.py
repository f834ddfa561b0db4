"""95% intervals from resampled values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

LEVELS = (0.025, 0.975)
"""Of the two ends of a 95% interval."""


def outward_stretch(per_seed: NDArray[np.float64], variance: NDArray[np.float64] | float, units: int) -> NDArray[Any]:
    """How far an interval's ends must lie farther out, because few seeds or units tell little about their own spread.

    Args:
        per_seed: ``(S, ...)``, each seed's value on the whole split.
        variance: ``(...)``, of the resampled mean.
        units: how many slides or patches were resampled.

    Returns:
        ``(...)``: the ratio of Student's to the normal 97.5% quantile, at least 1. The degrees of freedom are those of
        a variance with one part from the seeds (S - 1) and one from the units (G - 1).

    Source: Hesterberg 2015, section 5.4; Satterthwaite 1946.
    """
    total, seeds = np.asarray(variance, np.float64), len(per_seed)
    from_seeds = np.minimum(total, np.var(per_seed, axis=0, ddof=1) / seeds) if seeds > 1 else np.zeros_like(total)
    doubt = (total - from_seeds) ** 2 / (units - 1)
    if seeds > 1:
        doubt = doubt + from_seeds**2 / (seeds - 1)
    freedom = np.divide(total**2, doubt, out=np.full_like(total, units - 1.0), where=doubt > 0)
    return np.asarray(t.ppf(LEVELS[1], freedom) / norm.ppf(LEVELS[1]))
