"""Horizons of learning-rate strategies beside the lengths of a study's trainings."""

from __future__ import annotations

from dataclasses import replace

from hpo.config.study import StudyFile


def horizon_lines(study: StudyFile) -> list[str]:
    """What a user should know of horizons that the study's trainings do not meet, a line each; empty if all is well."""
    space, final = study.space, study.confirm.epochs
    factor = space.factors.get("strategy")
    used = [] if factor is None else dict.fromkeys([factor.reference, *factor.levels])
    epochs = space.factors["epochs"]
    explored = [epochs.reference, *(epochs.levels if "epochs" in study.stage1.factors else ())]
    longest = max(final, study.stage2.epochs, *map(int, explored))
    lines = []
    for name in used:
        horizon = replace(space.strategy, name=name).horizon  # type: ignore[arg-type]  # validated as one of them
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
    return lines
