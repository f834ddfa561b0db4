"""A real trainer on tiny patches; TensorFlow is paid for once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.data.prepare import prepare_data
from hpo.stages.advance import advance
from hpo.stages.folds import fold_addresses
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.claims import Claim
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.leases import Heartbeat
from hpo.storage.points import stage_points
from hpo.storage.predictions import PredictionStore
from hpo.storage.tables import PointRow, TrainedEpochRow
from hpo.training.engine import Trainer
from hpo.worker.worker import Worker
from tests.end_to_end.conftest import write_pcam
from tests.stages.story import STUDY, load

SPACE: dict[str, Any] = {
    "epochs": {"reference": 2, "levels": [1, 2, 3]},
    "batch_size": {"reference": 16},
    "patches": {"reference": 64, "levels": [32, 64], "step": 8},
    "learning_rate": {"reference": 0.01, "levels": [0.01, 0.03], "low": 0.001, "high": 0.1, "scale": "log"},
}


RATES: dict[str, Any] = {"stage1": {"factors": ["learning_rate"]}}
"""Two recipes of one point each."""

OWNER = "this worker"


@pytest.fixture(scope="session")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a data set of 16x16 patches."""
    folder = tmp_path_factory.mktemp("patches") / "data"
    write_pcam(folder)
    return folder


@pytest.fixture(scope="session")
def dataset(patches: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return prepare_data(load(tmp_path_factory.mktemp("any"), data={"folder": str(patches)}).data)


@pytest.fixture(scope="session")
def trainer(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """One trainer for all tests; what they train differs in its seed."""
    return Trainer(CheckpointStore(Files(tmp_path_factory.mktemp("checkpoints"))), dataset)


@dataclass
class Watcher:
    """An observer that remembers, and does something when an epoch has ended."""

    epochs: list[tuple[tuple[str, ...], int, int]] = field(default_factory=list)
    ends: list[tuple[str, float | None, str | None]] = field(default_factory=list)
    at_epoch: Callable[[int], None] = lambda _epoch: None

    def started(self, claims: Sequence[Claim]) -> None:
        """What is worked on shows in the epochs."""

    def epoch_ended(self, claims: Sequence[Claim], epoch: int, epochs: int, value: float) -> None:  # noqa: ARG002
        self.epochs.append((tuple(claim.planned.key for claim in claims), epoch, epochs))
        self.at_epoch(epoch)

    def ended(self, claim: Claim, objective: float | None, reason: str | None) -> None:
        self.ends.append((claim.planned.key, objective, reason))


@dataclass
class Workshop:
    """A study with a worker at work on it."""

    worker: Worker
    watcher: Watcher

    @property
    def study(self) -> StudyFile:
        return self.worker.study

    @property
    def database(self) -> Database:
        return self.worker.database

    def decide(self) -> None:
        dataset = self.worker.dataset
        advance(self.database, self.study, dataset.digest, folds=fold_addresses(self.study, dataset))

    def points(self, stage: str = "stage1") -> list[PointRow]:
        with self.database.transaction() as session:
            return stage_points(session, f"{self.study.name}/{stage}/tiny")

    def trials(self, stage: str = "stage1") -> list[FrozenTrial]:
        """As any user of Optuna sees them."""
        return optuna.load_study(study_name=f"{self.study.name}/{stage}/tiny", storage=self.database.storage).trials

    def ledger(self) -> list[tuple[str, int, int]]:
        """Recipe, epoch and patch-visits of each epoch that was really trained."""
        with self.database.transaction() as session:
            rows = session.query(TrainedEpochRow).order_by(TrainedEpochRow.id)
            return [(row.recipe_key, row.epoch, row.patch_visits) for row in rows]


_seeds = itertools.count(100)


@pytest.fixture
def open_workshop(
    sqlite: Database, tmp_path: Path, patches: Path, dataset: Dataset, trainer: Trainer
) -> Iterator[Callable[..., Workshop]]:
    """A workshop whose study file has these changes, its first stage planned."""
    stack = ExitStack()

    def opened(*, space: dict[str, Any] = SPACE, **changes: Any) -> Workshop:
        stage1 = {"factors": ["epochs"], "seed": next(_seeds), **changes.pop("stage1", {})}
        stage2 = {"factors": ["learning_rate"], "epochs": 1, "trials": 3, **changes.pop("stage2", {})}
        workers = {"threads": None, **changes.pop("workers", {})}  # TensorFlow runs in this process already
        settings = {"data": {"folder": str(patches)}, "architectures": STUDY["architectures"][:1], **changes}
        study = load(tmp_path, space=space, stage1=stage1, stage2=stage2, workers=workers, **settings)
        watcher = Watcher()
        files = Files(str(tmp_path / "predictions"))
        store, artifacts = PredictionStore(files), ArtifactFiles(files)
        beating = Heartbeat(sqlite, study.name, OWNER, study.workers.lease_seconds)
        heartbeat = stack.enter_context(beating)
        workshop = Workshop(
            Worker(study, sqlite, dataset, trainer, store, artifacts, OWNER, watcher, heartbeat), watcher
        )
        workshop.decide()
        return workshop

    with stack:
        yield opened
