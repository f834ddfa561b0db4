"""Search spaces: which values each hyper-parameter may take, and which one is the reference."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from hpo.config.conditional import condition_problems, conditions_of
from hpo.config.explain import Problem, refuse, shown
from hpo.config.factor import Factor, completed, factor_problems, numbers
from hpo.config.fields import KNOWN_FACTORS, FactorName, Settings
from hpo.config.strategies import Strategies, lacking_horizon
from hpo.config.yaml_file import Location
from hpo.recipe.conditions import Conditions, applicable
from hpo.recipe.point import Value
from hpo.recipe.schedule import Strategy


def _list_factors(schema: dict[str, Any]) -> None:
    """Let editors complete the names that are known; any other may be one of a user's own function."""
    schema["properties"] = dict.fromkeys(KNOWN_FACTORS, schema["additionalProperties"])
    schema.pop("propertyNames", None)


class SearchSpace(Settings):
    """A search space: one YAML file in ``search_spaces/``."""

    factors: dict[FactorName, Factor] = Field(
        description="each hyper-parameter's reference value, levels and bounds; one that is left out keeps its default",
        json_schema_extra=_list_factors,
    )
    strategies: Strategies = Field(default_factory=Strategies, description="parameters of the learning-rate strategies")

    @field_validator("factors")
    @classmethod
    def _fitting(cls, factors: dict[str, Factor]) -> dict[str, Factor]:
        problems = [
            Problem((name, *problem.location), problem.text)
            for name, factor in factors.items()
            for problem in factor_problems(name, factor)
        ]
        problems += [
            Problem((name,), "is missing: a search space says at least the reference epochs and patches")
            for name in ("epochs", "patches")
            if name not in factors
        ]
        problems += _start_problems(factors)
        refuse(problems or condition_problems(factors))
        return {name: completed(name, factor) for name, factor in factors.items()}

    @model_validator(mode="after")
    def _batches_are_filled(self) -> Self:
        if "batch_size" in self.factors:
            largest = max(numbers(self.factors["batch_size"]))
            fewest = min(numbers(self.factors["patches"]))
            if largest > fewest:
                text = f"a batch of {largest:g} is larger than the fewest patches, {fewest:g}"
                refuse([Problem(("factors", "batch_size"), text)])
        return self

    @model_validator(mode="after")
    def _strategies_have_horizons(self) -> Self:
        factor = self.factors.get("strategy")
        if factor is not None:
            named: list[tuple[Location, Value]] = [(("reference",), factor.reference)]
            named += [(("levels", index), level) for index, level in enumerate(factor.levels)]
            found = [(place, lacking_horizon(value, self.strategies)) for place, value in named]
            refuse([Problem(("factors", "strategy", *place), text) for place, text in found if text is not None][:1])
        return self

    @property
    def conditions(self) -> Conditions:
        """When factors apply that do not always."""
        return conditions_of(self.factors)

    @property
    def reference_values(self) -> dict[str, Value]:
        """The reference value of every factor, whether it applies at the reference point or not."""
        return {name: factor.reference for name, factor in self.factors.items()}

    @property
    def reference(self) -> dict[str, Value]:
        """The reference point: every factor that applies there, at its reference value."""
        return applicable(self.reference_values, self.conditions)

    @property
    def prior(self) -> dict[str, Value]:
        """The values that the user expects to be best, of the factors that have one."""
        return {name: factor.prior for name, factor in self.factors.items() if factor.prior is not None}

    @property
    def strategy(self) -> Strategy:
        """The reference strategy, with the parameters of all."""
        known = self.factors.get("strategy")
        name = "constant" if known is None or known.only_if else known.reference
        return self.strategies.strategy(name)  # type: ignore[arg-type]  # validated as one of them

    @property
    def most_patches(self) -> int:
        """The largest number of training patches that any design point may ask for."""
        return int(max(numbers(self.factors["patches"])))

    @property
    def fewest_patches(self) -> int:
        """The smallest number of training patches that any design point may ask for."""
        return int(min(numbers(self.factors["patches"])))


def _start_problems(factors: dict[str, Factor]) -> list[Problem]:
    """Where ``warm_start`` is to hold for stage 1 too, or for some trainings of stage 2 only."""
    factor = factors.get("warm_start")
    problems = []
    if factor is not None and factor.reference != "cold":
        text = "must be cold, because the reference point and stage 1 start from random weights; list others as levels"
        problems.append(Problem(("warm_start", "reference"), f"{text}; found {shown(factor.reference)}"))
    if factor is not None and factor.only_if is not None:
        problems.append(Problem(("warm_start", "only_if"), "every training starts from some weights; leave this out"))
    return problems
