"""Whether described CNNs can be built wherever a search space takes their factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hpo.config.architectures import FunctionSettings, unfitting_cnn
from hpo.config.explain import Problem
from hpo.config.factor import Factor, cnn_factor_problems, numbers
from hpo.config.search_space import SearchSpace
from hpo.config.study import StudyFile
from hpo.recipe.architecture import CNN_FACTORS, ArchitectureSpec, Argument, CnnSpec, own_factors, with_own_factors
from hpo.recipe.arithmetic import why_not_compiled

_SMALLEST_LAST = {"depth": max, "kernel": max, "pool": max, "crop": min}
"""The end of each factor at which the last layer's input is smallest."""


def cnn_value_problems(study: StudyFile, space: SearchSpace) -> list[Problem]:
    """Values that a described CNN of the study cannot take, located in the search space's file."""
    if all(isinstance(item, FunctionSettings) for item in study.architectures):
        return []
    return [
        Problem(("factors", name, *problem.location), problem.text)
        for name, factor in space.factors.items()
        if name in CNN_FACTORS
        for problem in cnn_factor_problems(name, factor)
    ]


def cnn_size_problems(study: StudyFile, space: SearchSpace, specs: Mapping[str, ArchitectureSpec]) -> list[Problem]:
    """Described CNNs that cannot be built at some end of their factors, located in the study file.

    Args:
        study: as its file says.
        space: without problems by `cnn_value_problems`.
        specs: the architectures at the search space's reference.
    """
    problems: list[Problem] = []
    for index, (name, spec) in enumerate(specs.items()):
        varied = {factor: space.factors[factor] for factor in own_factors(spec) if factor in space.factors}
        if not isinstance(spec, CnnSpec) or not varied:
            continue
        for values in _ends(varied):
            text = unfitting_cnn(changed := with_own_factors(spec, values), study.data.patch_size)
            if text is None and study.arithmetic.jit_compile:
                text = why_not_compiled(changed)
            if text is not None:
                at = ", ".join(f"{factor} {value}" for factor, value in values.items())
                problems.append(Problem(("architectures", index), f"{name} with {at} of the search space: {text}"))
                break
    return problems


def _ends(varied: Mapping[str, Factor]) -> Iterator[Mapping[str, Argument]]:
    """Settings that show whatever may be wrong: the smallest images, then what some values alone cannot do."""
    yield {name: int(end(numbers(varied[name]))) for name, end in _SMALLEST_LAST.items() if name in varied}
    if "crop" in varied:
        yield {"crop": int(max(numbers(varied["crop"])))}
    if "residual" in varied:
        yield from ({"residual": level} for level in varied["residual"].levels)
    if "pool" in varied:
        least, most = min(numbers(varied["pool"])), max(numbers(varied["pool"]))
        yield from ({"pool": side} for side in range(int(least), int(most) + 1))
