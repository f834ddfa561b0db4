"""Factors of a user's own: which of a study's architectures have which, and their values at the reference point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hpo.config.architectures import FunctionSettings, architecture_name, file_problems
from hpo.config.elsewhere import factor_elsewhere
from hpo.config.explain import Problem
from hpo.config.function_source import FoundFunction, read_function
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.config.training_functions import (
    GIVEN,
    TRAINING_FUNCTIONS,
    TrainingFunctionSettings,
    function_settings,
    function_specification,
)
from hpo.errors import nearest
from hpo.recipe.architecture import ArchitectureSpec, CnnSpec, FunctionSpec, own_factors, with_own_factors
from hpo.recipe.point import FACTORS, NEWER_FACTORS

KEEPS_SHAPES = ("dropout", "activation", "bn_momentum")
"""Factors of described CNNs that change the shape of no weight; nor does ``dropout`` of a function, as we believe."""


def at_reference(
    study: StudyFile, folder: Path, space: SearchSpace, specs: Mapping[str, ArchitectureSpec]
) -> tuple[dict[str, ArchitectureSpec], list[Problem]]:
    """The architectures with the reference values of the factors that they have.

    A function has a factor if its source lists an argument of that name, or ``arguments`` names it. The reference is
    in the specification from then on, so that whoever has the specification knows its factors.

    Args:
        study: as its file says.
        folder: the study file's.
        space: the search space that the study names.
        specs: the architectures as the study file has them.

    Returns:
        The architectures, and what is wrong with their arguments, located in the study file.
    """
    own = {name: value for name, value in space.reference_values.items() if name not in FACTORS}
    found: dict[str, ArchitectureSpec] = {}
    problems: list[Problem] = []
    for index, item in enumerate(study.architectures):
        name = architecture_name(item)
        spec = specs.get(name)
        if spec is None:
            continue
        if isinstance(item, FunctionSettings) and isinstance(spec, FunctionSpec):
            source = read_function(item.function, folder)
            problems += [
                Problem(("architectures", index, *problem.location), problem.text)
                for problem in _argument_problems(item, source, space)
            ]
            listed = {*(source.arguments or ()), *item.arguments}
            # What may not apply keeps the study file's value there, as if the search space did not name it.
            kept = {*space.conditions} & {*item.arguments}
            varied = {factor: value for factor, value in own.items() if factor in listed and factor not in kept}
            spec = replace(spec, arguments=tuple(sorted({**dict(spec.arguments), **varied}.items())))
        else:
            always = own.keys() - space.conditions.keys()
            spec = with_own_factors(spec, {factor: own[factor] for factor in own_factors(spec) if factor in always})
        found[name] = spec
    return found, problems


def training_functions(
    study: StudyFile, folder: Path, space: SearchSpace, specs: Mapping[str, ArchitectureSpec]
) -> tuple[dict[str, FunctionSpec], list[Problem]]:
    """The study's own augmentation and loss, with the reference values of the arguments that the search space names.

    Args:
        study: as its file says.
        folder: the study file's.
        space: the search space that the study names.
        specs: the architectures, none of whose factors may have the same name.

    Returns:
        Those that the study has, by their keys in its file, and what is wrong with them, located there.
    """
    owners: dict[str, tuple[str, ...]] = {name: own_factors(spec) for name, spec in specs.items()}
    found: dict[str, FunctionSpec] = {}
    problems: list[Problem] = []
    for key in TRAINING_FUNCTIONS:
        written = getattr(study, key)
        if written is None:
            continue
        item = function_settings(written)
        if lacking := file_problems(item.files, folder):
            problems += [Problem((key, *one.location), one.text) for one in lacking]
            continue
        try:
            spec = function_specification(item, folder)
        except ValueError as error:
            problems.append(Problem((key,), str(error)))
            continue
        own = {name: value for name, value in space.reference_values.items() if name not in FACTORS}
        source = read_function(item.function, folder, given=GIVEN)
        problems += [Problem((key, *one.location), one.text) for one in _argument_problems(item, source, space)]
        varied = {name: own[name] for name in {*(source.arguments or ()), *item.arguments} if name in own}
        for name, factors in owners.items():
            both = sorted(varied.keys() & {*factors})
            if both:
                text = f"{both[0]} is an argument of {item.function} and a factor of {name}; rename one of them"
                problems.append(Problem((key,), text))
        owners[item.function] = tuple(varied)
        found[key] = replace(spec, arguments=tuple(sorted({**dict(spec.arguments), **varied}.items())))
    return found, problems


def unknown_factors(
    study: StudyFile,
    folder: Path,
    space: SearchSpace,
    specs: Mapping[str, ArchitectureSpec],
    functions: Mapping[str, FunctionSpec],
) -> list[Problem]:
    """The factors that neither an architecture nor a function of the training has, located in the space's file."""
    owned = {name for spec in (*specs.values(), *functions.values()) for name in own_factors(spec)}
    unknown = [name for name in space.factors if name not in FACTORS and name not in owned]
    if not unknown:
        return []
    of_architectures = {item.function for item in study.architectures if isinstance(item, FunctionSettings)}
    listed = [name for function in of_architectures for name in read_function(function, folder).arguments or ()]
    known = {*FACTORS, *owned, *listed}
    hidden = sorted(function for function in of_architectures if read_function(function, folder).takes_any)
    text = f"is not a factor: neither of the training nor of {', '.join(specs)}"
    return [Problem(("factors", name), f"{name!r} {text}; {_way(name, known, hidden)}") for name in unknown]


def _way(name: str, known: set[str], hidden: list[str]) -> str:
    """What to write instead of an unknown factor.

    Args:
        name: the factor.
        known: the factors that there are.
        hidden: functions whose arguments their source does not list.
    """
    here = factor_elsewhere(name)
    if here in known:
        return f"here it is called {here}"
    if hidden:
        return f"if it is an argument of {' or '.join(hidden)}, give it a value in arguments; {nearest(name, known)}"
    return nearest(name, known)


def absent_factors(study: StudyFile) -> list[str]:
    """The factors that an architecture does not have, a line for each factor."""
    lines = []
    for name in study.space.factors:
        lacking = [one for one in study.architecture_specs if name not in study.space_of(one).factors]
        if lacking:
            having = [one for one in study.architecture_specs if one not in lacking]
            lines.append(f"{name} is a factor of {', '.join(having)}, not of {', '.join(lacking)}")
    return lines


def constant_objectives(study: StudyFile) -> list[str]:
    """Objectives that are the size of a network, where stage 2 tunes nothing that changes it; a line, or none."""
    sizes = [name for name in study.objectives if name in ("parameters", "model_mb")]
    sizing = [
        name
        for name in study.stage2.factors
        if name == "batch_normalization" or may_change_shapes(name, study.architecture_specs)
    ]
    if not sizes or sizing:
        return []
    return [
        f"{', '.join(sizes)} cannot be tuned: no factor of stage2.factors changes the size of a network; add one, such "
        "as filters, dense or an argument of your function"
    ]


def stage_problems(
    study: StudyFile,
    space: SearchSpace,
    specs: Mapping[str, ArchitectureSpec],
    functions: Mapping[str, FunctionSpec],
) -> list[Problem]:
    """What the stages ask of own factors that cannot be had, located in the study file."""
    problems: list[Problem] = []
    of_functions = [name for function in functions.values() for name in own_factors(function)]
    for name, spec in specs.items():
        absent = {factor for factor in space.factors if factor not in FACTORS} - {*own_factors(spec), *of_functions}
        if all(factor in absent for factor in study.stage2.factors):
            text = f"{name} has none of them; add a factor that it has, or leave {name} out of architectures"
            problems.append(Problem(("stage2", "factors"), text))
    if not study.stage2.may_start_warm or study.stage2.other_shapes == "fresh":
        return problems
    tunes_start = study.stage2.tunes_start
    start = "" if tunes_start else f": {study.stage2.warm_start}"
    cold = f"{'leave warm_start out of them and ' * tunes_start}set stage2.warm_start to cold"
    for index, factor in enumerate(study.stage2.factors):
        if may_change_shapes(factor, specs):
            text = (
                f"{factor} may change the shapes of weights, and warm_start{start} takes them from one training of "
                f"stage 1, whose shape would have a head start; {cold}, or stage2.other_shapes to fresh, or tune it in "
                "stage 1 alone"
            )
            problems.append(Problem(("stage2", "factors", index), text))
    return problems


def may_change_shapes(factor: str, specs: Mapping[str, ArchitectureSpec]) -> bool:
    """Whether a factor may change the shapes of an architecture's weights."""
    having = [spec for spec in specs.values() if factor not in FACTORS and factor in own_factors(spec)]
    is_known = factor in KEEPS_SHAPES and (factor == "dropout" or all(isinstance(spec, CnnSpec) for spec in having))
    return bool(having) and not is_known


def _argument_problems(
    item: FunctionSettings | TrainingFunctionSettings, source: FoundFunction, space: SearchSpace
) -> list[Problem]:
    allowed = [*(source.arguments or ())]
    # What an older version varied for the function must not become a factor of the training without a word.
    problems = [
        Problem((), f"{item.function} has an argument {name!r}, which is a factor of the training too; rename it there")
        for name in NEWER_FACTORS
        if name in space.factors and name in {*allowed, *item.arguments}
    ]
    if source.arguments is None:
        return problems
    if source.is_short or source.first == ("hp",):
        gets = "the shape" if isinstance(item, FunctionSettings) else "two arguments (docs/functions.md)"
        takes = f"takes {', '.join(source.first) or 'no argument'}"
        text = f"{item.function} {takes}; it is given {gets}, and what is to be tuned as keyword arguments"
        return [Problem(("function",) if isinstance(item, FunctionSettings) else (), text)]
    problems += [
        Problem(("arguments", name), f"{item.function} has no argument {name!r}; {_nearest(name, allowed)}")
        for name in item.arguments
        if name not in allowed and not source.takes_any
    ]
    given = {*item.arguments, *(name for name in space.factors if name not in FACTORS)}
    lacking = [name for name in source.required if name not in given]
    if lacking:
        text = f"{item.function} needs {', '.join(lacking)}: give a value in arguments, or make it a factor"
        problems.append(Problem((), text))
    return problems


def _nearest(name: str, allowed: list[str]) -> str:
    return nearest(name, allowed) if allowed else "it takes the shape alone"
