"""What a study asks of factors that apply only under a condition."""

from __future__ import annotations

from hpo.config.conditional import conditions_of, with_possible
from hpo.config.explain import Problem
from hpo.config.factor import kind_of
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.recipe.architecture import ArchitectureSpec, own_factors
from hpo.recipe.conditions import alternatives
from hpo.recipe.point import FACTORS


def unmet_conditions(
    space: SearchSpace, specs: dict[str, ArchitectureSpec], of_augment: tuple[str, ...]
) -> list[Problem]:
    """Factors that no architecture which has them has the condition of, located in the search space's file."""
    problems = []
    kept: set[str] = set()
    for spec in specs.values():
        own = (*FACTORS, *own_factors(spec), *of_augment)
        kept |= with_possible({name: one for name, one in space.factors.items() if name in own}).keys()
    for name, condition in conditions_of(space.factors).items():
        if name not in kept:
            text = f"can never hold: no architecture that has {name} has {' and '.join(condition)}"
            problems.append(Problem(("factors", name, "only_if"), text))
    return problems


def condition_stage_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """Factors that a stage is to vary and that do not apply there, located in the study file."""
    conditions, reference = conditions_of(space.factors), space.reference_values
    stage1, stage2 = study.stage1.factors, study.stage2.factors
    problems: list[Problem] = []
    for index, name in enumerate(stage1):
        for parent, allowed in conditions.get(name, {}).items():
            if parent not in stage1 and reference[parent] not in allowed:
                adding = "" if parent == "warm_start" else f"add {parent} to stage1.factors, or "
                text = (
                    f"{name} applies only if {parent} is {alternatives(allowed)}, and stage 1 keeps {parent} at "
                    f"{alternatives([reference[parent]])}; {adding}leave {name} out"
                )
                problems.append(Problem(("stage1", "factors", index), text))
    if "warm_start" in reference:
        reference["warm_start"] = study.stage2.warm_start  # of all of stage 2's trainings, unless it is tuned
    for index, name in enumerate(stage2):
        for parent, allowed in conditions.get(name, {}).items():
            if parent not in stage2 and parent not in stage1 and reference[parent] not in allowed:
                text = (
                    f"{name} applies only if {parent} is {alternatives(allowed)}, and no stage varies {parent}, which "
                    f"is {alternatives([reference[parent]])}; add {parent} to stage2.factors, or leave {name} out"
                )
                problems.append(Problem(("stage2", "factors", index), text))
            elif (
                parent in stage2 and kind_of(parent, space.factors[parent]) is float and not space.factors[parent].step
            ):
                text = (
                    f"{name} applies only if {parent} is {alternatives(allowed)}, which stage 2 hardly ever proposes "
                    f"between {parent}'s bounds; give {parent} a step"
                )
                problems.append(Problem(("stage2", "factors", index), text))
    if not problems and not any(_surely_applies(study, space, name) for name in stage2 if name in space.factors):
        text = "none of them applies whatever stage 1 finds; add what they depend on, or a factor without only_if"
        problems.append(Problem(("stage2", "factors"), text))
    return problems


def _surely_applies(study: StudyFile, space: SearchSpace, name: str) -> bool:
    """Whether stage 2 can try values of a factor, whatever stage 1 found."""
    return all(
        parent in study.stage2.factors or (parent not in study.stage1.factors and _surely_applies(study, space, parent))
        for parent in conditions_of(space.factors).get(name, {})
    )
