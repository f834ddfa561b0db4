"""One factor of a search space: its values, and of which type they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from hpo.config.explain import Problem, shown
from hpo.config.fields import FactorValue, FactorValues, Number, Settings
from hpo.config.yaml_file import Location
from hpo.errors import nearest
from hpo.recipe.architecture import CNN_FACTORS
from hpo.recipe.point import FACTORS, NUMBER_OR_WORD, Value

_LIMITS: dict[str, tuple[float, float | None, str]] = {
    "epochs": (1, None, "at least 1"),
    "batch_size": (1, None, "at least 1"),
    "patches": (2, None, "at least 2"),
    "learning_rate": (0, None, "greater than 0"),
    "momentum": (0, 1, "at least 0 and less than 1"),
    "weight_decay": (0, None, "at least 0"),
    "stain_jitter": (0, 1, "at least 0 and less than 1"),
    "beta_1": (0, 1, "at least 0 and less than 1"),
    "beta_2": (0, 1, "at least 0 and less than 1"),
    "epsilon": (0, None, "greater than 0"),
    "clip_norm": (0, None, "at least 0"),
    "l2": (0, None, "at least 0"),
    "ema": (0, 1, "at least 0 and less than 1"),
    "label_smoothing": (0, 1, "at least 0 and less than 1"),
    "focal_gamma": (0, None, "at least 0"),
    "poly_epsilon": (-1, None, "greater than -1"),
    "frozen_layers": (0, None, "at least 0"),
    "shift": (0, None, "at least 0"),
    "brightness": (0, 1, "at least 0 and less than 1"),
    "blur": (0, 10, "at least 0 and less than 10"),
    "he_jitter": (0, 1, "at least 0 and less than 1"),
    "mixup": (0, None, "at least 0"),
    "cutmix": (0, None, "at least 0"),
    "dropout": (0, 1, "at least 0 and less than 1"),
    "filters": (1, None, "at least 1"),
    "dense": (1, None, "at least 1"),
}
"""Of each numeric factor that is known: the least value, the value it stays under, and the rule in words."""

_EXCLUSIVE = {"learning_rate", "epsilon", "poly_epsilon"}
"""Factors that may not take their least value itself."""

_CNN_LIMITS: dict[str, tuple[float, float | None, str]] = {
    "depth": (1, None, "at least 1"),
    "kernel": (1, None, "at least 1"),
    "pool": (1, None, "at least 1"),
    "crop": (1, None, "at least 1"),
    "bn_momentum": (0, 1, "at least 0 and less than 1"),
}
"""The same of factors of described CNNs that a user's function may have as well, with other values."""


class Factor(Settings):
    """One hyper-parameter: its reference value, the levels of stage 1, and the bounds of stage 2."""

    reference: FactorValue = Field(
        description="value of the reference point (the report's 'before'), and where other factors are varied"
    )
    levels: tuple[FactorValue, ...] = Field(
        default=(), description="values that stage 1 tries, the reference among them; numbers in ascending order"
    )
    low: Number | None = Field(default=None, description="least value in stage 2; by default the lowest level")
    high: Number | None = Field(default=None, description="greatest value in stage 2; by default the highest level")
    scale: Literal["linear", "log"] = Field(
        default="linear", description="on which stage 2 samples and plots are drawn: log for what spans powers of ten"
    )
    step: Number | None = Field(
        default=None, gt=0, description="stage 2 proposes low, low + step, low + 2 step, ... ; not on a log scale"
    )
    prior: FactorValue | None = Field(
        default=None, description="value that you expect to be best: stage 2 tries it early, and more values near it"
    )
    only_if: dict[str, FactorValues] | None = Field(
        default=None,
        min_length=1,
        description="other factors, each with the value or list of values at which this factor applies; elsewhere it "
        "is not searched, as if it were not in the search space",
    )


def kind_of(name: str, factor: Factor) -> type | tuple[Value, ...]:
    """The type of a factor's values, or the words that it may take.

    That of an argument of a user's function shows in its reference and levels: it is whole if all its numbers are. So
    does that of a CNN's factor whose name a function may use for something else (`cnn_factor_problems`).
    """
    if name in NUMBER_OR_WORD:
        words = (factor.reference, *factor.levels)
        return tuple(dict.fromkeys(words)) if all(isinstance(word, str) for word in words) else int
    known = FACTORS.get(name) or (CNN_FACTORS.get(name) if name in _LIMITS else None)
    if known is not None:
        return known
    values = (factor.reference, *factor.levels)
    if all(isinstance(value, bool) for value in values):
        return bool
    if all(isinstance(value, str) for value in values):
        return tuple(dict.fromkeys(values))
    mentioned = [value for value in (*values, factor.low, factor.high, factor.step) if isinstance(value, int | float)]
    return int if all(float(value).is_integer() for value in mentioned) else float


def fitting_value(name: str, value: Value, factor: Factor) -> Value:
    """The value as the factor's own type: 32.0 becomes 32 for a batch size, 1 becomes 1.0 for a learning rate.

    Raises:
        ValueError: if the factor cannot take the value; says what it can take.
    """
    return _fitting(name, value, kind_of(name, factor), _LIMITS)


def _fitting(
    name: str,
    value: Value,
    kind: type | tuple[Value, ...],
    limits: Mapping[str, tuple[float, float | None, str]],
) -> Value:
    if isinstance(kind, tuple):
        if value not in kind:
            raise ValueError(f"found {shown(value)}; {nearest(str(value), map(str, kind))}")
        return value
    if kind is bool:
        if not isinstance(value, bool):
            is_function = name == "augmentation" and ":" in str(value)
            own = "; augment of the study file names a function of your own" if is_function else ""
            raise ValueError(f"must be true or false; found {shown(value)}{own}")
        return value
    if isinstance(value, bool | str) or (kind is int and float(value) != int(value)):
        raise ValueError(f"must be a {'whole number' if kind is int else 'number'}; found {shown(value)}")
    if name in limits:
        least, under, rule = limits[name]
        if value < least or (value == least and name in _EXCLUSIVE) or (under is not None and value >= under):
            raise ValueError(f"must be {rule}; found {shown(value)}")
    return int(value) if kind is int else float(value)


def is_least(name: str, value: float) -> bool:
    """Whether a known factor can have no lower value than this; of other factors nobody can tell."""
    limits = _LIMITS | _CNN_LIMITS
    return name in limits and name not in _EXCLUSIVE and value <= limits[name][0]


def is_numeric(name: str, factor: Factor) -> bool:
    """Whether the factor is a number, and so has bounds; words and booleans have levels only."""
    return kind_of(name, factor) in (int, float)


def unusable_step(name: str, factor: Factor) -> str | None:
    """Why stage 2 cannot go by a completed numeric factor's step, in words; None if it can, or there is none."""
    if factor.step is None or factor.low is None or factor.high is None:
        return None
    if kind_of(name, factor) is int and not factor.step.is_integer():
        return f"must be a whole number, as {name} is; found {factor.step:g}"
    if factor.step > (factor.high - factor.low) * (1 + 1e-9):
        return f"must be at most high - low, {factor.high - factor.low:g}, or nothing is varied; found {factor.step:g}"
    return None


def is_switch(factor: Factor) -> bool:
    """Whether a completed factor's step leaves two numbers, such as a momentum that is on or off."""
    if factor.step is None or factor.low is None or factor.high is None:
        return False
    return factor.low + 2 * factor.step > factor.high


def numbers(factor: Factor) -> list[float]:
    """All the numbers that a numeric factor mentions."""
    return [float(value) for value in (factor.reference, *factor.levels, factor.low, factor.high) if value is not None]


def completed(name: str, factor: Factor) -> Factor:
    """The factor with its values in its own type, and the bounds that its levels imply."""
    reference = fitting_value(name, factor.reference, factor)
    levels = tuple(fitting_value(name, level, factor) for level in factor.levels)
    low, high = factor.low, factor.high
    if not is_numeric(name, factor):
        levels = levels or (reference,)
    elif low is None:
        ends = levels or (reference,)
        low, high = float(ends[0]), float(ends[-1])
    prior = None if factor.prior is None else fitting_value(name, factor.prior, factor)
    values = {"reference": reference, "levels": levels, "low": low, "high": high, "prior": prior}
    found = factor.model_copy(update=values)
    # What was implied was not said: a factor that Python code made is written as that code made it.
    found.model_fields_set.intersection_update(factor.model_fields_set)
    return found


def factor_problems(name: str, factor: Factor) -> list[Problem]:
    """What is wrong with a factor, located within it; empty if nothing is."""
    problems = _value_problems(name, factor, kind_of(name, factor), _LIMITS)
    if problems:
        return problems
    if factor.levels and factor.reference not in factor.levels:
        listing = ", ".join(shown(level) for level in factor.levels)
        problems.append(Problem(("reference",), f"{shown(factor.reference)} is not among the levels ({listing})"))
    problems += _numeric_problems(factor) if is_numeric(name, factor) else _word_problems(name, factor)
    return problems or _prior_problems(name, factor)


def cnn_factor_problems(name: str, factor: Factor) -> list[Problem]:
    """What a described CNN cannot do with a factor of its own, located within it; empty if nothing is."""
    problems = _value_problems(name, factor, CNN_FACTORS[name], _CNN_LIMITS)
    if CNN_FACTORS[name] is int and factor.step is not None and not factor.step.is_integer():
        problems.append(Problem(("step",), f"must be a whole number; found {shown(factor.step)}"))
    return problems


def _value_problems(
    name: str,
    factor: Factor,
    kind: type | tuple[Value, ...],
    limits: Mapping[str, tuple[float, float | None, str]],
) -> list[Problem]:
    said = factor.model_fields_set
    values: list[tuple[Location, Value]] = [(("reference",), factor.reference)]
    if "levels" in said:
        values += [(("levels", index), level) for index, level in enumerate(factor.levels)]
    fields = ("prior", "low", "high") if kind in (int, float) else ("prior",)
    values += [((field,), value) for field in fields if field in said and (value := getattr(factor, field)) is not None]
    problems: list[Problem] = []
    for location, value in values:
        try:
            _fitting(name, value, kind, limits)
        except ValueError as error:
            problems.append(Problem(location, str(error)))
    return problems


def _prior_problems(name: str, factor: Factor) -> list[Problem]:
    if factor.prior is None:
        return []
    if not is_numeric(name, factor):
        listing = ", ".join(shown(level) for level in factor.levels or (factor.reference,))
        inside = factor.prior in (factor.levels or (factor.reference,))
        return [] if inside else [Problem(("prior",), f"{shown(factor.prior)} is not among the levels ({listing})")]
    numbers = [float(level) for level in factor.levels] or [float(factor.reference)]
    low = numbers[0] if factor.low is None else factor.low
    high = numbers[-1] if factor.high is None else factor.high
    if low <= float(factor.prior) <= high:
        return []
    text = f"lies outside low to high, {low:g} to {high:g}; found {shown(factor.prior)}"
    return [Problem(("prior",), text)]


def _word_problems(name: str, factor: Factor) -> list[Problem]:
    problems = [
        Problem((field,), f"{name} is not a number: it has a reference and levels only")
        for field in ("low", "high", "scale", "step")
        if field in factor.model_fields_set
    ]
    return problems + [
        Problem(("levels", index), f"{shown(level)} is listed twice")
        for index, level in enumerate(factor.levels)
        if level in factor.levels[:index]
    ]


def _numeric_problems(factor: Factor) -> list[Problem]:
    problems: list[Problem] = []
    levels = [float(level) for level in factor.levels]
    for index in range(1, len(levels)):
        if levels[index] <= levels[index - 1]:
            text = f"levels go up: {levels[index]:g} after {levels[index - 1]:g}"
            problems.append(Problem(("levels", index), text))
    if (factor.low is None) != (factor.high is None):
        given, lacking = ("low", "high") if factor.high is None else ("high", "low")
        problems.append(Problem((given,), f"needs {lacking} too"))
    elif factor.low is not None and factor.high is not None:
        if factor.low >= factor.high:
            problems.append(Problem(("low",), f"must be less than high, {factor.high:g}; found {factor.low:g}"))
        else:
            values: list[tuple[Location, float]] = [(("reference",), float(factor.reference))]
            values += [(("levels", index), level) for index, level in enumerate(levels)]
            text = f"lies outside low to high, {factor.low:g} to {factor.high:g}"
            problems += [Problem(at, text) for at, value in values if not factor.low <= value <= factor.high]
    if factor.scale == "log":
        if factor.step is not None:
            problems.append(Problem(("step",), "a log scale has no step"))
        if min(numbers(factor)) <= 0:
            problems.append(Problem(("scale",), "a log scale needs a reference, levels and bounds above 0"))
    return problems
