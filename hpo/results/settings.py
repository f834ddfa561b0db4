"""The settings of a study that its results are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from hpo.config.factor import is_switch, kind_of
from hpo.config.limits import LimitSettings
from hpo.config.stages import ConfirmSettings, Stage1Settings, Stage2Settings
from hpo.config.study import StudyFile
from hpo.evaluation.front import Objectives, objectives_of
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.arithmetic import PLAIN, Arithmetic
from hpo.recipe.conditions import Conditions, applicable
from hpo.recipe.point import Value
from hpo.recipe.recipe import Balance
from hpo.recipe.schedule import Strategy


@dataclass(frozen=True)
class FactorSettings:
    """One factor of the search space.

    Args:
        name: of `hpo.recipe.point.FACTORS`, or of an architecture's own.
        reference: its value before tuning, which stage 1 holds while other factors vary.
        levels: the values that stage 1 tries; empty if the factor is not varied.
        scale: of its axis and of stage 2's search.
        whole: whether its values are whole numbers.
        only_if: other factors, each with the values at which this one applies; empty if it always does.
        is_switch: whether its step leaves two numbers to stage 2.
    """

    name: str
    reference: Value
    levels: tuple[Value, ...] = ()
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False
    only_if: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    is_switch: bool = False


@dataclass(frozen=True)
class StudySettings:
    """The settings of a study file and its search space.

    Args:
        name: the study's.
        architectures: in the study file's order; each keeps its colour in every figure.
        objective: how trials are judged, on the validation split.
        factors: of the search space, by name.
        stage1: the study file's section.
        stage2: likewise.
        confirm: likewise.
        arithmetic: how training steps are computed.
        balance: classes of the training patches that are used.
        objectives: of stage 2, and which network of their front is chosen; None where there is one objective.
        limits: the most that a network may have.
        strategies: the learning-rate strategies with the search space's parameters, for the schedules' figure.
    """

    name: str
    architectures: tuple[str, ...]
    objective: Objective
    factors: Mapping[str, FactorSettings]
    stage1: Stage1Settings
    stage2: Stage2Settings
    confirm: ConfirmSettings
    arithmetic: Arithmetic = PLAIN
    balance: Balance = "equal"
    objectives: Objectives | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    strategies: tuple[Strategy, ...] = (
        Strategy("constant"),
        Strategy("time_based"),
        Strategy("step"),
        Strategy("exponential"),
    )

    @property
    def test_metric(self) -> str:
        """The one metric that says whether tuning helped: the objective if it is one of the five, else AUC."""
        return self.objective.metric if self.objective.metric in METRICS else "auc"

    @property
    def best_words(self) -> str:
        """What makes an architecture the best, after "is" or "the": ``best on validation``."""
        return "best on validation" if self.objectives is None else "best by the study's rule"

    @property
    def reference(self) -> dict[str, Value]:
        """The reference point: every factor that applies there, before tuning."""
        return applicable(self.reference_values, self.conditions)

    @property
    def reference_values(self) -> dict[str, Value]:
        """The reference value of every factor, whether it applies at the reference point or not."""
        return {name: factor.reference for name, factor in self.factors.items()}

    @property
    def conditions(self) -> Conditions:
        """When factors apply that do not always."""
        return {name: factor.only_if for name, factor in self.factors.items() if factor.only_if}


def settings_of(study: StudyFile) -> StudySettings:
    """The settings of a study file."""
    return StudySettings(
        name=study.name,
        architectures=tuple(study.architecture_specs),
        objective=objective_of(study),
        factors={
            name: FactorSettings(
                name,
                factor.reference,
                tuple(factor.levels),
                factor.scale,
                kind_of(name, factor) is int,
                factor.only_if or {},
                is_switch(factor),
            )
            for name, factor in study.space.factors.items()
        },
        stage1=study.stage1,
        stage2=study.stage2,
        confirm=study.confirm,
        arithmetic=study.arithmetic.of_recipe,
        balance=study.data.balance,
        objectives=objectives_of(study),
        limits=study.limits,
        strategies=tuple(replace(study.space.strategy, name=name) for name in study.space.strategies.available),
    )
