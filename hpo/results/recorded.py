"""The rows of a study in its database, as of one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.stages.order import stages_of
from hpo.storage.database import Database
from hpo.storage.decided import ConfirmResult
from hpo.storage.decisions import load_stages
from hpo.storage.ledger import TrainedEpoch, list_test_openings, trained_epochs
from hpo.storage.optuna_trials import trial_numbers, trial_values
from hpo.storage.plans import AcceptedPlan, accepted_plans
from hpo.storage.points import stage_points
from hpo.storage.stage_json import abandoned, plan_of
from hpo.storage.tables import PointRow, StageRow, TestOpeningRow
from hpo.storage.workers import WorkerSpan, worker_spans

Key = tuple[Stage, str]
"""Stage and architecture."""


@dataclass(frozen=True)
class Recorded:
    """Everything that the database holds of a study.

    Args:
        stages: every stage that has been opened.
        points: their design points.
        numbers: of their Optuna trials, by trial id; empty if a stage has no Optuna study.
        epochs: the compute ledger in its order.
        workers: in order of start.
        openings: of the test split, in their order.
        plans: every accepted plan, oldest first.
        values: of each objective of the trials of stage 2, by trial id, where the study has several; else empty.
    """

    stages: Mapping[Key, StageRow]
    points: Mapping[Key, Sequence[PointRow]]
    numbers: Mapping[Key, Mapping[int, int]]
    epochs: Sequence[TrainedEpoch]
    workers: Sequence[WorkerSpan]
    openings: Sequence[TestOpeningRow]
    plans: Sequence[AcceptedPlan] = ()
    values: Mapping[Key, Mapping[int, tuple[float, ...]]] = field(default_factory=dict)

    @property
    def frozen(self) -> dict[str, ConfirmResult]:
        """The final runs of each architecture whose test stage has closed with results, in the stages' order."""
        return {
            architecture: plan_of(stage, ConfirmResult)
            for (name, architecture), stage in self.stages.items()
            if name == "test" and stage.closed_at is not None and abandoned(stage) is None
        }

    @property
    def given_up(self) -> dict[str, str]:
        """Why, of the architectures that go no further."""
        return {
            architecture: reason
            for (_, architecture), stage in self.stages.items()
            if (reason := abandoned(stage)) is not None
        }


def read_recorded(database: Database, study: StudyFile) -> Recorded:
    """Read a study in one transaction, so that a worker's concurrent write is seen everywhere or nowhere.

    Stages of architectures that the study no longer lists are left out, as is a recheck that it no longer has.
    """
    name = study.name
    with database.snapshot() as session:
        stages = {
            (stage, architecture): row
            for (stage, architecture), row in load_stages(session, name).items()
            if architecture in study.architecture_specs and stage in stages_of(study)
        }
        return Recorded(
            stages=stages,
            points={key: stage_points(session, stage.name) for key, stage in stages.items()},
            numbers={key: trial_numbers(session, stage.name) for key, stage in stages.items()},
            epochs=trained_epochs(session, name),
            workers=worker_spans(session, name),
            openings=list_test_openings(session, name),
            plans=accepted_plans(session, name),
            values={
                key: trial_values(session, stage.name)
                for key, stage in stages.items()
                if study.objectives and stage.stage == "stage2"
            },
        )
