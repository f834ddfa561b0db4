"""Designs with points known in advance: the settings that stage 1 trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from hpo.recipe.point import Point, Value, point_key

Levels = Mapping[str, Sequence[Value]]
"""From a factor's name to its levels, in the order of the search space."""


def one_factor(reference: Point, levels: Levels) -> list[Point]:
    """One factor varied at a time, the others at their reference values.

    Args:
        reference: the value of every factor.
        levels: of the factors to vary; each axis also passes through the reference.

    Returns:
        The reference point first, then each axis in order; no point twice.

    Source: Johny et al. 2021, section 3: the first stage.
    """
    axes = [{**reference, name: level} for name, values in levels.items() for level in values]
    return _distinct([dict(reference), *axes])


def grid(reference: Point, levels: Levels) -> list[Point]:
    """Every combination of the levels, factors without levels at their reference values.

    Args:
        reference: the value of every factor.
        levels: of the factors to combine.

    Returns:
        The reference point first (the report's "before"), then the grid in lexicographic order; no point twice.
    """
    combinations = [{**reference, **dict(zip(levels, values, strict=True))} for values in product(*levels.values())]
    return _distinct([dict(reference), *combinations])


def axis(points: Sequence[Point], reference: Point, factor: str) -> list[Point]:
    """The points that differ from the reference in at most this factor."""
    others = {name: value for name, value in reference.items() if name != factor}
    return [point for point in points if {name: point[name] for name in others} == others]


def _distinct(points: Sequence[Point]) -> list[Point]:
    first: dict[str, Point] = {}
    for point in points:
        first.setdefault(point_key(point), point)
    return list(first.values())
