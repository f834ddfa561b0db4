"""A worker: claims design points, trains, and reports.

It knows nothing but the study file, the database and the checkpoint store; what to do is decided in `hpo.stages`.
"""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import dataclass, field, replace

from hpo.config.study import StudyFile
from hpo.data.dataset import Dataset
from hpo.errors import LeaseLostError, StopRequestedError, TrainingError
from hpo.evaluation.compare import metric_standard_error
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.key import digest
from hpo.recipe.point import apply_point
from hpo.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from hpo.search.samplers import make_sampler
from hpo.search.spaces import spaces_from_json
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.claims import (
    Claim,
    Outcome,
    claim_points,
    complete_point,
    fail_point,
    link_trial,
    release_points,
    settle_point,
)
from hpo.storage.database import Database
from hpo.storage.leases import HeldLease, kept
from hpo.storage.ledger import record_epoch, record_test_opening
from hpo.storage.optuna_bridge import ask_trial, begin_trial, ensure_optuna_study, report_epoch, tell_trial
from hpo.storage.predictions import PredictionStore
from hpo.training.engine import EpochResult, Trainer
from hpo.training.runtime import configure
from hpo.worker.observer import Observer

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """What a worker works with.

    Args:
        study: the study file.
        database: the study database.
        dataset: opened and checked.
        trainer: long-lived; keeps compiled training functions.
        predictions: where test predictions go.
        owner: this process.
        observer: who watches.
        stop: once set, work ends after the current epoch's checkpoint.
    """

    study: StudyFile
    database: Database
    dataset: Dataset
    trainer: Trainer
    predictions: PredictionStore
    owner: str
    observer: Observer
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def objective(self) -> Objective:
        """The study's objective rule."""
        return objective_of(self.study)


def open_worker(
    study: StudyFile, database: Database, dataset: Dataset, owner: str, observer: Observer, stop: threading.Event
) -> Worker:
    """A worker of this process, TensorFlow configured.

    Raises:
        TrainingError: if TensorFlow was already started with other settings.
    """
    configure(study.workers.threads)
    sys.path.insert(0, str(study.file.parent))  # where function architectures are imported from
    trainer = Trainer(CheckpointStore(study.checkpoints), dataset, valid_patches=study.data.valid_patches)
    return Worker(study, database, dataset, trainer, PredictionStore(study.checkpoints), owner, observer, stop)


def work_once(worker: Worker) -> bool:
    """Claim the next point, with all that share its recipe, and work on it to its end.

    Returns:
        False if nothing waits.

    Raises:
        StopRequestedError: if the worker was asked to stop.
    """
    lease_seconds = worker.study.workers.lease_seconds
    claims = claim_points(worker.database, worker.study.name, worker.owner, lease_seconds)
    if not claims:
        return False
    with kept(worker.database, claims, lease_seconds) as lease:
        try:
            worker.observer.started(claims)
            if claims[0].stage == "test":
                _open_test_split(worker, lease)
            else:
                _train(worker, lease)
        except (StopRequestedError, KeyboardInterrupt):
            release_points(worker.database, lease.open)
            raise
        except LeaseLostError as error:
            _log.warning("%s; nothing is published", error)
            release_points(worker.database, lease.open)  # those that are still ours
        except TrainingError as error:
            _fail(worker, lease, str(error), max_attempts=1)
        except Exception as error:
            _log.debug("attempt failed", exc_info=True)
            reason = f"attempt {claims[0].attempt}: {type(error).__name__}: {error}"
            _fail(worker, lease, reason, max_attempts=worker.study.workers.max_attempts)
    return True


def _train(worker: Worker, lease: HeldLease) -> None:
    """Bring the claims' common recipe to the last of their epochs, telling each as its epoch passes."""
    lease.open[:] = [_with_trial(worker, claim) for claim in lease.open]
    if lease.open[0].planned.recipe is None:
        raise TrainingError("the design point has no recipe")
    recipe = recipe_from_json(lease.open[0].planned.recipe)
    targets = sorted({claim.planned.epochs or 0 for claim in lease.open})
    # Where the best epoch speaks, any epoch's weights may be needed.
    kept_epochs = range(1, targets[-1] + 1) if worker.objective.epoch == "best" else targets

    def on_trained(trained: Recipe, epoch: int, seconds: float) -> None:
        with worker.database.transaction() as session:
            record_epoch(
                session,
                study=worker.study.name,
                recipe_key=trained.key,
                epoch=epoch,
                patch_visits=trained.patches // trained.batch_size * trained.batch_size,
                seconds=seconds,
                owner=worker.owner,
            )
        lease.check()
        if worker.stop.is_set():
            raise StopRequestedError("stopped after the current epoch")

    curve: list[dict[str, float]] = []
    for result in worker.trainer.bring(recipe, kept_epochs, on_trained=on_trained):
        curve.append(result.metrics)
        _report(worker, lease, result, targets[-1])
        for claim in [claim for claim in lease.open if claim.planned.epochs == result.epoch]:
            lease.renew(worker.database, worker.study.workers.lease_seconds)
            lease.check()
            _complete(worker, lease, claim, recipe, curve[: result.epoch])


def _with_trial(worker: Worker, claim: Claim) -> Claim:
    """The claim with its values settled and, in stage 1 and 2, its running Optuna trial."""
    if claim.stage == "confirm" or claim.trial_id is not None:
        return claim
    ensure_optuna_study(worker.database, claim.stage_name, worker.objective.direction)
    space = spaces_from_json(claim.plan["space"])
    if claim.planned.point is not None:
        params = {name: claim.planned.point[name] for name in space}
        trial_id = begin_trial(worker.database, claim.stage_name, claim.planned.key, params, space)
        link_trial(worker.database, claim, trial_id)
        return replace(claim, trial_id=trial_id)
    seed = int(digest([claim.plan["seed"], claim.stage_name, claim.planned.key])[:8], 16)
    if claim.plan["sampler"] == "qmc":
        seed = claim.plan["seed"]  # one sequence for the whole stage
    sampler = make_sampler(claim.plan["sampler"], seed, claim.plan["startup_trials"])
    trial_id, values = ask_trial(worker.database, claim.stage_name, claim.planned.key, sampler, space)
    point = {**claim.plan["fixed"], **values}
    recipe, epochs = apply_point(recipe_from_json(claim.plan["template"]), point)
    planned = replace(claim.planned, point=point, recipe=recipe_to_json(recipe), recipe_key=recipe.key, epochs=epochs)
    settle_point(worker.database, claim, planned, trial_id)
    return replace(claim, planned=planned, trial_id=trial_id)


def _report(worker: Worker, lease: HeldLease, result: EpochResult, epochs: int) -> None:
    value = result.metrics[worker.objective.column]
    for claim in lease.open:
        if claim.trial_id is not None and result.epoch <= (claim.planned.epochs or 0):
            report_epoch(worker.database, claim.trial_id, result.epoch, value)
    worker.observer.epoch_ended(lease.open, result.epoch, epochs, value)


def _complete(worker: Worker, lease: HeldLease, claim: Claim, recipe: Recipe, curve: list[dict[str, float]]) -> None:
    """Accept a point's result: its trial is told first, then its row; each step is safe to repeat."""
    objective = worker.objective
    value, epoch = objective.value(curve), objective.speaking_epoch(curve)
    trainer, slides = worker.trainer, worker.dataset.valid.slides
    error = metric_standard_error(
        trainer.valid_labels,
        trainer.valid_probabilities(recipe, epoch),
        objective.metric,
        groups=None if slides is None else slides[trainer.valid_rows],
    )
    if claim.trial_id is not None:
        shown = {name: metric for name, metric in curve[epoch - 1].items() if name.startswith("valid_")}
        attributes = {**shown, "recipe_key": recipe.key, "epochs": len(curve), "standard_error": error}
        tell_trial(worker.database, claim.trial_id, value, attributes)
    with lease.finishing(claim):
        complete_point(worker.database, claim, Outcome(value, error, curve))
    worker.observer.ended(claim, value, None)


def _fail(worker: Worker, lease: HeldLease, reason: str, *, max_attempts: int) -> None:
    for claim in lease.open:
        try:
            if fail_point(worker.database, claim, reason, max_attempts=max_attempts) and claim.trial_id is not None:
                tell_trial(worker.database, claim.trial_id, None, {}, reason)
        except LeaseLostError as error:
            _log.warning("%s", error)
            continue
        worker.observer.ended(claim, None, reason)


def _open_test_split(worker: Worker, lease: HeldLease) -> None:
    """Predict the test split with every run of a frozen configuration; the opening is entered first."""
    claim = lease.open[0]
    configuration = claim.plan["configuration"]
    with worker.database.transaction() as session:
        record_test_opening(
            session,
            study=worker.study.name,
            architecture=claim.architecture,
            configuration=configuration,
            test_digest=worker.dataset.test_digest,
            owner=worker.owner,
        )
    worker.predictions.save_truth(configuration, worker.dataset.test.labels, worker.dataset.test.slides)
    for run in claim.plan["runs"]:
        recipe = recipe_from_json(run["recipe"])
        probabilities = worker.trainer.predict(recipe, run["epoch"], worker.dataset.test)
        worker.predictions.save(configuration, run["role"], run["seed"], probabilities)
        lease.check()
        if worker.stop.is_set():
            raise StopRequestedError("stopped while predicting the test split")
    with lease.finishing(claim):
        complete_point(worker.database, claim, Outcome(None, None, []))
    worker.observer.ended(claim, None, None)
