"""Pointwise 95% bands of curves that are averaged over seeds: ROC and precision-recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.crossed import Crossed, cross
from hpo.evaluation.intervals import LEVELS, outward_stretch
from hpo.evaluation.resampling import draw_seeds, draw_units, resampling_units, unit_totals

_KNOTS = 256  # thresholds of either class at which a resampled curve is exact
_GROUPS = 256  # more patches than this are resampled in random groups

Heights = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""A curve's heights ``(K,)`` at fixed places, from the numbers of false and of true positives ``(M,)`` at ever lower
thresholds, from none to all."""


@dataclass(frozen=True, eq=False)
class Band:
    """A mean curve and its pointwise 95% band.

    Args:
        x: ``(K,)``, ascending.
        mean: ``(K,)``, the mean over the seeds of their curves' heights.
        low, high: ``(K,)``, ends of the interval at each x alone. A curve of another split or other seeds lies within
            95% of them on average, not within all of them.
    """

    x: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


Counts = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Numbers of false and of true positives at ever lower thresholds, from none to all."""


@dataclass(frozen=True, eq=False)
class CountDraws:
    """What each seed calls positive at every threshold, on all patches and on drawn ones.

    Args:
        exact: each seed's counts ``(M,)`` at every distinct probability.
        whole: each seed's counts ``(M,)`` of all patches at the thresholds of ``drawn``.
        drawn: each seed's counts ``(R, M)`` of the drawn patches.
        shares: ``(R, S)``, of each seed in the mean over the drawn seeds.
        units: slides, patches or groups of patches that were drawn.
    """

    exact: list[Counts]
    whole: list[Counts]
    drawn: list[Counts]
    shares: NDArray[np.float64]
    units: int

    def crossed(self, per_seed: NDArray[np.float64], resampled: NDArray[np.float64]) -> Crossed:
        """Draws of the mean over the seeds, from each seed's value ``(S, ...)`` and its draws ``(R, S, ...)``."""
        variance = np.var(resampled.mean(axis=1), axis=0, ddof=1) * self.units / (self.units - 1)
        return cross(per_seed, resampled, self.shares, variance, self.units - 1.0)


def draw_counts(
    labels: NDArray[Any], probabilities: NDArray[Any], slides: NDArray[Any] | None, resamples: int, seed: int
) -> CountDraws:
    """Draw slides (or patches) and seeds, and count what is called positive; see `curve_band`.

    Raises:
        ValueError: if only one class is present, or there are fewer than three patches.
    """
    positive = np.asarray(labels) == 1
    rows = np.atleast_2d(np.asarray(probabilities, np.float64))
    if len(positive) < 3 or positive.all() or not positive.any():
        raise ValueError("a band needs three patches, and both classes")
    random = np.random.default_rng(seed)
    of_patch, units = _grouped(positive, slides, random)
    classes = unit_totals(of_patch, units, [~positive, positive])
    weights, shares = draw_units(random, resamples, classes), draw_seeds(random, resamples, len(rows))
    every = np.concatenate([np.ones((units, 1)), weights], axis=1)
    whole, drawn = [], []
    for row in rows:
        thresholds = _thresholds(row, positive)
        above = np.searchsorted(thresholds, row, side="left")
        alarms, hits = (_drawn(above[one], of_patch[one], len(thresholds), every) for one in (~positive, positive))
        whole.append((alarms[0], hits[0]))
        drawn.append((alarms[1:], hits[1:]))
    return CountDraws([called_positive(positive, row) for row in rows], whole, drawn, shares, units)


def curve_band(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    x: NDArray[np.float64],
    heights: Heights,
    *,
    slides: NDArray[Any] | None,
    resamples: int,
    seed: int,
) -> Band:
    """The band of a curve that is a function of the ROC curve.

    Slides (or patches) and seeds are drawn together, as for the metrics. To be quick, more than 256 patches without
    slides are drawn in as many random groups, which leaves the variance as it is (the random groups of Wolter 2007,
    chapter 2), and a resampled curve is exact at 256 thresholds of either class and straight between.

    Args:
        labels: ``(N,)``, 0 or 1, both present; N >= 3.
        probabilities: ``(S, N)``, one row per seed.
        x: ``(K,)``.
        heights: at ``x``, in [0, 1].
        slides: ``(N,)``, where known.
        resamples: how many.
        seed: of the draws.

    Raises:
        ValueError: if only one class is present, or there are fewer than three patches.
    """
    counts = draw_counts(labels, probabilities, slides, resamples, seed)
    per_seed = np.stack([heights(*one) for one in counts.exact])
    resampled = np.stack([[heights(*one) for one in zip(*drawn, strict=True)] for drawn in counts.drawn], axis=1)
    drawn = counts.crossed(per_seed, resampled)
    mean = per_seed.mean(axis=0)
    low, high = mean + outward_stretch(drawn.freedom) * (np.quantile(drawn.procedure, LEVELS, axis=0) - mean)
    return Band(x, mean, np.clip(np.minimum(low, mean), 0, 1), np.clip(np.maximum(high, mean), 0, 1))


def called_positive(
    positive: NDArray[np.bool_], probabilities: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers of false and of true positives at every distinct probability, from the highest, beginning with none."""
    scores, where = np.unique(-probabilities, return_inverse=True)
    alarms, hits = (np.bincount(where, one, len(scores)) for one in (~positive, positive))
    return np.concatenate(([0.0], np.cumsum(alarms))), np.concatenate(([0.0], np.cumsum(hits)))


def _grouped(
    positive: NDArray[np.bool_], slides: NDArray[Any] | None, random: np.random.Generator
) -> tuple[NDArray[np.intp], int]:
    """The number of each patch's unit or group ``(N,)``, and how many there are; groups hold the classes alike."""
    unit, of_patch = resampling_units(positive, slides)
    if unit == "patches" and len(positive) > _GROUPS:
        shuffled = np.lexsort((random.random(len(positive)), positive))
        of_patch = np.empty(len(positive), np.intp)
        of_patch[shuffled] = np.arange(len(positive)) % _GROUPS
    return of_patch, int(of_patch.max()) + 1


def _thresholds(row: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    shares = np.linspace(0, 1, _KNOTS)
    quantiles = [np.quantile(row[one], shares, method="lower") for one in (~positive, positive)]
    return np.unique(np.concatenate(quantiles))


def _drawn(
    above: NDArray[np.intp], of_patch: NDArray[np.intp], thresholds: int, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers of a class's drawn patches above ever lower thresholds, ``(resamples, thresholds + 1)`` from none to all.

    Args:
        above: of each of the class's patches, the highest threshold that it exceeds.
        of_patch: of each, its unit.
        thresholds: how many there are.
        weights: ``(units, resamples)``.
    """
    units, resamples = weights.shape
    table = np.bincount(of_patch * thresholds + above, minlength=units * thresholds).reshape(units, thresholds)
    counts = np.zeros((resamples, thresholds + 1))
    counts[:, 1:] = weights.T @ table[:, ::-1]
    return np.cumsum(counts, axis=1)
