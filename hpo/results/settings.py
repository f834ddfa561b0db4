"""What a study file and its search space ask for, as far as results are judged by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hpo.config.study import StudyFile
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.arithmetic import PLAIN, Arithmetic
from hpo.recipe.point import Value
from hpo.recipe.recipe import Balance
from hpo.recipe.schedule import STRATEGIES, Strategy


@dataclass(frozen=True)
class FactorSettings:
    """One factor of the search space.

    Args:
        name: of `hpo.recipe.point.FACTORS`.
        reference: its value before tuning, which stage 1 holds while other factors vary.
        levels: the values that stage 1 tries; empty if it does not vary.
        scale: of its axis and of stage 2's search.
    """

    name: str
    reference: Value
    levels: tuple[Value, ...] = ()
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True)
class StudySettings:
    """What the study file and its search space wish.

    Args:
        name: the study's.
        architectures: in the study file's order; each keeps its colour in every figure.
        objective: what trials are judged by, on the validation split.
        factors: of the search space, by name.
        stage1_design: ``one_factor`` or ``grid``.
        stage1_factors: which factors stage 1 varies.
        stage2_design: the sampler, or how trainings that pause go on.
        stage2_factors: which factors stage 2 tunes.
        stage2_epochs: epochs of each of its trials, or of the longest.
        warm_start: ``cold``, ``warm`` or ``shrink_perturb``.
        batch_normalization: whether stage 2 inserts BatchNormalization.
        confirm_epochs: epochs of each final training.
        confirm_seeds: one final training each, for every role.
        equal_training: whether the tuned models are compared with a reference that was trained as long.
        rechecked: how many of stage 2's best are trained again before one is chosen; 0 is none.
        arithmetic: how training steps are computed.
        balance: classes of the training patches that are used.
        stage2_within: stage 1's ``ranges``, or the whole ``space``.
        strategies: the learning-rate strategies with the search space's parameters, for the schedules' figure.
    """

    name: str
    architectures: tuple[str, ...]
    objective: Objective
    factors: Mapping[str, FactorSettings]
    stage1_design: str
    stage1_factors: tuple[str, ...]
    stage2_design: str
    stage2_factors: tuple[str, ...]
    stage2_epochs: int
    warm_start: str
    batch_normalization: bool
    confirm_epochs: int
    confirm_seeds: tuple[int, ...]
    equal_training: bool = False
    rechecked: int = 0
    arithmetic: Arithmetic = PLAIN
    balance: Balance = "equal"
    stage2_within: str = "ranges"
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
    def reference(self) -> dict[str, Value]:
        """The reference point: every factor before tuning."""
        return {name: factor.reference for name, factor in self.factors.items()}


def settings_of(study: StudyFile) -> StudySettings:
    """The settings of a study file."""
    strategy = study.space.strategy
    return StudySettings(
        name=study.name,
        architectures=tuple(study.architecture_specs),
        objective=objective_of(study),
        factors={
            name: FactorSettings(name, factor.reference, tuple(factor.levels), factor.scale)
            for name, factor in study.space.factors.items()
        },
        stage1_design=study.stage1.design,
        stage1_factors=study.stage1.factors,
        stage2_design=study.stage2.design,
        stage2_within=study.stage2.within,
        stage2_factors=study.stage2.factors,
        stage2_epochs=study.stage2.epochs,
        warm_start=study.stage2.warm_start,
        batch_normalization=study.stage2.batch_normalization,
        confirm_epochs=study.confirm.epochs,
        confirm_seeds=study.confirm.seeds,
        equal_training=study.confirm.equal_training,
        rechecked=study.stage2.recheck.top if study.stage2.recheck is not None else 0,
        arithmetic=study.arithmetic.of_recipe,
        balance=study.data.balance,
        strategies=tuple(
            Strategy(name, strategy.decay, strategy.factor, strategy.every, strategy.rate) for name in STRATEGIES
        ),
    )
