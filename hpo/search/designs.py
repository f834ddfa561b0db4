"""Designs with points known in advance: the settings that stage 1 trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from hpo.recipe.conditions import NO_CONDITIONS, Conditions, applicable, axis_base, is_on_axis
from hpo.recipe.point import Point, Value, point_key

Levels = Mapping[str, Sequence[Value]]
"""From a factor's name to its levels, in the order of the search space."""


def one_factor(reference: Point, levels: Levels, conditions: Conditions = NO_CONDITIONS) -> list[Point]:
    """One factor varied at a time, the others at their reference values.

    Args:
        reference: the value of every factor, whether it applies or not.
        levels: of the factors to vary; each axis also passes through the reference. Where a factor does not apply at
            the reference, those that it depends on have values at which it does.
        conditions: of factors that do not always apply.

    Returns:
        The reference point first, then each axis in order; no point twice.

    Source: Johny et al. 2021, section 3: the first stage.
    """
    axes = [
        {**axis_base(reference, (name,), conditions), name: level}
        for name, values in levels.items()
        for level in values
    ]
    return _distinct([reference, *axes], conditions)


def grid(reference: Point, levels: Levels, conditions: Conditions = NO_CONDITIONS) -> list[Point]:
    """Every combination of the levels, factors without levels at their reference values.

    Args:
        reference: the value of every factor, whether it applies or not.
        levels: of the factors to combine.
        conditions: of factors that do not always apply.

    Returns:
        The reference point first (the report's "before"), then the grid in lexicographic order; no point twice.
    """
    combinations = [{**reference, **dict(zip(levels, values, strict=True))} for values in product(*levels.values())]
    return _distinct([reference, *combinations], conditions)


def axis(points: Sequence[Point], reference: Point, factor: str, conditions: Conditions = NO_CONDITIONS) -> list[Point]:
    """The points of a factor's axis, as `one_factor` makes them."""
    return [point for point in points if factor in point and is_on_axis(point, (factor,), reference, conditions)]


def _distinct(points: Sequence[Point], conditions: Conditions) -> list[Point]:
    """Each point once, without what does not apply."""
    first: dict[str, Point] = {}
    for point in (applicable(one, conditions) for one in points):
        first.setdefault(point_key(point), point)
    return list(first.values())
