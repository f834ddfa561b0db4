"""What a worker works with, for as long as it lives.

It knows nothing but the study file, the database and the checkpoint store; what to do is decided in `hpo.stages`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.data.folds import fold_data
from hpo.errors import StopRequestedError
from hpo.evaluation.front import Objectives, objectives_of
from hpo.evaluation.objective import Objective, objective_of
from hpo.models.own_function import look_in
from hpo.recipe.recipe import Recipe
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.claims import Claim
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.leases import Heartbeat
from hpo.storage.predictions import PredictionStore
from hpo.storage.store_mark import agree_on_store
from hpo.training.engine import Trainer
from hpo.training.own_metric import further_metric
from hpo.training.runtime import configure, describe_device
from hpo.worker.observer import Observer


@dataclass(frozen=True)
class Worker:
    """What a worker works with.

    Args:
        study: the study file.
        database: the study database.
        dataset: opened and checked.
        trainer: long-lived; keeps compiled training functions.
        predictions: where test predictions go.
        artifacts: where trials' files go.
        owner: this process.
        observer: who watches.
        heartbeat: keeps the leases.
        stop: once set, work ends after the current epoch's checkpoint.
        threads: CPU threads, where the study file does not say.
        settings: the plan that it works by, as `hpo.stages.plan.determining_settings` has it; once the study has
            another, it claims nothing more. None takes any plan.
        of_folds: trainer and validation slides of the fold last trained on, by its digest.
    """

    study: StudyFile
    database: Database
    dataset: Dataset
    trainer: Trainer
    predictions: PredictionStore
    artifacts: ArtifactFiles
    owner: str
    observer: Observer
    heartbeat: Heartbeat
    stop: threading.Event = field(default_factory=threading.Event)
    threads: int | None = None
    settings: Mapping[str, Any] | None = None
    of_folds: dict[str, tuple[Trainer, NDArray[np.str_] | None]] = field(default_factory=dict)

    @property
    def objective(self) -> Objective:
        """The study's objective rule."""
        return objective_of(self.study)

    def objectives_of(self, claim: Claim) -> Objectives | None:
        """The objectives by which a claimed point's trial is judged, if there are several."""
        return objectives_of(self.study) if claim.stage == "stage2" else None

    def trainer_of(self, recipe: Recipe) -> Trainer:
        """The trainer of a recipe's data: the study's own split, or one of its folds.

        A fold's is kept until another fold's is asked for, so that one is in memory besides the study's own.
        """
        asked = {folds for folds in (self.study.stage2.folds, self.study.confirm.folds) if folds is not None}
        if not asked or recipe.data == self.dataset.digest:
            return self.trainer
        if recipe.data not in self.of_folds:
            self.of_folds.clear()
            for fold in (fold for folds in asked for fold in fold_data(self.dataset, folds)):
                if recipe.data in (fold.digest, fold.earlier_digest):
                    trainer = self.trainer.on(replace(fold, digest=recipe.data))
                    self.of_folds[recipe.data] = (trainer, fold.valid.slides)
        found = self.of_folds.get(recipe.data)
        return self.trainer if found is None else found[0]  # the study's own refuses data that it does not know

    def valid_slides_of(self, recipe: Recipe) -> NDArray[np.str_] | None:
        """The slides of the patches that a recipe's training is validated on, ``(N,)``, where they are known."""
        trainer = self.trainer_of(recipe)
        if trainer is not self.trainer:
            return self.of_folds[recipe.data][1]
        slides = self.dataset.valid.slides
        return None if slides is None else slides[trainer.valid_rows]

    def check_stop(self) -> None:
        """Go on only if nobody has asked for a stop at once.

        Raises:
            StopRequestedError: if somebody has, by a signal or with ``hpo stop --now``.
        """
        if self.stop.is_set() or self.heartbeat.stop_mode == "now":
            raise StopRequestedError("stopped after the current epoch")


@contextmanager
def open_worker(
    study: StudyFile,
    database: Database,
    dataset: Dataset,
    owner: str,
    observer: Observer,
    stop: threading.Event,
    threads: int | None = None,
    since: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Worker]:
    """A worker of this process, TensorFlow configured, its heart beating while the block runs.

    Args:
        study: the study file.
        database: the study database, the study planned in it.
        dataset: opened and checked.
        owner: this process.
        observer: who watches.
        stop: once set, work ends after the current epoch's checkpoint.
        threads: CPU threads, where the study file does not say; None is as in `configure`.
        since: as in `Heartbeat`.
        settings: as in `Worker`.

    Raises:
        TrainingError: if TensorFlow was already started with other settings.
        StorageError: if the study's other workers have another checkpoint store.
    """
    configure(study.workers.threads or threads)
    look_in(study.file.parent)  # where function architectures are imported from
    files = Files(study.checkpoints, hurry=stop)
    trainer = Trainer(
        CheckpointStore(files),
        dataset,
        valid_patches=study.data.valid_patches,
        most_patches=study.space.most_patches,
        further=further_metric(study),
    )
    lease_seconds = study.workers.lease_seconds
    with Heartbeat(database, study.name, owner, lease_seconds, describe_device(), since) as heartbeat:
        agree_on_store(database, study.name, owner, files, lease_seconds)
        predictions, artifacts = PredictionStore(files), ArtifactFiles(files)
        yield Worker(
            study,
            database,
            dataset,
            trainer,
            predictions,
            artifacts,
            owner,
            observer,
            heartbeat,
            stop,
            threads,
            settings,
        )
