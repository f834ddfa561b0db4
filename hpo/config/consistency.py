"""Whether a study file and what it names go together."""

from __future__ import annotations

from pathlib import Path

from hpo.config.architectures import FunctionSettings, architecture_name, file_problems, specification, unfitting_cnn
from hpo.config.dashboard import Dashboard
from hpo.config.explain import Problem
from hpo.config.factor import Factor, is_numeric, numbers, unusable_step
from hpo.config.fields import KNOWN_FACTORS
from hpo.config.own_factors import at_reference
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.errors import nearest
from hpo.recipe.architecture import ArchitectureSpec
from hpo.recipe.arithmetic import why_not_compiled
from hpo.recipe.augmentations import Augmentations
from hpo.recipe.point import Value


def space_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """What a study asks of its search space that the space does not have.

    Args:
        study: as its file says.
        space: the search space it names.

    Returns:
        Problems located in the study file; empty if all is well.
    """
    problems: list[Problem] = []
    for stage, names in (("stage1", study.stage1.factors), ("stage2", study.stage2.factors)):
        for index, name in enumerate(names):
            text = _lacking(space, study.search_space.name, stage, name)
            if text is not None:
                problems.append(Problem((stage, "factors", index), text))
    tuned = [name for name in study.stage2.factors if name in space.factors]
    if study.stage2.design == "cmaes" and sum(is_numeric(name, space.factors[name]) for name in tuned) < 2:
        text = f"cmaes needs at least two numeric factors; found {', '.join(study.stage2.factors)}"
        problems.append(Problem(("stage2", "design"), text))
    problems += _inserting_problems(study)
    problems += _starting_problems(study, space)
    problems += _reaching_problems(study, space)
    problems += _balancing_problems(study, space)
    problems += _loss_problems(study, space)
    sample = study.data.sample
    if sample is not None and space.most_patches > sample.train:
        text = f"{study.search_space.name} asks for up to {space.most_patches} patches; found {sample.train}"
        problems.append(Problem(("data", "sample", "train"), text))
    return problems


def _inserting_problems(study: StudyFile) -> list[Problem]:
    """Where BatchNormalization is to be inserted into a model that a function makes."""
    function = next((item for item in study.architectures if isinstance(item, FunctionSettings)), None)
    if function is None:
        return []
    text = (
        f"BatchNormalization cannot be inserted into {function.name}, which a function makes; leave this out, and let "
        "the function build it in"
    )
    places = [("stage2", "batch_normalization")] if study.stage2.batch_normalization else []
    found = [Problem(place, text) for place in places]
    for stage, names in (("stage1", study.stage1.factors), ("stage2", study.stage2.factors)):
        if "batch_normalization" in names:
            found.append(Problem((stage, "factors", names.index("batch_normalization")), text))
    return found


def _starting_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """Options of shrinking and perturbing, where stage 2 tunes its start and never tries that."""
    factor = space.factors.get("warm_start")
    if not study.stage2.tunes_start or factor is None or "shrink_perturb" in factor.levels:
        return []
    listing = ", ".join(map(str, factor.levels))
    text = f"is only used with shrink_perturb; the levels of warm_start in {study.search_space.name} are {listing}"
    given = [name for name in ("shrink", "perturb") if name in study.stage2.model_fields_set]
    return [Problem(("stage2", name), text) for name in given]


def _reaching_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """Where an augmentation reaches over the whole patch, which can be mirrored once only."""
    size, file = study.data.patch_size, study.search_space.name
    found = {name: max(numbers(space.factors[name])) for name in ("shift", "blur") if name in space.factors}
    problems = []
    if found.get("shift", 0) >= size:
        text = f"patches of {size} pixels cannot be shifted by {found['shift']:g}, the most that {file} asks for"
        problems.append(Problem(("data", "patch_size"), text))
    if Augmentations(blur=found.get("blur", 0.0)).blur_radius >= size:
        text = f"a blur of {found['blur']:g}, the most that {file} asks for, reaches over patches of {size} pixels"
        problems.append(Problem(("data", "patch_size"), text))
    return problems


def _loss_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """Factors of the built-in losses, where the study has its own."""
    named = [name for name in ("loss", "focal_gamma", "poly_epsilon") if name in space.factors]
    if study.loss is None or not named:
        return []
    text = f"takes the place of the factor {named[0]}; take that out of {study.search_space.name}, or leave this out"
    return [Problem(("loss",), text)]


def _balancing_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """Factors for classes of unequal size, where a training has equally many patches of each."""
    if study.data.balance != "equal":
        return []
    usual: dict[str, Value] = {"class_weights": "none", "balanced_sampling": False}
    asked = [name for name in usual if name in space.factors and {*_values(space.factors[name])} != {usual[name]}]
    return [
        Problem(
            ("data", "balance"),
            f"{name} of {study.search_space.name} has no effect on equally many patches of each class; set natural, or "
            "take it out there",
        )
        for name in asked
    ]


def _values(factor: Factor) -> tuple[Value, ...]:
    return (factor.reference, *factor.levels)


def panel_problems(dashboard: Dashboard, space: SearchSpace) -> list[Problem]:
    """Factors that a dashboard shows and nobody knows, located in the dashboard's file."""
    known = {*KNOWN_FACTORS, *space.factors}
    return [
        Problem(("panels", index, "factor"), f"{panel.factor!r} is not a factor; {nearest(panel.factor, known)}")
        for index, panel in enumerate(dashboard.panels)
        if panel.factor is not None and panel.factor not in known
    ]


def architecture_specs(
    study: StudyFile, folder: Path, space: SearchSpace
) -> tuple[dict[str, ArchitectureSpec], list[Problem]]:
    """The study's architectures by name, at the search space's reference, and what is wrong with them.

    Functions are looked for, and not imported, in the study file's folder and on the Python path.
    """
    specs: dict[str, ArchitectureSpec] = {}
    problems: list[Problem] = []
    for index, item in enumerate(study.architectures):
        lacking = file_problems(item.files, folder) if isinstance(item, FunctionSettings) else []
        if lacking:
            problems += [Problem(("architectures", index, *one.location), one.text) for one in lacking]
            continue
        try:
            spec = specification(item, folder)
        except ValueError as error:
            problems.append(Problem(("architectures", index, "function"), str(error)))
            continue
        if (text := unfitting_cnn(spec, study.data.patch_size)) is not None:
            problems.append(Problem(("architectures", index), text))
        if study.arithmetic.jit_compile and (text := why_not_compiled(spec)) is not None:
            problems.append(Problem(("architectures", index), text))
        specs[architecture_name(item)] = spec
    specs, more = at_reference(study, folder, space, specs)
    return specs, problems + more


def _lacking(space: SearchSpace, file: str, stage: str, name: str) -> str | None:
    if name not in space.factors:
        return f"{name!r} is not in the search space {file}; {nearest(name, space.factors)}"
    factor = space.factors[name]
    if stage == "stage1":
        if len(factor.levels) < 2:
            return f"stage 1 needs at least two levels of {name!r} in {file}; found {len(factor.levels)}"
    elif is_numeric(name, factor):
        if factor.low == factor.high:
            return f"stage 2 needs bounds (low, high) or levels of {name!r} in {file}; found none"
        text = unusable_step(name, factor)
        return text and f"the step of {name!r} in {file} {text}"
    elif len(factor.levels) < 2:
        return f"stage 2 needs at least two levels of {name!r} in {file}; found {len(factor.levels)}"
    return None
