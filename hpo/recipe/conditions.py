"""Factors that apply only where other factors have certain values.

A value that does not apply is in no design point: its training is as if the search space did not name the factor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hpo.recipe.point import Point, Value

Conditions = Mapping[str, Mapping[str, tuple[Value, ...]]]
"""From a factor to the factors that it depends on, each with the values at which it applies; all must hold."""

NO_CONDITIONS: Conditions = {}


def applicable(point: Point, conditions: Conditions) -> dict[str, Value]:
    """The point without the values that do not apply.

    Args:
        point: a value of each factor.
        conditions: in no circle. A factor whose condition names one that the point lacks does not apply.
    """
    return {name: value for name, value in point.items() if _applies(name, point, conditions)}


def _applies(name: str, point: Point, conditions: Conditions) -> bool:
    return all(
        parent in point and point[parent] in allowed and _applies(parent, point, conditions)
        for parent, allowed in conditions.get(name, {}).items()
    )


def may_apply(name: str, conditions: Conditions, fixed: Point) -> bool:
    """Whether a factor applies at some values of the factors that are not fixed."""
    return all(
        (parent not in fixed or fixed[parent] in allowed) and may_apply(parent, conditions, fixed)
        for parent, allowed in conditions.get(name, {}).items()
    )


def parents_first(names: Collection[str], conditions: Conditions) -> list[str]:
    """The names, factors without conditions first and the others after all that they depend on; else in their order."""
    ordered = [name for name in names if name not in conditions]
    while len(ordered) < len(names):
        ordered += [
            name
            for name in names
            if name not in ordered and all(one in ordered or one not in names for one in conditions[name])
        ]
    return ordered


def axis_base(reference: Point, factors: Collection[str], conditions: Conditions) -> dict[str, Value]:
    """The point round which factors are varied: the reference, where need be with values at which they apply.

    Args:
        reference: a value of each factor, whether it applies or not.
        factors: to be varied; they keep their reference values here.
        conditions: of all factors. Of several allowed values that differ from the reference, the first is taken.
    """
    base = dict(reference)
    needed = list(factors)
    while needed:
        for parent, allowed in conditions.get(needed.pop(), {}).items():
            if parent not in factors and parent in base:
                base[parent] = base[parent] if base[parent] in allowed else allowed[0]
                needed.append(parent)
    return base


def is_on_axis(point: Point, factors: Collection[str], reference: Point, conditions: Conditions) -> bool:
    """Whether all factors of a point except the given ones are as at the reference, so far as they apply.

    Args:
        point: without what does not apply.
        factors: that may differ.
        reference: a value of each factor, whether it applies or not; factors that it lacks are not compared.
        conditions: of all factors.
    """
    base = axis_base(reference, factors, conditions)
    expected = applicable({**base, **{name: point[name] for name in factors if name in point}}, conditions)
    others = {name: value for name, value in point.items() if name not in factors and name in reference}
    return all(name in expected and expected[name] == value for name, value in others.items())


def conflict(name: str, conditions: Conditions) -> str | None:
    """Why a factor can never apply, in words; None if it may.

    Args:
        name: of the factor.
        conditions: in no circle.
    """
    needed: dict[str, tuple[tuple[Value, ...], str]] = {}
    pending = [name]
    while pending:
        child = pending.pop()
        for parent, allowed in conditions.get(child, {}).items():
            before, by = needed.get(parent, (allowed, child))
            both = tuple(value for value in before if value in allowed)
            if not both:
                return (
                    f"can never hold: {parent} would have to be {alternatives(before)} (for {by}) and "
                    f"{alternatives(allowed)} (for {child})"
                )
            needed[parent] = (both, child)
            pending.append(parent)
    return None


def circle(name: str, conditions: Conditions) -> list[str]:
    """The factors that a factor depends on until it comes back to itself; empty if it never does."""

    def back(path: list[str]) -> list[str]:
        for parent in conditions.get(path[-1], {}):
            if parent == name:
                return [*path, name]
            if parent not in path and (found := back([*path, parent])):
                return found
        return []

    return back([name])


def alternatives(values: Collection[Any]) -> str:
    """Such as ``sgd or rmsprop``, as a YAML file would have it."""
    return " or ".join({True: "true", False: "false"}[one] if isinstance(one, bool) else str(one) for one in values)
