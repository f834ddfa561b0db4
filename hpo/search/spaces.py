"""Search-space factors as Optuna distributions."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)

from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.config.search_space import Factor
from hpo.recipe.point import FACTORS


def whole_factor(name: str, factor: Factor) -> BaseDistribution:
    """The distribution of a factor over all of the search space: what stage 1's trials are recorded under."""
    if factor.low is None or factor.high is None:
        return CategoricalDistribution(list(factor.levels))
    low, high = float(factor.low), float(factor.high)
    if FACTORS[name] is int:
        return IntDistribution(int(low), int(high), log=factor.scale == "log")
    # Zero has no logarithm; a factor that may be zero is recorded on the linear scale.
    return FloatDistribution(low, high, log=factor.scale == "log" and low > 0)


def within_range(name: str, factor: Factor, limits: NumericRange | ChoiceRange) -> BaseDistribution:
    """The distribution that stage 2 samples a factor from.

    Whole numbers keep to multiples of the factor's ``step`` above the range's low end.
    """
    if isinstance(limits, ChoiceRange):
        return CategoricalDistribution(list(limits.choices))
    if FACTORS[name] is int:
        low, high = round(limits.low), round(limits.high)
        if factor.step is not None:
            step = int(factor.step)
            low = -(-low // step) * step
            high = max(low, high // step * step)
            return IntDistribution(low, high, step=step)
        return IntDistribution(low, high, log=factor.scale == "log")
    return FloatDistribution(limits.low, limits.high, log=factor.scale == "log" and limits.low > 0)


def spaces_to_json(spaces: Mapping[str, BaseDistribution]) -> dict[str, str]:
    """The distributions as the database keeps them."""
    return {name: distribution_to_json(space) for name, space in spaces.items()}


def spaces_from_json(texts: Mapping[str, str]) -> dict[str, BaseDistribution]:
    """The distributions written by `spaces_to_json`."""
    return {name: json_to_distribution(text) for name, text in texts.items()}
