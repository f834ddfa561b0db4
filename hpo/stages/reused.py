"""Trainings of stage 1 that are trainings of stage 2 too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optuna.distributions import CategoricalDistribution

from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.search.spaces import Space
from hpo.stages.plan import planned
from hpo.storage.decided import Stage2Plan
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow


def observations(plan: Stage2Plan, spaces: Mapping[str, Space], rows: Sequence[PointRow]) -> list[DesignPoint]:
    """Stage-1 points that are also points of stage 2: same fidelity, inside the ranges, already trained."""
    found = []
    for row, values in _inside(plan, spaces, rows):
        point = planned(plan.template, plan.point(values), label=_LABEL)
        if point.recipe_key == row.recipe_key and point.epochs == row.epochs:
            found.append(point)
    return found


def paused(plan: Stage2Plan, spaces: Mapping[str, Space], rows: Sequence[PointRow], most: int) -> list[DesignPoint]:
    """Stage-1 trainings that may continue in stage 2: the same recipe except for the seed.

    They start from random weights and have the values that stage 2 fixes.

    Args:
        plan: stage 2's.
        spaces: of the searched factors.
        rows: the points of stage 1.
        most: epochs; longer ones have nothing left to continue.
    """
    found: dict[str, DesignPoint] = {}
    for row, values in _inside(plan, spaces, sorted(rows, key=lambda row: row.epochs or 0)):
        epochs = row.epochs or 0
        if row.recipe is None or epochs > most:
            continue
        recipe: Recipe = replace(plan.template, seed=recipe_from_json(row.recipe).seed)
        same = planned(recipe, {**plan.point(values), "epochs": epochs}, label=_LABEL)
        if same.recipe_key == row.recipe_key:
            found[same.recipe_key or ""] = same
    return [found[key] for row in rows if (key := row.recipe_key or "") in found and found[key].epochs == row.epochs]


_LABEL = {"origin": "stage 1"}


def _inside(
    plan: Stage2Plan, spaces: Mapping[str, Space], rows: Sequence[PointRow]
) -> Iterator[tuple[PointRow, dict[str, Any]]]:
    """Complete points whose values lie inside the ranges, with their values of the searched factors."""
    for row in rows:
        point = row.point or {}
        values = {name: point[name] for name in spaces if name in point}
        is_inside = all(_holds(spaces[name], value) for name, value in values.items())
        # Of a factor that applies, but had no value, nothing is known.
        has_all = plan.applied({**dict.fromkeys(spaces, ""), **values}).keys() == values.keys()
        if row.state == "complete" and is_inside and has_all:
            yield row, values


def _holds(space: Space, value: Any) -> bool:
    if isinstance(space, CategoricalDistribution):
        return value in space.choices
    return bool(space._contains(space.to_internal_repr(value)))
