"""What a resample draws: slides (or patches), and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["slides", "patches"]


def resampling_units(labels: NDArray[Any], slides: NDArray[Any] | None) -> tuple[Unit, NDArray[np.intp]]:
    """What is resampled: slides if there are at least three and each class is on two or more, otherwise patches.

    Args:
        labels: ``(N,)``, numbers of classes.
        slides: ``(N,)``, which slide each patch is from, where that is known.

    Returns:
        The kind of unit, and ``(N,)`` the number of each patch's unit, from 0.
    """
    if slides is not None:
        names, of_patch = np.unique(slides, return_inverse=True)
        on = [len(np.unique(of_patch[labels == label])) for label in np.unique(labels)]
        if len(names) >= 3 and min(on) >= 2:
            return "slides", of_patch.reshape(-1)
    return "patches", np.arange(len(labels))


def unit_totals(of_patch: NDArray[np.intp], units: int, columns: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Sums of each ``(N,)`` column over each unit's patches, ``(units, columns)``."""
    return np.stack([np.bincount(of_patch, column, units) for column in columns], axis=1)


def draw_units(random: np.random.Generator, size: int, classes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often each unit is drawn in each of ``size`` resamples, ``(units, size)``.

    A resample draws as many as there are, with replacement. One without patches of a class that there is, is drawn
    again.

    Args:
        random: the generator.
        size: how many resamples.
        classes: ``(units, K)``: how many patches of each class each unit has.
    """
    units = len(classes)
    present = classes[:, classes.sum(axis=0) > 0]
    weights = _drawn(random, size, units)
    while len(poor := np.flatnonzero(~(present.T @ weights > 0).all(axis=0))):
        weights[:, poor] = _drawn(random, len(poor), units)
    return weights


def draw_seeds(random: np.random.Generator, size: int, seeds: int) -> NDArray[np.float64]:
    """Each seed's share of the mean in each of ``size`` resamples, ``(size, seeds)``; S of S seeds are drawn."""
    return random.multinomial(seeds, np.full(seeds, 1 / seeds), size) / seeds


def _drawn(random: np.random.Generator, size: int, units: int) -> NDArray[np.float64]:
    chosen = random.integers(0, units, (units, size)) * size + np.arange(size)
    return np.bincount(chosen.reshape(-1), minlength=units * size).reshape(units, size).astype(np.float64)
