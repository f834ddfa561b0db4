"""Search-space factors as Optuna distributions."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)

from hpo.config.factor import Factor, kind_of
from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.recipe.point import Value

_FUZZ = 1e-9
"""Tolerance as a share of a step, so that rounding does not make a bound miss a step."""

Space = FloatDistribution | IntDistribution | CategoricalDistribution


def whole_factor(name: str, factor: Factor) -> Space:
    """The distribution of a factor over the whole search space, under which stage 1's trials are recorded."""
    if factor.low is None or factor.high is None:
        return CategoricalDistribution(list(factor.levels))
    low, high = float(factor.low), float(factor.high)
    if kind_of(name, factor) is int:
        return IntDistribution(int(low), int(high), log=factor.scale == "log")
    return FloatDistribution(low, high, log=factor.scale == "log")


def within_range(name: str, factor: Factor, limits: NumericRange | ChoiceRange) -> Space:
    """The distribution that stage 2 samples a factor from.

    A factor with a ``step`` keeps to ``low + k * step`` of the search space, as its levels do; a range too narrow for
    two such values holds the one next to its best. So does a range that has no whole number, of a factor of such.
    """
    if isinstance(limits, ChoiceRange):
        return CategoricalDistribution(list(limits.choices))
    low, high = limits.low, limits.high
    if factor.step is not None and factor.low is not None:
        origin, step = float(factor.low), factor.step
        first = math.ceil((low - origin) / step - _FUZZ)
        last = math.floor((high - origin) / step + _FUZZ)
        if last < first:
            bound = high if factor.high is None else float(factor.high)
            greatest = math.floor((bound - origin) / step + _FUZZ)
            first = last = min(round((limits.best - origin) / step), greatest)
        low, high = on_grid(origin, step, first), on_grid(origin, step, last)
    if kind_of(name, factor) is int:
        step = 1 if factor.step is None else int(factor.step)
        least, greatest = math.ceil(low), math.floor(high)
        if least > greatest:  # edited to lie between two whole numbers
            least = greatest = round(limits.best)
        return IntDistribution(least, greatest, log=factor.scale == "log", step=step)
    return FloatDistribution(low, high, log=factor.scale == "log", step=factor.step)


def on_grid(origin: float, step: float, number: int) -> float:
    """``origin + number * step`` as a person would write it: 0.3, not 0.30000000000000004."""
    return float(f"{origin + number * step:.12g}")


def as_written(space: BaseDistribution, value: Value) -> Value:
    """A sampler's value as a person would write it, or it would be another than that of stage 1 or of the file."""
    is_stepped = isinstance(space, FloatDistribution) and space.step is not None
    return float(f"{float(value):.12g}") if is_stepped else value


def spaces_to_json(spaces: Mapping[str, BaseDistribution]) -> dict[str, str]:
    """The distributions as the database stores them."""
    return {name: distribution_to_json(space) for name, space in spaces.items()}


def spaces_from_json(texts: Mapping[str, str]) -> dict[str, BaseDistribution]:
    """The distributions written by `spaces_to_json`."""
    return {name: json_to_distribution(text) for name, text in texts.items()}
