"""Everything that a report is drawn from, as plain values: panels see nothing of databases and files.

`hpo.reports.read` fills these from a study's database; tests fill them with invented studies. A running study is a
study whose later parts are still empty: every field below may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.objective import Curve, Objective
from hpo.recipe.point import Point, Value
from hpo.recipe.schedule import Strategy
from hpo.storage.ledger import Compute

StageName = Literal["stage1", "stage2"]
Role = Literal["before", "after", "cold_control"]
ComputeRole = Literal["stage1", "stage2", "before", "after", "cold_control"]


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
        stage2_design: the sampler.
        stage2_factors: which factors stage 2 tunes.
        stage2_epochs: epochs of each of its trials.
        warm_start: ``cold``, ``warm`` or ``shrink_perturb``.
        batch_normalization: whether stage 2 inserts BatchNormalization.
        confirm_epochs: epochs of each final training.
        confirm_seeds: one final training each, for every role.
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
    strategies: tuple[Strategy, ...] = (
        Strategy("constant"),
        Strategy("time_based"),
        Strategy("step"),
        Strategy("exponential"),
    )

    @property
    def reference(self) -> dict[str, Value]:
        """The reference point: every factor before tuning."""
        return {name: factor.reference for name, factor in self.factors.items()}


@dataclass(frozen=True)
class TrialResult:
    """One design point of stage 1 or 2.

    Args:
        stage: which.
        architecture: by name.
        number: of the Optuna trial, from 0 in its Optuna study.
        point: its factors, ``epochs`` among them.
        state: Optuna's; the fields below are empty until it is ``complete``.
        recipe_key: of the training that it shares with other points.
        objective: its value as the study file defines it.
        standard_error: of the objective, from the validation patches.
        metrics: of the speaking epoch: ``valid_accuracy`` and the like.
        curve: metrics of each epoch from 1, as far as it was trained.
        failure: why it failed, where it did.
    """

    stage: StageName
    architecture: str
    number: int
    point: Point
    state: Literal["waiting", "running", "complete", "pruned", "failed"]
    recipe_key: str = ""
    objective: float | None = None
    standard_error: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Curve = ()
    failure: str = ""


@dataclass(frozen=True, eq=False)
class Confirmation:
    """One final training: of the reference, the tuned configuration, or the tuned one from random weights.

    Args:
        architecture: by name.
        role: ``before`` is the reference, ``after`` stage 2's choice, ``cold_control`` the same from random weights.
        seed: of the training; the same seeds for every role.
        point: the configuration.
        epochs: trained.
        curve: metrics of each epoch from 1; empty until it is trained.
        test_probabilities: ``(N,)`` float32 in the test split's order, or None until the test split is opened.
    """

    architecture: str
    role: Role
    seed: int
    point: Point
    epochs: int
    curve: Curve = ()
    test_probabilities: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class TestOpening:
    """The test split was opened for an architecture's frozen configuration.

    Args:
        architecture: by name.
        opened_at: seconds since 1970, UTC, by the database's clock.
        owner: which process.
        configuration: digest of what was frozen.
        test_digest: of the test split.
    """

    __test__ = False  # no test of ours: pytest takes it for one by its name

    architecture: str
    opened_at: float
    owner: str
    configuration: str
    test_digest: str = ""


@dataclass(frozen=True)
class ComputeEntry:
    """What one part of one architecture cost.

    Args:
        architecture: by name.
        role: which part. An epoch that several parts share counts once, in the first of them.
        spent: what was really trained.
        unshared_patch_visits: patch visits had every design point been trained on its own, from its first epoch.
    """

    architecture: str
    role: ComputeRole
    spent: Compute
    unshared_patch_visits: int


@dataclass(frozen=True)
class Donor:
    """The stage-1 checkpoint whose weights warm-start an architecture's stage 2.

    Args:
        architecture: by name.
        point: the stage-1 design point that trained it.
        epoch: of the checkpoint.
        recipe_key: of its training.
        objective: its value.
        patch_visits: that went into it.
    """

    architecture: str
    point: Point
    epoch: int
    recipe_key: str
    objective: float
    patch_visits: int


@dataclass(frozen=True)
class FactorRange:
    """What stage 1 leaves of a factor to stage 2.

    Args:
        architecture: by name.
        factor: by name.
        low, high: of a number; None for words.
        values: of words; empty for a number.
        best: stage 1's best level.
        edited: whether a person changed what stage 1 had written.
    """

    architecture: str
    factor: str
    low: float | None
    high: float | None
    values: tuple[Value, ...]
    best: Value
    edited: bool = False


@dataclass(frozen=True)
class SplitDescription:
    """One of the three splits.

    Args:
        patches: how many.
        positive: how many of label 1.
        slides: how many slides they are from, where that is known.
    """

    patches: int
    positive: int
    slides: int | None = None


@dataclass(frozen=True)
class DataDescription:
    """The data.

    Args:
        name: what it is, in a few words.
        patch_size: side of the square patches, pixels.
        splits: ``train``, ``valid`` and ``test``.
        digest: of the training and validation patches.
        test_digest: of the test patches.
        contact_sheet: PNG of a few patches, or None.
    """

    name: str
    patch_size: int
    splits: Mapping[str, SplitDescription]
    digest: str = ""
    test_digest: str = ""
    contact_sheet: bytes | None = None


@dataclass(frozen=True, eq=False)
class StudyResults:
    """Everything that a report is drawn from.

    Args:
        settings: what was wished.
        trials: of both stages, in any order and state.
        confirmations: final trainings, in any order.
        test_labels: ``(N,)``, 0 or 1; None until the test split is opened.
        test_slides: ``(N,)``, which slide each test patch is from, where that is known.
        test_openings: in their order.
        compute: what either side cost.
        donors: of the architectures whose stage 2 is warm-started.
        ranges: of the architectures whose stage 1 is closed.
        data: None if it is not at hand.
        versions: by package, and of Python and the machine.
    """

    settings: StudySettings
    trials: tuple[TrialResult, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    test_labels: NDArray[np.uint8] | None = None
    test_slides: NDArray[np.str_] | None = None
    test_openings: tuple[TestOpening, ...] = ()
    compute: tuple[ComputeEntry, ...] = ()
    donors: tuple[Donor, ...] = ()
    ranges: tuple[FactorRange, ...] = ()
    data: DataDescription | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
