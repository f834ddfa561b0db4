"""Settings near those that a user expects to be best."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.recipe.point import Value
from hpo.search.spaces import Space, on_grid

_WIDTH = 0.25
"""Standard deviation of a draw, as a share of the factor's whole span on its own scale (Mallik et al. 2023)."""


def near_prior(spaces: Mapping[str, Space], prior: Mapping[str, Value], rng: np.random.Generator) -> dict[str, Value]:
    """Draw a value of every factor: near its prior if it has one, else uniformly.

    Args:
        spaces: from factor names to what they may be.
        prior: from factor names to the values that are expected to be best.
        rng: draws the values.

    Source: Mallik et al. 2023, "PriorBand" (normal around the prior, within the bounds); words and booleans keep the
    prior's value in half of the draws.
    """
    return {name: _drawn(space, prior.get(name), rng) for name, space in spaces.items()}


def _drawn(space: Space, prior: Value | None, rng: np.random.Generator) -> Value:
    if isinstance(space, CategoricalDistribution):
        if prior in space.choices and rng.random() < 0.5:
            return prior  # type: ignore[return-value]  # one of the choices
        return space.choices[int(rng.integers(len(space.choices)))]  # type: ignore[return-value]
    scale, back = (math.log, math.exp) if space.log else (float, float)
    low, high = scale(space.low), scale(space.high)
    if prior is None or high == low:
        return _fitted(space, back(rng.uniform(low, high)))
    middle = min(max(scale(float(prior)), low), high)
    while not low <= (value := rng.normal(middle, _WIDTH * (high - low))) <= high:
        pass
    return _fitted(space, back(value))


def _fitted(space: FloatDistribution | IntDistribution, value: float) -> Value:
    """The value in the space's own type and on its grid."""
    if space.step is not None and not (isinstance(space, IntDistribution) and space.log):
        value = on_grid(space.low, space.step, round((value - space.low) / space.step))
        value = value - space.step if value > space.high else value
    clipped = min(max(value, space.low), space.high)
    return round(clipped) if isinstance(space, IntDistribution) else float(clipped)
