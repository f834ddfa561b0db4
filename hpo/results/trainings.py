"""What a study trained, as plain values: trials, final trainings, trainings in folds and of the recheck; and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.objective import Curve
from hpo.recipe.point import Point

StageName = Literal["stage1", "stage2"]
STAGES: tuple[StageName, ...] = ("stage1", "stage2")
"""The stages that have trials."""

Role = Literal["before", "equal", "after", "cold_control"]


@dataclass(frozen=True)
class InFolds:
    """The trainings of a point that is trained in folds.

    Args:
        keys: their recipe keys, fold by fold.
        donors: those of their donors.
        values: the objective in each fold, whose mean is the point's; empty until all are trained.
    """

    keys: tuple[str, ...] = ()
    donors: tuple[str, ...] = ()
    values: tuple[float, ...] = ()


NOT_IN_FOLDS = InFolds()
"""Of a point that has one training, on the study's own split."""


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
        metrics: of the epoch that the objective uses, ``valid_accuracy`` and so on; the objective's metric is itself.
        curve: metrics of each trained epoch from 1.
        failure: why it failed, if it did.
        donor: recipe key and epoch of the checkpoint that it starts from; None for random weights.
        finished_at: seconds since 1970, UTC, by the database's clock.
        paused_at: the epochs at which the training had paused before it continued to these.
        values: of each objective, of a complete trial of stage 2 where the study has several; else empty.
        patch_visits: of its training by itself, from epoch 1, in all folds; 0 until its values are chosen.
        folds: its trainings, where it has one in each fold.
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
    donor: tuple[str, int] | None = None
    finished_at: float | None = None
    paused_at: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    patch_visits: int = 0
    folds: InFolds = NOT_IN_FOLDS

    @property
    def keys(self) -> tuple[str, ...]:
        """The recipe keys of all that was trained for it alone: its training, or those in folds with their donors."""
        return (*self.folds.keys, *self.folds.donors) or (self.recipe_key,)


@dataclass(frozen=True, eq=False)
class Confirmation:
    """One final training: of the reference or the tuned configuration.

    Args:
        architecture: by name.
        role: ``before`` is the reference by stage 1's rules, ``equal`` the reference for as many patch-visits as the
            tuned model and its donors, ``after`` the tuned configuration, ``cold_control`` the same from random
            weights.
        seed: of the training; the same seeds for every role.
        point: the configuration.
        epochs: trained.
        curve: metrics of each epoch from 1; empty until it is trained.
        test_probabilities: float32 in the test split's order, ``(N,)`` of label 1, or ``(N, K)`` of each of more than
            two classes; None until the test split is opened.
        valid_probabilities: of the same weights on the validation patches ``(V,)`` or ``(V, K)``, kept with them.
        recipe_key: of the training.
        donor: recipe key and epoch of the checkpoint that it starts from; None for random weights.
        objective: its value on the validation split; None until it is trained.
    """

    architecture: str
    role: Role
    seed: int
    point: Point
    epochs: int
    curve: Curve = ()
    test_probabilities: NDArray[np.float32] | None = None
    valid_probabilities: NDArray[np.float32] | None = None
    recipe_key: str = ""
    donor: tuple[str, int] | None = None
    objective: float | None = None


@dataclass(frozen=True, eq=False)
class FoldRun:
    """A training in a fold, with its test predictions.

    Args:
        architecture: by name.
        side: ``before`` is the tuned model's opponent, ``after`` the tuned configuration.
        fold: from 0: the one that the training has not seen.
        seed: of the training; the same for both sides.
        test_probabilities: as of `Confirmation`.
    """

    architecture: str
    side: Literal["before", "after"]
    fold: int
    seed: int
    test_probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class FreshTraining:
    """A training of the recheck.

    Args:
        seed: a fresh one.
        epochs: to be trained.
        recipe_key: of the training.
        donor: recipe key and epoch of the checkpoint that it starts from; None for random weights.
        curve: metrics of each epoch from 1; empty until it is trained.
        objective: its value on the validation split; None until it is trained, or if it failed.
        folds: its trainings, where it has one in each fold.
    """

    seed: int
    epochs: int
    recipe_key: str = ""
    donor: tuple[str, int] | None = None
    curve: Curve = ()
    objective: float | None = None
    folds: InFolds = NOT_IN_FOLDS


@dataclass(frozen=True)
class Candidate:
    """One of the best of stage 2, trained again with fresh seeds.

    Args:
        architecture: by name.
        place: among stage 2's best, from 1.
        point: its factors, ``epochs`` among them.
        recipe_key: of its training in stage 2.
        searched: its objective there.
        trainings: with fresh seeds.
        is_chosen: whether the mean over the fresh seeds chose it; False while they are trained.
    """

    architecture: str
    place: int
    point: Point
    recipe_key: str
    searched: float
    trainings: tuple[FreshTraining, ...] = ()
    is_chosen: bool = False

    @property
    def repeated(self) -> float | None:
        """The mean objective over the fresh seeds; None before there is one."""
        values = [training.objective for training in self.trainings if training.objective is not None]
        return fmean(values) if values else None


@dataclass(frozen=True)
class Fault:
    """An attempt at a design point that ended badly.

    Args:
        stage: ``stage1``, ``stage2``, ``recheck``, ``confirm`` or ``test``.
        architecture: by name.
        owner: the worker, ``HOST:PID:START``.
        attempt: of that point, from 1.
        at: when it was recorded, seconds since 1970, UTC, by the database's clock.
        reason: one line.
    """

    stage: str
    architecture: str
    owner: str
    attempt: int
    at: float
    reason: str
