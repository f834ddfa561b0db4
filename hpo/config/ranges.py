"""Ranges: what stage 1 leaves for stage 2 to search, as YAML that a person may read and edit in between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, TypeAdapter, model_validator

from hpo.config.explain import Problem, config_error, refuse, shown
from hpo.config.factor import Factor, fitting_value, is_numeric
from hpo.config.fields import FactorName, FactorValue, Number, Settings, repeated_items
from hpo.config.load import validated
from hpo.config.study import StudyFile
from hpo.config.yaml_file import read_yaml, write_yaml
from hpo.errors import nearest
from hpo.recipe.key import canonical

_HEADER = """\
Ranges found by stage 1; stage 2 searches inside them. Edit this file before stage 2 starts, and it is honoured.

  {low, high, best}   a number: stage 2 proposes values from low to high; best is the best level that stage 1 saw
  {choices, best}     a word, or true and false: stage 2 proposes one of the choices

With stage2.within: space, stage 2 searches the whole search space instead, and only the best and the middle of a range
are used. Values must lie inside the search space. Factors that stage 2 does not tune stay at their best. A factor that
is not named here may take all that the search space allows; for an architecture that is not named, stage 1's own ranges
hold.
"""


class NumericRange(Settings):
    """Where stage 2 looks for a numeric factor."""

    low: Number = Field(description="least value that stage 2 proposes")
    high: Number = Field(description="greatest value that stage 2 proposes")
    best: Number = Field(description="best level of stage 1; where the factor stays if stage 2 does not tune it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            refuse([Problem(("low",), f"must be at most high, {self.high:g}; found {self.low:g}")])
        if not self.low <= self.best <= self.high:
            refuse(
                [Problem(("best",), f"lies outside low to high, {self.low:g} to {self.high:g}; found {self.best:g}")]
            )
        return self


class ChoiceRange(Settings):
    """Which words stage 2 tries for a factor that is not a number."""

    choices: tuple[FactorValue, ...] = Field(min_length=1, description="what stage 2 may propose")
    best: FactorValue = Field(description="best level of stage 1; where the factor stays if stage 2 does not tune it")

    @model_validator(mode="after")
    def _best_is_a_choice(self) -> Self:
        if self.best not in self.choices:
            listing = ", ".join(shown(choice) for choice in self.choices)
            refuse([Problem(("best",), f"{shown(self.best)} is not among the choices ({listing})")])
        return self


def _form(value: Any) -> str:
    is_choice = "choices" in value if isinstance(value, dict) else isinstance(value, ChoiceRange)
    return "<ChoiceRange>" if is_choice else "<NumericRange>"


Range = Annotated[
    Annotated[NumericRange, Tag("<NumericRange>")] | Annotated[ChoiceRange, Tag("<ChoiceRange>")], Discriminator(_form)
]
Ranges = Mapping[str, NumericRange | ChoiceRange]
"""Of one architecture: from factor to range."""


class RangesFile(Settings):
    """``ranges.yaml`` in a study's output folder."""

    architectures: dict[str, dict[FactorName, Range]] = Field(description="ranges of each architecture's factors")


def write_ranges(path: Path, ranges: Mapping[str, Ranges]) -> None:
    """Write the ranges of each architecture, below a comment that explains them.

    Args:
        path: the file to write or replace.
        ranges: from architecture to factor to range.
    """
    architectures = {name: _as_written(factors) for name, factors in ranges.items()}
    write_yaml(path, _HEADER, {"architectures": architectures})


def load_ranges(path: Path, study: StudyFile) -> dict[str, dict[str, NumericRange | ChoiceRange]]:
    """Read ranges that a person may have edited.

    Args:
        path: written by `write_ranges`.
        study: its architectures and search space say what is allowed.

    Returns:
        From architecture to factor to range; an architecture or factor may be missing.

    Raises:
        ConfigError: if the file is not valid, or goes beyond the study's search space.
    """
    document = read_yaml(path)
    ranges = validated(document, RangesFile).architectures
    problems: list[Problem] = []
    for architecture, factors in ranges.items():
        here = ("architectures", architecture)
        if architecture not in study.architecture_specs:
            text = f"is not an architecture of the study; {nearest(architecture, study.architecture_specs)}"
            problems.append(Problem(here, text))
            continue
        for name, limits in factors.items():
            known = study.space_of(architecture).factors
            if name not in known:
                text = f"is no factor of {architecture} in {study.search_space.name}; {nearest(name, known)}"
                problems.append(Problem((*here, name), text))
                continue
            if name == "warm_start" and not study.stage2.tunes_start:
                text = "is not tuned: stage2.warm_start says how all trainings of stage 2 start; take it out"
                problems.append(Problem((*here, name), text))
                continue
            problems += [
                Problem((*here, name, *problem.location), problem.text)
                for problem in _range_problems(name, limits, known[name])
            ]
    if problems:
        raise config_error(document, problems)
    return ranges


def forget_ranges(path: Path, architecture: str, found: Ranges) -> None:
    """Take the ranges of an architecture out of a file, where they are as stage 1 found them and nobody edited them."""
    if not path.exists():
        return
    architectures = read_yaml(path).values.get("architectures")
    if not isinstance(architectures, dict) or architectures.get(architecture) != _as_written(found):
        return
    rest = {name: factors for name, factors in architectures.items() if name != architecture}
    if rest:
        write_yaml(path, _HEADER, {"architectures": rest})
    else:
        path.unlink(missing_ok=True)


def _as_written(ranges: Ranges) -> dict[str, Any]:
    return {factor: canonical(limits.model_dump(mode="json")) for factor, limits in ranges.items()}


def ranges_from_json(values: Mapping[str, Any]) -> dict[str, NumericRange | ChoiceRange]:
    """The ranges of one architecture from JSON-ready values, as the database keeps them.

    Raises:
        pydantic.ValidationError: if they are not ranges.
    """
    adapter: TypeAdapter[dict[str, NumericRange | ChoiceRange]] = TypeAdapter(dict[str, Range])
    return adapter.validate_python(dict(values))


def _range_problems(name: str, limits: NumericRange | ChoiceRange, factor: Factor) -> list[Problem]:
    if isinstance(limits, ChoiceRange):
        if is_numeric(name, factor):
            return [Problem((), "is a number: expected low, high and best; found choices")]
        known = [(isinstance(level, bool), level) for level in factor.levels]  # 1 equals true, and is another level
        problems = [
            Problem(("choices", index), f"found {shown(choice)}; {nearest(str(choice), map(str, factor.levels))}")
            for index, choice in enumerate(limits.choices)
            if (isinstance(choice, bool), choice) not in known
        ]
        return problems + repeated_items("choices", limits.choices)
    if not is_numeric(name, factor) or factor.low is None or factor.high is None:
        return [Problem((), "is not a number: expected choices and best; found low, high and best")]
    text = f"the search space allows {factor.low:g} to {factor.high:g}"
    ends = {"low": limits.low, "high": limits.high}
    problems = [
        Problem((end,), f"{text}; found {value:g}")
        for end, value in ends.items()
        if not factor.low <= value <= factor.high
    ]
    try:
        fitting_value(name, limits.best, factor)
    except ValueError as error:
        problems.append(Problem(("best",), str(error)))
    return problems
