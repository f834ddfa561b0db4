"""An estimate with its two 95% intervals: of this procedure, and of these trained networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.crossed import cross
from hpo.evaluation.intervals import (
    bca_interval,
    jackknife_influence,
    jackknife_variance,
    multi_sample_acceleration,
)


class Interval(NamedTuple):
    """Ends of a 95% interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% intervals.

    Args:
        value: mean over seeds on the whole split, or the difference of two such means.
        low, high: of this procedure: where the value lies if the same settings are trained with other seeds and tested
            on other slides (or patches) of the same kind.
        standard_error: that goes with them.
        networks: of these trained networks: where their mean lies on other slides (or patches) of the same kind.
    """

    value: float
    low: float
    high: float
    standard_error: float
    networks: Interval

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the procedure's interval."""
        return self.low > 0 or self.high < 0


def estimate(
    per_seed: NDArray[np.float64],
    resampled: NDArray[np.float64],
    shares: NDArray[np.float64],
    left_out: NDArray[np.float64],
    bounds: tuple[float, float],
) -> Estimate:
    """The mean over the seeds, with both intervals.

    Args:
        per_seed: ``(S,)``, each seed's value on the whole split.
        resampled: ``(R, S)``, each seed's value on the drawn units.
        shares: ``(R, S)``, of each seed in the mean over the drawn seeds.
        left_out: ``(units,)``, the mean over the seeds on all units but one.
        bounds: between which every value lies.
    """
    value, of_units = float(np.mean(per_seed)), jackknife_influence(left_out)
    variance, freedom = jackknife_variance(of_units)
    drawn = cross(per_seed, resampled, shares, variance, freedom)
    of_seeds = np.sqrt(drawn.seed_share) * (per_seed - value) / len(per_seed)
    networks = bca_interval(value, drawn.networks, multi_sample_acceleration(of_units), freedom=freedom)
    procedure = bca_interval(
        value,
        drawn.procedure,
        multi_sample_acceleration(of_units, of_seeds),
        freedom=float(drawn.freedom),
    )
    within = [Interval(max(bounds[0], low), min(bounds[1], high)) for low, high in (procedure, networks)]
    return Estimate(value, *within[0], float(np.std(drawn.procedure, ddof=1)), within[1])
