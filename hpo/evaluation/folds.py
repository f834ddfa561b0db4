"""More than one split: before against after over folds of the training data, on one test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.bootstrap import Draws, draw_metrics
from hpo.evaluation.estimate import Estimate, Interval
from hpo.evaluation.intervals import bca_interval, jackknife_influence, jackknife_variance, multi_sample_acceleration
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.resampling import Unit


@dataclass(frozen=True)
class FoldMetric:
    """One metric over the folds: both sides, and the paired difference after minus before.

    Args:
        before, after, difference: means over folds and seeds, with their intervals.
        by_fold: ``(K,)``, the difference in each fold, a mean over its seeds.
    """

    before: Estimate
    after: Estimate
    difference: Estimate
    by_fold: tuple[float, ...]


@dataclass(frozen=True)
class FoldComparison:
    """Both sides over the folds.

    Args:
        metrics: by name.
        unit: what was resampled of the test split, ``slides`` or ``patches``.
        units: how many of them there are.
        folds: trainings on different patches of either side.
        seeds: trainings on the same patches.
    """

    metrics: Mapping[str, FoldMetric]
    unit: Unit
    units: int
    folds: int
    seeds: int


def compare_folds(
    labels: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    *,
    slides: NDArray[Any] | None = None,
    metrics: Sequence[str] = METRICS,
    resamples: int = 2000,
    seed: int = 0,
) -> FoldComparison:
    """The metrics before and after over folds, and their paired differences.

    Args:
        labels: ``(N,)``, numbers of classes, of the test split.
        before: ``(K, S, N)`` probabilities of label 1, by fold and seed; or ``(K, S, N, C)`` of each of C classes.
        after: the same of the same patches, folds and seeds, in the same orders.
        slides: ``(N,)``, which slide each patch is from, where that is known.
        metrics: of `METRICS`.
        resamples: bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        ValueError: if shapes do not match, or there are fewer than two folds or three patches.
    """
    if before.shape != after.shape or before.ndim not in (3, 4) or before.shape[0] < 2:
        raise ValueError(f"needs two folds or more, alike on both sides: {before.shape} and {after.shape}")
    folds, seeds = before.shape[:2]
    sides = tuple(side.reshape(folds * seeds, *side.shape[2:]) for side in (before, after))
    draws = draw_metrics(labels, sides, slides=slides, metrics=metrics, resamples=resamples, seed=seed)
    found = {name: _metric(draws, index, folds, seed) for index, name in enumerate(metrics)}
    return FoldComparison(found, draws.unit, draws.units, folds, seeds)


def estimate_over_folds(
    per_training: NDArray[np.float64],
    resampled: NDArray[np.float64],
    left_out: NDArray[np.float64],
    bounds: tuple[float, float],
    seed: int = 0,
) -> Estimate:
    """The mean over folds and seeds, with both intervals.

    The procedure's interval is for other seeds and other test units, over the folds of these training patches. Its
    variance has two parts. That of the test units is as with one split (`hpo.evaluation.estimate`). That of chance is
    the spread within folds, whose seeds are their own; with one seed a fold it is the spread between folds, which has
    the training patches' part in it too and so errs upwards. What the test units' errors add to the observed spread is
    taken off first, as in `hpo.evaluation.crossed`. Degrees of freedom are Satterthwaite's (1946).

    How far training patches drawn anew would move the mean is no part of it: folds share most of their patches, and no
    unbiased estimate of that exists (Bengio and Grandvalet 2004). The differences by fold show what can be seen of it.

    Args:
        per_training: ``(K, S)``, each training's value on the whole test split.
        resampled: ``(R, K, S)``, each training's value on the drawn units.
        left_out: ``(units,)``, the mean over the trainings on all units but one.
        bounds: between which every value lies.
        seed: of the normal deviations that stand for other seeds.

    Source: Bengio and Grandvalet 2004, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation".
    """
    folds, seeds = per_training.shape
    value, of_units = float(per_training.mean()), jackknife_influence(left_out)
    variance, freedom = jackknife_variance(of_units)
    means = resampled.mean(axis=(1, 2))
    drawn = float(np.var(means, ddof=1))
    scale = variance / drawn if drawn > 0 else 0.0
    networks = value + np.sqrt(scale) * (means - value)

    if seeds > 1:
        observed = float(np.var(per_training, axis=1, ddof=1).mean())
        apart, known = resampled - resampled.mean(axis=2, keepdims=True), folds * (seeds - 1.0)
    else:
        observed = float(np.var(per_training[:, 0], ddof=1))
        apart, known = resampled - means[:, None, None], folds - 1.0
    errors = scale * float(np.var(apart, axis=0, ddof=1).sum()) / known
    chance = max(observed - errors, 0.0) / (folds * seeds)
    total = variance + chance
    doubt = variance**2 / freedom + (observed / (folds * seeds)) ** 2 / known
    together = max(total**2 / doubt if doubt > 0 else np.inf, min(freedom, known))
    added = np.sqrt(chance) * np.random.default_rng(seed).normal(size=len(means))
    procedure = networks + added - added.mean()
    acceleration = multi_sample_acceleration(of_units)
    ends = (
        bca_interval(value, procedure, acceleration, freedom=float(together)),
        bca_interval(value, networks, acceleration, freedom=freedom),
    )
    kept = [Interval(max(bounds[0], low), min(bounds[1], high)) for low, high in ends]
    return Estimate(value, *kept[0], float(np.sqrt(total)), kept[1])


def _metric(draws: Draws, index: int, folds: int, seed: int) -> FoldMetric:
    shape = (2, folds, -1)
    per_training = draws.per_seed[:, :, index].reshape(shape)
    resampled = draws.resampled[:, :, :, index].reshape(len(draws.resampled), *per_training.shape)
    left_out = draws.left_out[:, :, index]
    before, after = (
        estimate_over_folds(per_training[side], resampled[:, side], left_out[:, side], (0.0, 1.0), seed)
        for side in (0, 1)
    )
    apart = per_training[1] - per_training[0]
    difference = estimate_over_folds(
        apart, resampled[:, 1] - resampled[:, 0], left_out[:, 1] - left_out[:, 0], (-1.0, 1.0), seed
    )
    return FoldMetric(before, after, difference, tuple(apart.mean(axis=1).tolist()))
