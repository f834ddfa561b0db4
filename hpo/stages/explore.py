"""Stage 1, explored: ranges and a donor from the finished trials of an architecture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.config.factor import Factor, kind_of
from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.evaluation.objective import objective_of
from hpo.recipe.point import Value
from hpo.recipe.recipe import recipe_from_json
from hpo.search.designs import axis
from hpo.search.ranges import Level, best_level, level_with_best, widened
from hpo.storage.decided import Abandoned, Donor, Stage1Result
from hpo.storage.tables import PointRow


def stage1_result(study: StudyFile, architecture: str, rows: Sequence[PointRow]) -> Stage1Result | Abandoned:
    """The result of stage 1 of an architecture.

    Args:
        study: supplies the objective, the factors and the margin.
        architecture: its name.
        rows: every design point of the stage.

    Returns:
        Ranges, and the best trial as the donor; or the reason why no trial succeeded.
    """
    complete = [row for row in rows if row.state == "complete"]
    if not complete:
        return Abandoned(abandoned_reason(rows))
    objective = objective_of(study)
    space = study.space_of(architecture)
    varied = [name for name in study.stage1.factors if name in space.factors]
    ranges = {name: factor_range(study, space, name, complete) for name in varied}
    best = max(complete, key=lambda row: objective.gain(_objective(row)))
    donor = Donor(
        recipe=recipe_from_json(best.recipe or {}),
        epoch=objective.speaking_epoch(best.curve or []),
        point=dict(best.point or {}),
        recipe_key=best.recipe_key or "",
        objective=_objective(best),
    )
    return Stage1Result({name: limits for name, limits in ranges.items() if limits is not None}, donor)


def factor_range(
    study: StudyFile, space: SearchSpace, name: str, rows: Sequence[PointRow]
) -> NumericRange | ChoiceRange | None:
    """The range of one factor, by the rule of `hpo.search.ranges`; None where every trial of its axis failed.

    With ``one_factor`` a level is judged by the one trial that differs from the reference in it; with ``grid`` by the
    best trial that has it.
    """
    factor = space.factors[name]
    gain = objective_of(study).gain
    if study.stage1.design == "one_factor":
        on_axis = axis([row.point or {} for row in rows], space.reference_values, name, space.conditions)
        rows = [row for row in rows if row.point in on_axis]
    best_of_value: dict[Value, Level] = {}
    for row in rows:
        if name not in (row.point or {}):
            continue  # of a grid: it does not apply there
        value = (row.point or {})[name]
        level = Level(value, gain(_objective(row)), row.standard_error or 0.0)
        if value not in best_of_value or level.objective > best_of_value[value].objective:
            best_of_value[value] = level
    if not best_of_value:
        return None
    return _range(factor, best_of_value, study.stage1.margin, whole=kind_of(name, factor) is int)


def abandoned_reason(rows: Sequence[PointRow]) -> str:
    """Why no trial of a stage succeeded, in one line."""
    reasons = {reason for row in rows for reason in row.reasons}
    return f"none of {len(rows)} trials succeeded: {'; '.join(sorted(reasons))}"


def _range(factor: Factor, levels: dict[Value, Level], margin: float, *, whole: bool) -> NumericRange | ChoiceRange:
    best = best_level(list(levels.values())).value
    if factor.low is None or factor.high is None:
        # Words have no neighbours: each one that is level with the best is a choice.
        pairs = [level_with_best([levels[best], level], margin) for level in levels.values()]
        choices = [level.value for level, pair in zip(levels.values(), pairs, strict=True) if level in pair]
        return ChoiceRange(choices=tuple(value for value in factor.levels if value in choices), best=best)
    ordered = sorted(levels.values(), key=lambda level: float(level.value))
    values = [float(level.value) for level in ordered]
    chosen = [float(level.value) for level in level_with_best(ordered, margin)]
    low, high = widened(values, (chosen[0], chosen[-1]), (float(factor.low), float(factor.high)), factor.scale)
    if whole:
        low, high = float(math.ceil(low)), float(math.floor(high))
    return NumericRange(low=low, high=high, best=float(best))


def _objective(row: PointRow) -> float:
    if row.objective is None:
        raise ValueError(f"design point {row.id} is complete but has no objective")
    return row.objective
