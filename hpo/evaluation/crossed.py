"""Two sources of variance at once: which slides (or patches) there are, and which seeds were trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Crossed:
    """Resampled means over the seeds.

    Args:
        networks: ``(R, ...)``, on the drawn units, the trained networks as they are.
        procedure: ``(R, ...)``, on the drawn units, with the drawn seeds.
        seed_share: ``(...)``, the part of the seeds' spread that is their own and not their errors' on these units.
        freedom: ``(...)``, degrees of freedom of the procedure's variance.
    """

    networks: NDArray[np.float64]
    procedure: NDArray[np.float64]
    seed_share: NDArray[np.float64]
    freedom: NDArray[np.float64]


def cross(
    per_seed: NDArray[np.float64],
    resampled: NDArray[np.float64],
    shares: NDArray[np.float64],
    variance: NDArray[np.float64] | float,
    freedom: NDArray[np.float64] | float,
) -> Crossed:
    """Draws of the mean over seeds, from each seed's draws over the units.

    The mean's variance has three parts: the units' (the same for all seeds), the seeds' (the same on all units), and
    that of one seed on one unit. Drawing units and seeds together counts the last three times (Owen 2007), and adding
    the deviations of two separate draws counts it twice. It is to be counted once, as in studies where several readers
    judge the same cases (Gallas 2006; a seed is a reader, a slide or patch a case): the draws over the units hold it,
    and the seeds' deviations that are added are shrunk to the variance that is left without it.

    Deviations of the draws over units are scaled to the given variance, those of the draws over seeds by ``sqrt(S / (S
    - 1))``, because resamples vary too little (Hesterberg 2015, section 3.2). Degrees of freedom are Satterthwaite's
    (1946); the seeds' part has S - 1 for their spread as it was observed, of which the errors' part is known far
    better.

    Args:
        per_seed: ``(S, ...)``, each seed's value on all units.
        resampled: ``(R, S, ...)``, each seed's value on the drawn units.
        shares: ``(R, S)``, of each seed in the mean over the drawn seeds.
        variance: ``(...)``, of the mean over other units, the networks as they are.
        freedom: ``(...)``, its degrees of freedom.
    """
    seeds, value = len(per_seed), per_seed.mean(axis=0)
    from_units = np.broadcast_to(variance, value.shape).astype(np.float64)
    drawn = np.var(resampled.mean(axis=1), axis=0, ddof=1)
    scale = np.divide(from_units, drawn, out=np.zeros_like(drawn), where=drawn > 0)
    networks = value + np.sqrt(scale) * (resampled.mean(axis=1) - value)
    if seeds == 1:
        return Crossed(networks, networks, np.zeros_like(value), np.broadcast_to(freedom, value.shape))
    observed = np.var(per_seed, axis=0, ddof=1)
    apart = resampled - resampled.mean(axis=1, keepdims=True)
    errors = scale * np.var(apart, axis=0, ddof=1).sum(axis=0) / (seeds - 1)
    own = np.divide(np.maximum(observed - errors, 0.0), observed, out=np.zeros_like(observed), where=observed > 0)
    deviations = np.sqrt(own * seeds / (seeds - 1)) * (per_seed - value)
    total = from_units + own * observed / seeds
    doubt = from_units**2 / freedom + (observed / seeds) ** 2 / (seeds - 1)
    together = np.divide(total**2, doubt, out=np.full_like(total, np.inf), where=doubt > 0)
    together = np.maximum(together, np.minimum(freedom, seeds - 1.0))
    return Crossed(networks, networks + np.tensordot(shares, deviations, axes=1), own, together)
