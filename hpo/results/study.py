"""A study's results as plain values, and the questions that reports, exports and scripts ask of them.

`hpo.results.read` fills these from a study's database; tests fill them with invented studies. In a running study the
later parts are still empty; every field below may be.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.data.description import CLASSES
from hpo.evaluation.folds import FoldComparison
from hpo.results.comparison import ROLES, Sides, compare_architectures, shared_predictions
from hpo.results.cost import ComputeEntry
from hpo.results.data import DataDescription, Mistake
from hpo.results.decisions import Donor, FactorRange, TestOpening
from hpo.results.folds import compare_over_folds
from hpo.results.ranking import choose_trial, final_values, rank_architectures
from hpo.results.settings import StudySettings
from hpo.results.trainings import Candidate, Confirmation, Fault, FoldRun, Role, StageName, TrialResult
from hpo.storage.ledger import TrainedEpoch
from hpo.storage.plans import AcceptedPlan
from hpo.storage.workers import WorkerSpan

if TYPE_CHECKING:
    import pandas as pd


class _OfArchitecture(Protocol):
    @property
    def architecture(self) -> str: ...


_Record = TypeVar("_Record", bound=_OfArchitecture)


@dataclass(frozen=True, eq=False)
class StudyResults:
    """Everything that a report is drawn from.

    Args:
        settings: what the study file asks for.
        trials: of both stages, in any order and state.
        confirmations: final trainings, in any order.
        candidates: of the recheck, by architecture and place.
        folds: trainings in folds that have been tested; empty if the study has none.
        test_labels: ``(N,)``, 0 or 1; None until the test split is opened.
        test_slides: ``(N,)``, the slide of each test patch, if known.
        valid_labels: ``(V,)``, 0 or 1, of the validation patches; None until the test split is opened.
        test_openings: in order.
        plans: every plan of the study, oldest first.
        compute: the cost of each part of each architecture.
        donors: of the architectures whose stage 2 is warm-started.
        ranges: of the architectures whose stage 1 is closed.
        data: None if it is not available.
        versions: by package, and of Python and the machine.
        epochs: the compute ledger in its order.
        workers: every worker, in order of start.
        faults: attempts that ended badly, in order.
        classes: their names, in the order of the labels.
        mistakes: the most confident ones of the best architecture; empty if the test patches are not available.
        given_up: why, of the architectures that go no further.
    """

    settings: StudySettings
    trials: tuple[TrialResult, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    folds: tuple[FoldRun, ...] = ()
    test_labels: NDArray[np.uint8] | None = None
    test_slides: NDArray[np.str_] | None = None
    valid_labels: NDArray[np.uint8] | None = None
    test_openings: tuple[TestOpening, ...] = ()
    plans: tuple[AcceptedPlan, ...] = ()
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
    given_up: Mapping[str, str] = field(default_factory=dict)

    def trials_of(self, stage: StageName, architecture: str | None = None) -> list[TrialResult]:
        """A stage's trials in any state, in order, of one architecture or of all."""
        return [one for one in self.trials if one.stage == stage and architecture in (None, one.architecture)]

    def finished(self, stage: StageName, architecture: str) -> list[TrialResult]:
        """A stage's complete trials of an architecture that have a finite objective, by number."""
        found = [
            trial
            for trial in self.trials_of(stage, architecture)
            if trial.state == "complete" and trial.objective is not None and math.isfinite(trial.objective)
        ]
        return sorted(found, key=lambda trial: trial.number)

    def finals(self, architecture: str, role: Role) -> list[Confirmation]:
        """The final trainings of an architecture in a role, in order, trained or not."""
        return [one for one in self.confirmations if (one.architecture, one.role) == (architecture, role)]

    def trained_finals(self, architecture: str, role: Role) -> list[Confirmation]:
        """Those of `finals` that are fully trained and so have an objective."""
        return [one for one in self.finals(architecture, role) if one.objective is not None]

    def tested_finals(self, architecture: str, role: Role) -> list[Confirmation]:
        """Those of `finals` that have test predictions."""
        return [one for one in self.finals(architecture, role) if one.test_probabilities is not None]

    def chosen(self, architecture: str) -> Candidate | None:
        """The recheck's choice; None without a recheck, or before it has chosen."""
        return next((one for one in self.candidates if one.architecture == architecture and one.is_chosen), None)

    def donor(self, architecture: str) -> Donor | None:
        """The donor of an architecture's stage 2; None if it starts cold or has not started."""
        return next((one for one in self.donors if one.architecture == architecture), None)

    @property
    def only_cold_chosen(self) -> bool:
        """Whether final trainings are planned, and every tuned one starts from random weights."""
        after = [one for one in self.confirmations if one.role == "after"]
        return bool(after) and all(one.donor is None for one in after)

    def ranges_of(self, architecture: str) -> dict[str, FactorRange]:
        """The ranges that stage 1 leaves to stage 2, by factor; empty until stage 1 is closed."""
        return {one.factor: one for one in self.ranges if one.architecture == architecture}

    def compute_of(self, architecture: str) -> list[ComputeEntry]:
        """The cost of each part of an architecture."""
        return [entry for entry in self.compute if entry.architecture == architecture]

    def only(self, architecture: str) -> StudyResults:
        """The results of one architecture; the settings keep all architectures, so each keeps its colour."""

        def of(records: tuple[_Record, ...]) -> tuple[_Record, ...]:
            return tuple(one for one in records if one.architecture == architecture)

        return replace(
            self,
            trials=of(self.trials),
            confirmations=of(self.confirmations),
            candidates=of(self.candidates),
            test_openings=of(self.test_openings),
            compute=of(self.compute),
            donors=of(self.donors),
            ranges=of(self.ranges),
            faults=of(self.faults),
            mistakes=self.mistakes if architecture == self.best_architecture else (),
        )

    def chosen_trial(self, architecture: str) -> TrialResult | None:
        """The trial of stage 2 whose settings were chosen, or the best so far; None before one has finished."""
        return choose_trial(self.settings, self.finished("stage2", architecture), self.chosen(architecture))

    def final_values(self, architecture: str) -> dict[str, float]:
        """Each of several objectives' value of the tuned network, by name; empty with one, or before it is trained.

        Metrics are means over the seeds of the final trainings, on the validation split.
        """
        trained = self.trained_finals(architecture, "after")
        return final_values(self.settings, self.chosen_trial(architecture), trained)

    @property
    def ranking(self) -> list[str]:
        """Architectures with tuned models, the best on validation first; equals in the study file's order.

        Each is ranked by the mean over the seeds of its final trainings. Of several objectives the study's rule
        (``choose``) ranks, as it chooses within an architecture. The test split plays no part.
        """
        return self._ranked(self.settings.architectures)

    def _ranked(self, architectures: Collection[str]) -> list[str]:
        gain = self.settings.objective.gain
        gains = {
            name: fmean(gain(one.objective) for one in trained if one.objective is not None)
            for name in self.settings.architectures
            if name in architectures and (trained := self.trained_finals(name, "after"))
        }
        return rank_architectures(self.settings, gains, {name: self.final_values(name) for name in gains})

    @property
    def best_architecture(self) -> str | None:
        """The architecture whose tuned models did best on validation; None before there are any."""
        return next(iter(self.ranking), None)

    def best_of(self, architectures: Collection[str]) -> str | None:
        """The best on validation of some architectures; None if none of them has tuned models."""
        return next(iter(self._ranked(architectures)), None)

    @cached_property
    def comparison(self) -> dict[str, Sides]:
        """Every architecture that has test predictions, in the study file's order; computed once.

        Sides are compared on the seeds that all of them have, so a study in the middle of its final trainings is
        compared on the finished ones.
        """
        if self.test_labels is None:
            return {}
        predictions = {name: self.predictions(name) for name in self.settings.architectures}
        return compare_architectures(self.test_labels, self.test_slides, predictions)

    @cached_property
    def over_folds(self) -> dict[str, FoldComparison]:
        """The comparison over folds of every architecture that has two folds tested on both sides; computed once."""
        if self.test_labels is None:
            return {}
        return compare_over_folds(self.test_labels, self.test_slides, self.settings.architectures, self.folds)

    @property
    def compared(self) -> dict[str, Sides]:
        """The architectures that have been tested on both sides: the tuned model and its baseline."""
        return {name: sides for name, sides in self.comparison.items() if sides.before_after is not None}

    @property
    def best_compared(self) -> str:
        """The best on validation of the architectures that have been tested on both sides.

        Raises:
            ValueError: if there is none.
        """
        best = self.best_of(self.compared)
        if best is None:
            raise ValueError("no architecture has been tested on both sides")
        return best

    @property
    def is_finished(self) -> bool:
        """Whether every architecture has been tested on both sides with every seed, or was given up."""
        compared, seeds = self.compared, len(self.settings.confirm.seeds)
        going = [name for name in self.settings.architectures if name not in self.given_up]
        return all(name in compared and compared[name].sampling.seeds == seeds for name in going)

    def predictions(self, architecture: str) -> dict[Role, NDArray[np.float32]]:
        """Test probabilities ``(S, N)`` of each side, on the seeds that all sides with predictions share.

        Returns:
            By role, in the order of `ROLES`; empty if the sides share no seed.
        """
        return shared_predictions(
            {
                role: {
                    one.seed: one.test_probabilities
                    for one in self.tested_finals(architecture, role)
                    if one.test_probabilities is not None
                }
                for role in ROLES
            }
        )

    def headline_predictions(self, architecture: str) -> dict[Literal["before", "after"], NDArray[np.float32]]:
        """Test probabilities ``(S, N)`` of the headline's two sides, as far as there are any."""
        found = self.predictions(architecture)
        baseline: Role = "equal" if "equal" in found else "before"
        pairs: tuple[tuple[Literal["before", "after"], Role], ...] = (("before", baseline), ("after", "after"))
        return {side: found[role] for side, role in pairs if role in found}

    def to_frame(self) -> pd.DataFrame:
        """Every trial of both stages as a pandas DataFrame, one row each.

        Columns are ``stage``, ``architecture``, ``number``, ``state``, ``objective``, ``standard_error``,
        ``recipe_key``, ``finished_at`` (UTC), the factors, and the metrics of the epoch that the objective uses
        (``valid_auc`` and so on). Trials in folds have the objective in each of them too, as ``fold_1`` and so on.

        Raises:
            HpoError: if pandas is not installed.
        """
        from hpo.results.frame import trials_frame

        return trials_frame(self.trials)
