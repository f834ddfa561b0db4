"""Everything that a report is drawn from, as plain values: panels see nothing of databases and files.

`hpo.results.read` fills these from a study's database; tests fill them with invented studies. A running study is a
study whose later parts are still empty: every field below may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.data.description import CLASSES
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.objective import Objective
from hpo.recipe.arithmetic import PLAIN, Arithmetic
from hpo.recipe.point import Value
from hpo.recipe.recipe import Balance
from hpo.recipe.schedule import Strategy
from hpo.results.records import (
    Candidate,
    ComputeEntry,
    Confirmation,
    DataDescription,
    Donor,
    FactorRange,
    Fault,
    Mistake,
    TestOpening,
    TrialResult,
)
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.workers import WorkerSpan


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


@dataclass(frozen=True, eq=False)
class StudyResults:
    """Everything that a report is drawn from.

    Args:
        settings: what was wished.
        trials: of both stages, in any order and state.
        confirmations: final trainings, in any order.
        candidates: of the recheck, by architecture and place.
        test_labels: ``(N,)``, 0 or 1; None until the test split is opened.
        test_slides: ``(N,)``, which slide each test patch is from, where that is known.
        valid_labels: ``(V,)``, 0 or 1, of the validation patches; None until the test split is opened.
        test_openings: in their order.
        compute: what either side cost.
        donors: of the architectures whose stage 2 is warm-started.
        ranges: of the architectures whose stage 1 is closed.
        data: None if it is not at hand.
        versions: by package, and of Python and the machine.
        epochs: the compute ledger in its order.
        workers: every worker there was, the first one first.
        faults: attempts that ended badly, in their order.
        classes: their names, in the order of the labels.
        mistakes: the most confident ones of the best architecture; empty where the test patches are not at hand.
    """

    settings: StudySettings
    trials: tuple[TrialResult, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    test_labels: NDArray[np.uint8] | None = None
    test_slides: NDArray[np.str_] | None = None
    valid_labels: NDArray[np.uint8] | None = None
    test_openings: tuple[TestOpening, ...] = ()
    compute: tuple[ComputeEntry, ...] = ()
    donors: tuple[Donor, ...] = ()
    ranges: tuple[FactorRange, ...] = ()
    data: DataDescription | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    epochs: tuple[TrainedEpoch, ...] = ()
    workers: tuple[WorkerSpan, ...] = ()
    faults: tuple[Fault, ...] = ()
    classes: tuple[str, ...] = CLASSES
    mistakes: tuple[Mistake, ...] = ()

    @property
    def best_architecture(self) -> str | None:
        """The one whose tuned models did best on validation; None before there are any."""
        return next(iter(self.ranking), None)

    @property
    def ranking(self) -> list[str]:
        """Architectures with tuned models, the best on validation first. The test split has no say in it."""
        gains: dict[str, list[float]] = {name: [] for name in self.settings.architectures}
        for training in self.confirmations:
            if training.role == "after" and training.objective is not None:
                gains[training.architecture].append(self.settings.objective.gain(training.objective))
        return rank(gains)

    def chosen(self, architecture: str) -> Candidate | None:
        """What the recheck chose; None without one, or before it has."""
        return next((one for one in self.candidates if one.architecture == architecture and one.is_chosen), None)


def rank(gains: Mapping[str, Sequence[float]]) -> list[str]:
    """Architectures by the mean of their tuned models' gains on validation, the best first; of equals the first."""
    having = [name for name, values in gains.items() if values]
    return sorted(having, key=lambda name: -fmean(gains[name]))
