"""Before against after: paired differences of the metrics with 95% intervals, and the metrics' own intervals.

A side is a configuration trained with several seeds, each with its predictions on the same patches. What is estimated
is the mean over seeds; what varies is which slides (or patches) the split has, and which seeds were trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.errors import TrainingError
from hpo.evaluation.bootstrap import Draws, draw_metrics
from hpo.evaluation.delong import (
    AucDifference,
    auc_standard_error,
    compare_auc,
    compare_auc_by_class,
    compare_macro_auc,
)
from hpo.evaluation.estimate import Estimate, estimate
from hpo.evaluation.improvement import Improvement, probability_of_improvement
from hpo.evaluation.mcnemar import AccuracyTest, compare_accuracy
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.resampling import Unit, draw_units, resampling_units, unit_totals
from hpo.evaluation.scores import Scorer, score
from hpo.evaluation.weighted import TWO_CLASSES
from hpo.evaluation.weighted_classes import SUPPORTED

Side = TypeVar("Side", bound=str)


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
    """One metric of both sides, the paired difference after minus before, and how often one would see a gain."""

    before: Estimate
    after: Estimate
    difference: Estimate
    improvement: Improvement


@dataclass(frozen=True)
class Comparison:
    """Both sides: each metric's comparison, DeLong's test of the areas, and McNemar's of the accuracies.

    Of more than two classes the first area is the mean over the classes of one against the rest, and ``class_tests``
    are DeLong's of each class, in the order of the labels; of two classes there are none.
    """

    metrics: Mapping[str, MetricComparison]
    auc_test: AucDifference
    accuracy_test: AccuracyTest
    sampling: Sampling
    class_tests: tuple[AucDifference, ...] = ()

    @property
    def accuracy(self) -> MetricComparison:
        """Of calls that are right, at a threshold of one half or as the most probable class."""
        return self.metrics["accuracy"]

    @property
    def precision(self) -> MetricComparison:
        """Of positive calls that are right; of more than two classes, the mean over them, as below."""
        return self.metrics["precision"]

    @property
    def recall(self) -> MetricComparison:
        """Of positives that are called so."""
        return self.metrics["recall"]

    @property
    def f1(self) -> MetricComparison:
        """The harmonic mean of precision and recall."""
        return self.metrics["f1"]

    @property
    def auc(self) -> MetricComparison:
        """The area under the ROC curve."""
        return self.metrics["auc"]


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

    The statistic is the mean over seeds of ``metric_after(seed) - metric_before(seed)``. Its intervals are the
    bias-corrected and accelerated ones of a paired bootstrap over slides (or patches) and seeds;
    `hpo.evaluation.intervals` makes them hold with few of either, and `hpo.evaluation.crossed` counts each source of
    variance once.

    By simulation (``tests/benchmarks/coverage.py``) they cover 93 to 97% with three seeds or more, and up to 99% with
    less than ten slides or where the seeds hardly differ: the safe way to be wrong. With two seeds that differ they
    cover 91%; of one side alone, an accuracy or area so near to 1 that the split has only a few mistakes is covered
    less, and without a mistake the interval is the value itself.

    Args:
        labels: ``(N,)``, numbers of classes.
        before: ``(S, N)`` probabilities of label 1, or ``(S, N, K)`` of each of K classes, one row per seed.
        after: the same of the same patches and seeds, in the same orders.
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
        labels: ``(N,)``, numbers of classes.
        sides: ``(S, N)`` or ``(S, N, K)`` probabilities by the side's name, all of the same patches and seeds.
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
            (compare_auc if sides[before].ndim == 2 else compare_macro_auc)(labels, sides[before], sides[after]),
            compare_accuracy(labels, sides[before], sides[after]),
            _sampling(draws),
            () if sides[before].ndim == 2 else compare_auc_by_class(labels, sides[before], sides[after]),
        )
        for before, after in pairs
    }


def _compare_metrics(draws: Draws, before: int, after: int) -> dict[str, MetricComparison]:
    return {
        name: MetricComparison(
            before=_side(draws, before, index),
            after=_side(draws, after, index),
            difference=estimate(
                draws.per_seed[after, :, index] - draws.per_seed[before, :, index],
                draws.resampled[:, after, :, index] - draws.resampled[:, before, :, index],
                draws.shares,
                draws.left_out[:, after, index] - draws.left_out[:, before, index],
                (-1.0, 1.0),
            ),
            improvement=probability_of_improvement(draws.per_seed[before, :, index], draws.per_seed[after, :, index]),
        )
        for index, name in enumerate(METRICS)
    }


def _side(draws: Draws, side: int, index: int) -> Estimate:
    return estimate(
        draws.per_seed[side, :, index],
        draws.resampled[:, side, :, index],
        draws.shares,
        draws.left_out[:, side, index],
        (0.0, 1.0),
    )


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
        labels: ``(N,)``, numbers of classes.
        probabilities: ``(S, N)`` of label 1, or ``(S, N, K)`` of each class, one row per seed.
        slides: ``(N,)``, where known.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if shapes do not match, or there are fewer than three patches.
    """
    draws = draw_metrics(labels, (probabilities,), slides=slides, resamples=resamples, seed=seed)
    return Measurement({name: _side(draws, 0, index) for index, name in enumerate(METRICS)}, _sampling(draws))


def metric_standard_error(
    labels: NDArray[Any], probabilities: NDArray[Any], metric: str, groups: NDArray[Any] | None = None
) -> float:
    """How much a metric would vary over other patches (or slides) of the same kind; of one training.

    Args:
        labels: ``(N,)``, numbers of classes.
        probabilities: ``(N,)``, of label 1; or ``(N, K)``, of each class.
        metric: of `hpo.evaluation.scores.KNOWN`.
        groups: ``(N,)``, the slide of each patch, where known.

    Returns:
        DeLong's for ``auc`` without groups and with two patches of each class or more, otherwise that of 500 bootstrap
        resamples.

    Raises:
        ValueError: if shapes do not match, or there are fewer than three patches.
    """
    if metric == "auc" and groups is None and min(np.unique(labels, return_counts=True)[1]) > 1:
        return auc_standard_error(labels, probabilities[None])
    if metric not in (TWO_CLASSES if probabilities.ndim == 1 else SUPPORTED):
        return scorer_standard_error(labels, probabilities, partial(score, metric), groups)
    draws = draw_metrics(labels, (probabilities[None],), slides=groups, metrics=(metric,), resamples=500)
    return float(np.std(draws.resampled, ddof=1) * np.sqrt(draws.units / (draws.units - 1)))


def scorer_standard_error(
    labels: NDArray[Any], probabilities: NDArray[Any], scorer: Scorer, groups: NDArray[Any] | None = None
) -> float:
    """The same of any function of labels and probabilities, from 200 bootstrap resamples that it is called for.

    Resamples for which it fails, or gives no finite number, are left out; 0 if there are less than two others.
    """
    _, of_patch = resampling_units(labels, groups)
    units = int(of_patch.max()) + 1
    classes = unit_totals(of_patch, units, [labels == label for label in np.unique(labels)])
    weights = draw_units(np.random.default_rng(0), 200, classes).astype(np.intp)
    rows = [np.repeat(np.arange(len(labels)), drawn[of_patch]) for drawn in weights.T]
    values = np.array([_scored(scorer, labels[row], probabilities[row]) for row in rows])
    values = values[np.isfinite(values)]
    return float(np.std(values, ddof=1) * np.sqrt(units / (units - 1))) if len(values) > 1 else 0.0


def _scored(scorer: Scorer, labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    try:
        return scorer(labels, probabilities)
    except TrainingError:  # a user's own function
        return math.nan


def _sampling(draws: Draws) -> Sampling:
    return Sampling(draws.unit, draws.units, draws.per_seed.shape[1], len(draws.resampled))
