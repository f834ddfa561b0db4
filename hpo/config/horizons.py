"""Horizons of learning-rate strategies beside the lengths of a study's trainings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import cast

from hpo.config.rungs import first_rung
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.recipe.schedule import StrategyName

_FALLEN = 0.25
"""Share of a horizon before which its rate has hardly fallen: a cosine's is at 85% of the initial one there."""


def horizon_lines(study: StudyFile) -> list[str]:
    """What a user should know of horizons beside the study's trainings, a line each; empty if all is well.

    They are not met, or the pauses of stage 2 come so early that a strategy with a horizon cannot show its worth.
    """
    space, final = study.space, study.confirm.epochs
    factor = space.factors.get("strategy")
    epochs = space.factors["epochs"]
    explored = [epochs.reference, *(epochs.levels if "epochs" in study.stage1.factors else ())]
    longest = max(final, study.stage2.epochs, *map(int, explored))
    lines = []
    for name, horizon in _horizons(space).items():
        if horizon is None:
            continue
        if horizon > longest:
            lines.append(
                f"{name}: the longest training takes {longest} epochs and its horizon is {horizon}, so that the rate "
                "never reaches its end"
            )
        elif horizon < final:
            lines.append(
                f"{name}: the rate stays at its end after {horizon} epochs, and the final trainings take {final}"
            )
        elif study.confirm.equal_training and factor is not None and name == factor.reference:
            lines.append(
                f"{name}: the reference is trained as long as the tuned model and its donors (confirm.equal_training); "
                f"what goes beyond {horizon} epochs is trained at the rate of the end"
            )
    return lines + _judged_early(study)


def _horizons(space: SearchSpace) -> dict[str, int | None]:
    """Of each strategy that the search space names, the horizon in epochs; None if it has none."""
    factor = space.factors.get("strategy")
    names = [] if factor is None else dict.fromkeys(map(str, (factor.reference, *factor.levels)))
    return {name: replace(space.strategy, name=cast(StrategyName, name)).horizon for name in names}


def _judged_early(study: StudyFile) -> list[str]:
    """Strategies that pauses compare with others long before their rates fall."""
    stage2, horizons = study.stage2, _horizons(study.space)
    if not stage2.is_pool or "strategy" not in stage2.factors or len(horizons) == 1:
        return []
    first = first_rung(stage2.rungs, stage2.epochs)
    lines = []
    for name, horizon in horizons.items():
        if horizon is None or first >= _FALLEN * horizon:
            continue
        others = ", ".join(other for other in horizons if other != name)
        epochs = f"{first} epoch" + ("s" if first > 1 else "")
        lines.append(
            f"{name}: stage 2 compares it with {others} after {epochs}, when its rate has hardly fallen; pause later "
            f"(stage2.rungs: {{first: {math.ceil(_FALLEN * horizon)}}}), or search no other strategy"
        )
    return lines
