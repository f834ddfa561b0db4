"""What each stage decides when it opens (its plan) and when it closes (its result), typed.

The database keeps both as JSON with the field names of these classes; `hpo.storage.stage_json` reads and writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, PlainValidator

from hpo.config.ranges import Ranges, ranges_from_json
from hpo.config.stages import Stage2Design
from hpo.recipe.conditions import applicable
from hpo.recipe.point import Point, Value
from hpo.recipe.recipe import Recipe, recipe_from_json, recipe_to_json

_STRICT = ConfigDict(extra="forbid")
"""An unknown name is of a later version: to ignore it might be to decide otherwise than that one did."""


def _recipe(values: dict[str, Any]) -> Recipe:
    try:
        return recipe_from_json(values)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("is no recipe") from error


def _ranges_to_json(ranges: Ranges) -> dict[str, Any]:
    return {name: limits.model_dump(mode="json") for name, limits in ranges.items()}


def _completed(values: Any) -> Any:
    """A choice with all its fields: stage 2 used to leave out what the others imply."""
    if not isinstance(values, Mapping) or "recipe_key" in values:
        return values
    return {**values, "recipe_key": _recipe(values["recipe"]).key, "epochs": values["point"]["epochs"]}


_Recipe = Annotated[Recipe, PlainValidator(_recipe), PlainSerializer(recipe_to_json)]
_Ranges = Annotated[Ranges, PlainValidator(ranges_from_json), PlainSerializer(_ranges_to_json)]
_Alternatives = Annotated[tuple[Value, ...], PlainValidator(tuple), PlainSerializer(list)]
_Values = Annotated[Point, PlainValidator(dict), PlainSerializer(dict)]


@dataclass(frozen=True)
class Donor:
    """The training of stage 1 whose weights stage 2 may start from.

    Args:
        recipe: of the best trial.
        epoch: whose weights are taken.
        point: the best trial's factors, ``epochs`` among them.
        recipe_key: of the recipe.
        objective: what the trial reached.
    """

    recipe: _Recipe
    epoch: int
    point: _Values
    recipe_key: str
    objective: float
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class Choice:
    """A configuration of stage 2 that may be chosen, or that was.

    Args:
        point: its factors, ``epochs`` among them.
        recipe: of its training in stage 2.
        recipe_key: of that recipe.
        objective: what it reached in stage 2.
        key: of its design point there.
        epochs: how long it was trained there.
        values: of each objective there, where the study has several; empty where it has one.
    """

    point: _Values
    recipe: _Recipe
    recipe_key: str
    objective: float
    key: str
    epochs: int
    values: tuple[float, ...] = ()
    __pydantic_config__: ClassVar = _STRICT


_Choice = Annotated[Choice, BeforeValidator(_completed)]


class FirstPoint(NamedTuple):
    """Known values that a stage 2 begins with: where they come from, and the values of the searched factors."""

    origin: str
    values: _Values


@dataclass(frozen=True)
class FrozenRun:
    """A training of the confirmation that the test split is opened for.

    Args:
        role: ``before``, ``equal``, ``after`` or ``cold_control``.
        seed: of the training.
        recipe: of the training.
        recipe_key: of that recipe.
        epoch: the epoch whose weights are tested.
        objective: what it reached on validation.
    """

    role: str
    seed: int
    recipe: _Recipe
    recipe_key: str
    epoch: int
    objective: float
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class Stage1Plan:
    """What stage 1 of an architecture explores.

    Args:
        reference: the point that every other one is compared with.
        space: the distribution of each factor, as Optuna's JSON.
        classes: names in the order of their labels; empty where the data names none.
    """

    reference: _Values
    space: dict[str, str]
    classes: tuple[str, ...] = ()
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class Stage1Result:
    """What stage 1 of an architecture found.

    Args:
        ranges: from factor to range; a factor all of whose trials failed has none.
        donor: its best trial.
    """

    ranges: _Ranges
    donor: Donor
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class Stage2Plan:
    """How stage 2 of an architecture searches.

    Args:
        template: supplies what a point does not set, initial weights included.
        fixed: values of the factors that are not searched.
        space: the distribution of each parameter of a trial, as Optuna's JSON.
        sampler: the design that proposes values.
        seed: of the sampler.
        startup_trials: random trials before the sampler's model is used.
        ranges: stage 1's, or those that a person made of them.
        donor: the best trial of stage 1.
        first: known values that it begins with; None in a plan of an earlier version whose design is no pool.
        stream: names the random numbers, where a copied study draws those of its original; else the stage's name does.
        conditions: of factors that do not always apply.
        folds: addresses of the folds in which every trial is trained; none if it is the study's own split.
    """

    template: _Recipe
    fixed: _Values
    space: dict[str, str]
    sampler: Stage2Design
    seed: int
    startup_trials: int
    ranges: _Ranges
    donor: Donor
    first: tuple[FirstPoint, ...] | None = None
    stream: str | None = None
    conditions: dict[str, dict[str, _Alternatives]] = field(default_factory=dict)
    folds: tuple[str, ...] = ()
    __pydantic_config__: ClassVar = _STRICT

    def point(self, values: Point) -> dict[str, Any]:
        """The point of these values of the searched factors: with the fixed ones, as far as they apply."""
        return applicable({**self.fixed, **values}, self.conditions)

    def applied(self, values: Point) -> dict[str, Any]:
        """The values of searched factors without those that do not apply."""
        point = self.point(values)
        return {name: point[name] for name in values if name in point}


@dataclass(frozen=True)
class Stage2Result:
    """What stage 2 of an architecture chose: its best trial by validation."""

    choice: _Choice
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class RecheckPlan:
    """What the recheck of an architecture trains.

    Args:
        candidates: the best of stage 2, best first.
        seeds: fresh ones, one training of each candidate each.
        folds: as of stage 2.
    """

    candidates: tuple[_Choice, ...]
    seeds: tuple[int, ...]
    folds: tuple[str, ...] = ()
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class RecheckResult:
    """What the recheck of an architecture chose: the candidate with this number, from 0."""

    choice: _Choice
    candidate: int
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class ConfirmPlan:
    """What the confirmation of an architecture compares with its reference, and for how many epochs."""

    choice: _Choice
    epochs: int
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class ConfirmResult:
    """The frozen configuration of an architecture; also the plan of its test.

    Args:
        runs: what the test split is opened for.
        configuration: digest of the runs, which names the stored predictions.
        export_seed: of the ``after`` run that is exported.
        symmetries: whether predictions are averaged over the eight flips and quarter turns.
    """

    runs: tuple[FrozenRun, ...]
    configuration: str
    export_seed: int
    symmetries: bool = False
    __pydantic_config__: ClassVar = _STRICT

    @property
    def addresses(self) -> frozenset[tuple[str, int]]:
        """Role and seed of each run, under which its predictions are stored."""
        return frozenset((run.role, run.seed) for run in self.runs)


@dataclass(frozen=True)
class Tested:
    """The result of a test: its predictions are files."""

    __test__: ClassVar = False
    __pydantic_config__: ClassVar = _STRICT


@dataclass(frozen=True)
class Abandoned:
    """The result of a stage after which an architecture goes no further, and why."""

    abandoned: str
    __pydantic_config__: ClassVar = _STRICT


Plan = Stage1Plan | Stage2Plan | RecheckPlan | ConfirmPlan | ConfirmResult
Result = Stage1Result | Stage2Result | RecheckResult | ConfirmResult | Tested | Abandoned


def folds_of(plan: Plan) -> tuple[str, ...]:
    """The addresses of the folds in which each point of a stage is trained; none if it is the point's own recipe."""
    return plan.folds if isinstance(plan, Stage2Plan | RecheckPlan) else ()
