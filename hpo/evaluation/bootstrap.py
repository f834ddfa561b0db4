"""Bootstrap draws of the metrics: slides (or patches) and seeds resampled, all sides on the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.metrics import METRICS
from hpo.evaluation.resampling import Unit, draw_seeds, draw_units, resampling_units
from hpo.evaluation.scores import metrics_of
from hpo.evaluation.weighted import WeightedMetrics
from hpo.evaluation.weighted_classes import WeightedClasses

_CELLS = 2**19  # weights at a time: those of 16 resamples of 32,768 patches stay in a core's cache


@dataclass(frozen=True, eq=False)
class Draws:
    """What the resamples gave.

    Args:
        unit: what was resampled.
        units: how many of them there are.
        per_seed: ``(sides, seeds, metrics)`` on the whole split.
        resampled: ``(resamples, sides, seeds, metrics)``, on the drawn units.
        shares: ``(resamples, seeds)``, each seed's share of the mean over the drawn seeds.
        left_out: ``(units, sides, metrics)``, means over the seeds on all units but one.
    """

    unit: Unit
    units: int
    per_seed: NDArray[np.float64]
    resampled: NDArray[np.float64]
    shares: NDArray[np.float64]
    left_out: NDArray[np.float64]


def draw_metrics(
    labels: NDArray[Any],
    sides: Sequence[NDArray[Any]],
    *,
    slides: NDArray[Any] | None = None,
    metrics: Sequence[str] = METRICS,
    resamples: int = 2000,
    seed: int = 0,
) -> Draws:
    """Metrics of each side and seed in every resample; all sides share the resampled units and seeds (paired).

    Args:
        labels: ``(N,)``, numbers of classes; N >= 3.
        sides: one ``(S, N)`` array of probabilities of label 1 a side, or ``(S, N, K)`` of each of K classes; of the
            same S seeds in the same order.
        slides: ``(N,)``, which slide each patch is from. They are the units if there are at least three and each
            class is on two or more; otherwise patches are.
        metrics: of `METRICS`, or ``loss``; of K classes any that `WeightedClasses` supports.
        resamples: how many.
        seed: of the random draws; equal seeds give equal draws.

    Raises:
        ValueError: if shapes do not match or there are fewer than three patches.
    """
    labels = np.asarray(labels)
    _check(labels, sides)
    unit, of_patch = resampling_units(labels, slides)
    seeds = len(sides[0])
    weigh = WeightedMetrics if sides[0].ndim == 2 else WeightedClasses
    weighted = weigh(labels, [row for side in sides for row in side], of_patch, metrics)
    random = np.random.default_rng(seed)
    shares = draw_seeds(random, resamples, seeds)
    chunk = max(1, _CELLS // len(labels))
    resampled = np.concatenate(
        [
            weighted.drawn(draw_units(random, min(chunk, resamples - start), weighted.classes))
            for start in range(0, resamples, chunk)
        ],
        axis=2,
    )
    per_seed = [[_whole(labels, row, metrics) for row in side] for side in sides]
    by_seed = (len(metrics), len(sides), seeds, -1)
    return Draws(
        unit,
        weighted.units,
        np.array(per_seed),
        resampled.reshape(by_seed).transpose(3, 1, 2, 0),
        shares,
        weighted.without_each().reshape(by_seed).mean(axis=2).transpose(2, 1, 0),
    )


def _check(labels: NDArray[Any], sides: Sequence[NDArray[Any]]) -> None:
    if labels.ndim != 1 or len(labels) < 3:
        raise ValueError(f"a bootstrap needs at least three patches; labels have shape {labels.shape}")
    shape = (len(sides[0]), len(labels), *sides[0].shape[2:])
    if shape[0] < 1 or any(side.shape != shape for side in sides):
        raise ValueError(f"probabilities must all be {shape}: {[side.shape for side in sides]}")


def _whole(labels: NDArray[Any], row: NDArray[Any], metrics: Sequence[str]) -> list[float]:
    scores = metrics_of(labels, row)
    return [scores[name] for name in metrics]
