"""From stage 1's results to the ranges that stage 2 searches (Decision "stage 1 seeds stage 2")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.recipe.point import Value

ONE_SIDED_95 = 1.6449
"""Standard normal quantile; a difference beyond so many standard errors is unlikely to be chance."""

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Level:
    """The result of one level of a factor.

    Args:
        value: the level.
        objective: its objective; larger is better.
        standard_error: of the objective, from the validation patches; 0 where unknown.
    """

    value: Value
    objective: float
    standard_error: float = 0.0


def best_level(levels: Sequence[Level]) -> Level:
    """The level with the highest objective; the first of equals.

    Raises:
        ValueError: if there is none.
    """
    return max(levels, key=lambda level: level.objective)


def level_with_best(levels: Sequence[Level], margin: float) -> list[Level]:
    """The levels that are not distinguishable from the best of their axis.

    A level counts as equal to the best if it falls short by at most ``margin``, or by no more than chance would explain
    (one-sided 95%; the two objectives count as independent, which errs towards wider ranges).

    Args:
        levels: one axis, in the order of the values.
        margin: in the objective's own unit.

    Returns:
        The contiguous ones around the best; a good level beyond a bad one counts as noise.
    """
    best = best_level(levels)

    def is_level(level: Level) -> bool:
        chance = ONE_SIDED_95 * math.hypot(level.standard_error, best.standard_error)
        return best.objective - level.objective <= max(margin, chance)

    middle = levels.index(best)
    low, high = middle, middle
    while low > 0 and is_level(levels[low - 1]):
        low -= 1
    while high < len(levels) - 1 and is_level(levels[high + 1]):
        high += 1
    return list(levels[low : high + 1])


def widened(
    values: Sequence[float], chosen: tuple[float, float], bounds: tuple[float, float], scale: Scale
) -> tuple[float, float]:
    """The chosen interval widened by half a step to either side, on the factor's scale, within the bounds.

    Args:
        values: the axis' levels in ascending order; a step is the distance between two neighbours.
        chosen: the lowest and highest level that count as equal to the best.
        bounds: the factor's own; where the axis ends, there is no step and the end stays.
        scale: on which a half step is taken.
    """
    forward, back = (math.log, math.exp) if scale == "log" else (float, float)
    axis = [forward(value) for value in values]
    first, last = values.index(chosen[0]), values.index(chosen[1])
    low = back((axis[first - 1] + axis[first]) / 2) if first > 0 else chosen[0]
    high = back((axis[last] + axis[last + 1]) / 2) if last < len(axis) - 1 else chosen[1]
    return max(low, bounds[0]), min(high, bounds[1])


def middle(low: float, high: float, scale: Scale) -> float:
    """The middle of an interval on its scale."""
    return math.sqrt(low * high) if scale == "log" else (low + high) / 2
