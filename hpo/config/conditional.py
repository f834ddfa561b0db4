"""Whether the conditions of a search space's factors can hold."""

from __future__ import annotations

from collections.abc import Mapping

from hpo.config.explain import Problem, shown
from hpo.config.factor import Factor, fitting_value, kind_of, numbers
from hpo.errors import nearest
from hpo.recipe.conditions import Conditions, circle, conflict
from hpo.recipe.point import Value


def conditions_of(factors: Mapping[str, Factor]) -> Conditions:
    """The conditions of the factors that have any."""
    return {name: factor.only_if for name, factor in factors.items() if factor.only_if is not None}


def with_possible(factors: Mapping[str, Factor]) -> dict[str, Factor]:
    """The factors without those whose conditions name a factor that is not among them, and so never hold."""
    kept = dict(factors)
    while lacking := [name for name, factor in kept.items() if not (factor.only_if or {}).keys() <= kept.keys()]:
        for name in lacking:
            del kept[name]
    return kept


def condition_problems(factors: Mapping[str, Factor]) -> list[Problem]:
    """Conditions that name no factor or a value that it does not take, or can never hold; located in the factors."""
    conditions, problems = conditions_of(factors), []
    for name, condition in conditions.items():
        if name in ("epochs", "patches"):
            problems.append(Problem((name, "only_if"), f"{name} always applies; leave this out"))
        for parent, values in condition.items():
            at = (name, "only_if", parent)
            if parent not in factors:
                text = f"{parent!r} is not a factor of this search space; {nearest(parent, factors)}"
                problems.append(Problem(at, text))
                continue
            problems += [Problem(at, text) for value in values if (text := _not_taken(parent, value, factors[parent]))]
    if problems:
        return problems
    for name in conditions:
        if path := circle(name, conditions):
            problems.append(Problem((name, "only_if"), f"is a circle: {', which depends on '.join(path)}"))
    if problems:
        return problems
    found = {name: conflict(name, conditions) for name in conditions}
    return [Problem((name, "only_if"), text) for name, text in found.items() if text is not None]


def _not_taken(name: str, value: Value, factor: Factor) -> str:
    """Why a factor never has a value, in words; empty if it may."""
    try:
        fitted = fitting_value(name, value, factor)
    except ValueError as error:
        return f"{name} {error}"
    possible = factor.levels or (factor.reference,)
    if kind_of(name, factor) is not int:  # a number between two levels is hardly ever met to the last digit
        if fitted in possible:
            return ""
        listing = ", ".join(shown(level) for level in possible)
        return f"{name} never is {shown(value)}: that is not among its levels ({listing})"
    low, high = min(numbers(factor)), max(numbers(factor))
    if low <= float(fitted) <= high:
        return ""
    return f"{name} never is {shown(value)}: that lies outside {low:g} to {high:g}"
