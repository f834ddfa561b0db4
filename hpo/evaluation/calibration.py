"""Whether probabilities can be taken at their word: Brier score, NLL, and the reliability curve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.many import many_cross_entropy, squared_distance
from hpo.evaluation.metrics import cross_entropy
from hpo.evaluation.resampling import resampling_units


@dataclass(frozen=True)
class Bin:
    """Predictions of about the same probability.

    Args:
        low, high: ends of the bin; the last bin holds its upper end, the others do not.
        mean_probability: of the predictions.
        observed: the share of positives among their patches.
        lower, upper: 95% interval of that share.
        count: predictions, of all seeds together.
    """

    low: float
    high: float
    mean_probability: float
    observed: float
    lower: float
    upper: float
    count: int


@dataclass(frozen=True)
class Calibration:
    """How far probabilities agree with what is observed.

    Args:
        brier: mean squared difference of probability and label; 0.25 is what a constant 0.5 has.
        nll: mean negative log-likelihood in nats (the loss); 0.693 is what a constant 0.5 has.
        ece: expected calibration error: the mean distance of probability and observed share over equal-count bins.
        bins: the reliability curve, of all seeds' predictions together, by ascending probability.

    The first three are means over the seeds, each of its own.
    """

    brier: float
    nll: float
    ece: float
    bins: tuple[Bin, ...]


def calibrate(
    labels: NDArray[Any], probabilities: NDArray[Any], bins: int = 10, *, slides: NDArray[Any] | None = None
) -> Calibration:
    """Brier score, NLL, expected calibration error, and the reliability curve in bins of equal counts.

    A bin's interval is Wilson's at the effective number of independent patches: the seeds' predictions of one patch and
    the patches of one slide resemble one another, so the variance of the share comes from the totals of its patches or
    slides, and the number is the one at which a binomial share would vary as much (Korn and Graubard 1998, with their
    correction for few slides).

    Args:
        labels: ``(N,)``, 0 or 1.
        probabilities: ``(S, N)``, of label 1, one row per seed.
        bins: how many; fewer where many predictions are level.
        slides: ``(N,)``, which slide each patch is from, where that is known.

    Source: Brier 1950; Naeini et al. 2015 (expected calibration error), with equal counts as Nixon et al. 2019. It is
    never below 0, and so is somewhat above 0 for a perfectly calibrated network too.
    """
    positive = np.asarray(labels) == 1
    rows = np.atleast_2d(np.asarray(probabilities, np.float64))
    _, of_patch = resampling_units(positive, slides)
    pooled = (np.tile(positive, len(rows)), rows.reshape(-1), np.tile(of_patch, len(rows)))
    return Calibration(
        brier=float(np.mean((rows - positive) ** 2)),
        nll=float(np.mean(cross_entropy(positive, rows))),
        ece=float(np.mean([_calibration_error(positive, row, bins) for row in rows])),
        bins=_reliability(*pooled, bins),
    )


def calibrate_classes(
    labels: NDArray[Any], probabilities: NDArray[Any], bins: int = 10, *, slides: NDArray[Any] | None = None
) -> Calibration:
    """The same of K classes: the reliability of every class's probability together, each against the rest.

    Args:
        labels: ``(N,)``, numbers from 0 to K - 1.
        probabilities: ``(S, N, K)``, one row per seed.
        bins: how many; fewer where many predictions are level.
        slides: ``(N,)``, which slide each patch is from; without them a patch's K probabilities are one unit.

    Returns:
        Brier score and NLL of K classes (`hpo.evaluation.many`), means over the seeds; error and curve of the ``N * K``
        probabilities that a patch is of a class.

    Source: Kull et al. 2019, "Beyond temperature scaling" (classwise calibration).
    """
    classes = probabilities.shape[-1]
    units = np.arange(len(labels)) if slides is None else slides
    one_hot = np.eye(classes, dtype=np.uint8)[labels.astype(np.intp)].reshape(-1)
    rows = probabilities.reshape(len(probabilities), -1)
    found = calibrate(one_hot, rows, bins, slides=np.repeat(units, classes))
    return replace(
        found,
        brier=float(np.mean([squared_distance(labels, row) for row in probabilities])),
        nll=float(np.mean([many_cross_entropy(labels, row) for row in probabilities])),
    )


def _binned(probabilities: NDArray[np.float64], bins: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Edges ``(B + 1,)`` of bins of about equal counts, and ``(M,)`` the bin of each prediction."""
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)))
    if len(edges) == 1:
        return np.repeat(edges, 2), np.zeros(len(probabilities), np.intp)
    return edges, np.minimum(np.searchsorted(edges, probabilities, side="right") - 1, len(edges) - 2)


def _calibration_error(positive: NDArray[np.bool_], probabilities: NDArray[np.float64], bins: int) -> float:
    _, of_bin = _binned(probabilities, bins)
    return float(np.sum(np.abs(np.bincount(of_bin, positive - probabilities))) / len(probabilities))


def _reliability(
    positive: NDArray[np.bool_], probabilities: NDArray[np.float64], of_unit: NDArray[np.intp], bins: int
) -> tuple[Bin, ...]:
    edges, of_bin = _binned(probabilities, bins)
    curve = []
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = of_bin == number
        if inside.any():
            observed = float(np.mean(positive[inside]))
            lower, upper = _interval(positive[inside], of_unit[inside])
            mean = float(np.mean(probabilities[inside]))
            curve.append(Bin(float(low), float(high), mean, observed, lower, upper, int(np.count_nonzero(inside))))
    return tuple(curve)


def _interval(positive: NDArray[np.bool_], of_unit: NDArray[np.intp]) -> tuple[float, float]:
    """Wilson's interval of a share whose predictions come in clusters."""
    from statsmodels.stats.proportion import proportion_confint  # half a second, which only reports pay

    share, size = float(np.mean(positive)), _effective_size(positive, of_unit)
    lower, upper = proportion_confint(share * size, size, method="wilson")
    return min(float(lower), share), max(float(upper), share)


def _effective_size(positive: NDArray[np.bool_], of_unit: NDArray[np.intp]) -> float:
    """As many independent patches as would tell as much, at most one for each prediction."""
    from scipy.special import stdtrit

    _, place = np.unique(of_unit, return_inverse=True)
    counts, hits = np.bincount(place), np.bincount(place, positive)
    units, total = len(counts), len(positive)
    share = hits.sum() / total
    if units == 1 or share in (0, 1):
        return float(units)
    # Variance of a ratio of two totals, by linearisation.
    variance = units / (units - 1) * np.sum((hits - share * counts) ** 2) / total**2
    size = share * (1 - share) / variance if variance > 0 else np.inf
    few = (stdtrit(total - 1, 0.975) / stdtrit(units - 1, 0.975)) ** 2
    return float(min(size * few, total))
