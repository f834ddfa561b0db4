"""Before against after: paired differences of the metrics with 95% intervals, and the metrics' own intervals.

A side is a configuration trained with several seeds, each with its predictions on the same patches. What is estimated
is the mean over seeds; what varies is which slides (or patches) the split has, and which seeds were trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from hpo.evaluation.bootstrap import Draws, draw_metrics
from hpo.evaluation.delong import AucDifference, auc_standard_error, compare_auc
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.resampling import Unit

Side = TypeVar("Side", bound=str)


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval.

    Args:
        value: mean over seeds on the whole split, or the difference of two such means.
        low, high: ends of the interval.
        standard_error: standard deviation of the resampled values.
    """

    value: float
    low: float
    high: float
    standard_error: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Sampling:
    """What the intervals rest on.

    Args:
        unit: ``slides`` or ``patches``: what was resampled besides the seeds.
        units: how many of them the split has.
        seeds: trainings on either side. With one, the intervals know nothing of the spread between trainings.
        resamples: bootstrap resamples.
    """

    unit: Unit
    units: int
    seeds: int
    resamples: int


@dataclass(frozen=True)
class Measurement:
    """One side alone: each metric's estimate."""

    metrics: Mapping[str, Estimate]
    sampling: Sampling


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both sides, and the paired difference after minus before."""

    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Comparison:
    """Both sides: each metric's comparison, and DeLong's test of the areas beside it."""

    metrics: Mapping[str, MetricComparison]
    auc_test: AucDifference
    sampling: Sampling


def compare(
    labels: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    *,
    slides: NDArray[Any] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """The five metrics before and after, and their paired differences.

    The statistic is the mean over seeds of ``metric_after(seed) - metric_before(seed)``. Its interval is the percentile
    interval of a paired bootstrap over slides (or patches) and seeds, whose ends are moved outwards by the ratio of
    Student's to the normal quantile, because few seeds or slides tell little about their own spread (Hesterberg 2015,
    section 5.4; degrees of freedom by Satterthwaite 1946 from the seeds' and the units' parts of the variance).

    Args:
        labels: ``(N,)``, 0 or 1.
        before: ``(S, N)`` probabilities, one row a seed.
        after: ``(S, N)`` probabilities of the same patches and seeds, in the same orders.
        slides: ``(N,)``, which slide each patch is from, where that is known.
        resamples: bootstrap resamples.
        seed: of the bootstrap; equal seeds give equal intervals.

    Raises:
        ValueError: if shapes do not match, or there are fewer than three patches.
    """
    sides = {"before": before, "after": after}
    pair = ("before", "after")
    return compare_sides(labels, sides, (pair,), slides=slides, resamples=resamples, seed=seed)[pair]


def compare_sides(
    labels: NDArray[Any],
    sides: Mapping[Side, NDArray[Any]],
    pairs: Sequence[tuple[Side, Side]],
    *,
    slides: NDArray[Any] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[tuple[Side, Side], Comparison]:
    """Several comparisons of `compare` from the same resamples, at little more than the cost of one.

    Args:
        labels: ``(N,)``, 0 or 1.
        sides: ``(S, N)`` probabilities by the side's name, all of the same patches and seeds.
        pairs: (before, after), each a name in ``sides``.
        slides: ``(N,)``, where known.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if shapes do not match, or there are fewer than three patches.
    """
    draws = draw_metrics(labels, tuple(sides.values()), slides=slides, resamples=resamples, seed=seed)
    index = {name: number for number, name in enumerate(sides)}
    return {
        (before, after): Comparison(
            _compare_metrics(draws, index[before], index[after]),
            compare_auc(labels, sides[before], sides[after]),
            _sampling(draws),
        )
        for before, after in pairs
    }


def _compare_metrics(draws: Draws, before: int, after: int) -> dict[str, MetricComparison]:
    metrics = {}
    for index, name in enumerate(METRICS):
        first, second = (draws.per_seed[side, :, index] for side in (before, after))
        first_drawn, second_drawn = (draws.resampled[:, side, index] for side in (before, after))
        metrics[name] = MetricComparison(
            before=_estimate(first, first_drawn, draws.units, (0.0, 1.0)),
            after=_estimate(second, second_drawn, draws.units, (0.0, 1.0)),
            difference=_estimate(second - first, second_drawn - first_drawn, draws.units, (-1.0, 1.0)),
        )
    return metrics


def measure(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    slides: NDArray[Any] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Measurement:
    """The five metrics of one side, with the intervals of `compare`.

    Args:
        labels: ``(N,)``, 0 or 1.
        probabilities: ``(S, N)``, one row a seed.
        slides: ``(N,)``, where known.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if shapes do not match, or there are fewer than three patches.
    """
    draws = draw_metrics(labels, (probabilities,), slides=slides, resamples=resamples, seed=seed)
    metrics = {
        name: _estimate(draws.per_seed[0, :, index], draws.resampled[:, 0, index], draws.units, (0.0, 1.0))
        for index, name in enumerate(METRICS)
    }
    return Measurement(metrics, _sampling(draws))


def metric_standard_error(
    labels: NDArray[Any], probabilities: NDArray[Any], metric: str, groups: NDArray[Any] | None = None
) -> float:
    """How much a metric would vary over other patches (or slides) of the same kind; of one training.

    Args:
        labels: ``(N,)``, 0 or 1.
        probabilities: ``(N,)``, of label 1.
        metric: of `METRICS`, or ``loss``.
        groups: ``(N,)``, the slide of each patch, where known.

    Returns:
        DeLong's for ``auc`` without groups, otherwise that of 500 bootstrap resamples.

    Raises:
        ValueError: if shapes do not match, or there are fewer than three patches.
    """
    if metric == "auc" and groups is None:
        return auc_standard_error(labels, probabilities)
    draws = draw_metrics(labels, (probabilities[None, :],), slides=groups, metrics=(metric,), resamples=500)
    return float(np.std(draws.resampled[:, 0, 0], ddof=1))


def _sampling(draws: Draws) -> Sampling:
    return Sampling(draws.unit, draws.units, draws.per_seed.shape[1], len(draws.resampled))


def _estimate(
    per_seed: NDArray[np.float64], drawn: NDArray[np.float64], units: int, bounds: tuple[float, float]
) -> Estimate:
    value, error = float(np.mean(per_seed)), float(np.std(drawn, ddof=1))
    if error == 0:
        return Estimate(value, value, value, 0.0)
    stretch = float(t.ppf(0.975, _degrees_of_freedom(per_seed, error, units)) / norm.ppf(0.975))
    low, high = (value + stretch * (float(end) - value) for end in np.quantile(drawn, (0.025, 0.975)))
    return Estimate(value, max(bounds[0], min(low, value)), min(bounds[1], max(high, value)), error)


def _degrees_of_freedom(per_seed: Sequence[float] | NDArray[np.float64], error: float, units: int) -> float:
    """Satterthwaite's, of a variance with one part from the seeds and one from the units."""
    total, seeds = error**2, len(per_seed)
    from_seeds = min(total, float(np.var(per_seed, ddof=1)) / seeds) if seeds > 1 else 0.0
    doubt = (total - from_seeds) ** 2 / (units - 1)
    if seeds > 1:
        doubt += from_seeds**2 / (seeds - 1)
    return float(total**2 / doubt)
