"""A task: the claims of one recipe, trained and published."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from hpo.errors import StorageError, TrainingError
from hpo.evaluation.compare import metric_standard_error, scorer_standard_error
from hpo.evaluation.objective import final_objective_of
from hpo.evaluation.scores import KNOWN
from hpo.recipe.folds import FOLD_ROLES
from hpo.recipe.key import digest
from hpo.recipe.point import apply_point
from hpo.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from hpo.secrets import without_secrets
from hpo.storage.artifacts import Artifact, curve_artifact
from hpo.storage.claims import Claim, lost, release_points
from hpo.storage.decided import ConfirmResult, Stage2Plan
from hpo.storage.leases import HeldLease
from hpo.storage.outcomes import Outcome, fail_point, settle_point
from hpo.training.engine import EpochResult, OnTrained
from hpo.worker.judging import judged
from hpo.worker.messages import Completed, Epoch, Opened, Shown
from hpo.worker.publisher import Publisher
from hpo.worker.sampling import sampled_point
from hpo.worker.worker import Worker

_log = logging.getLogger(__name__)

GIVE_BACK_SECONDS = 10.0
"""Seconds that a stopping worker waits for what it still has to write."""

TRACEBACK_LINES, TRACEBACK_WIDTH = 12, 300
"""What is kept of the traceback of an unforeseen error, from its end: lines, and characters of each."""


@dataclass(frozen=True)
class Task:
    """The claims that a worker is working on.

    Args:
        worker: who works.
        lease: of the claims; its ``open`` are those that are not finished yet.
        publisher: takes what is to be written.
    """

    worker: Worker
    lease: HeldLease
    publisher: Publisher


def train(task: Task) -> None:
    """Train the claims' common recipe, completing each claim as its epoch passes.

    Raises:
        LeaseLostError: if a claim has passed to another worker.
        StopRequestedError: if the worker was asked to stop.
        TrainingError: if the recipe cannot be trained.
    """
    worker, lease = task.worker, task.lease
    claims = [_settled(worker, claim) for claim in lease.open]
    lease.settle(claims)
    if claims[0].planned.recipe is None:
        raise TrainingError("the design point has no recipe")
    recipe = recipe_from_json(claims[0].planned.recipe)
    targets = sorted({claim.planned.epochs or 0 for claim in claims})
    # Where the best epoch speaks, any epoch's weights may be needed; else those that a later stage may continue from.
    later = {worker.study.stage2.epochs, worker.study.confirm.epochs}
    every = worker.objective.epoch == "best" or any(_patience(worker, claim) for claim in claims)
    kept_epochs = {epoch for epoch in range(1, targets[-1] + 1) if every or epoch in {*targets, *later}}

    curve: list[dict[str, float]] = []
    trainer = worker.trainer_of(recipe)
    for result in trainer.bring(recipe, kept_epochs, on_trained=_noting(task), before_save=lease.check):
        curve.append(result.metrics)
        if result.seconds is None and any(claim.attempt > 1 for claim in claims):
            _post_epoch(task, recipe, result.epoch, None)
        _post_result(task, claims, result, targets[-1])
        for claim in [claim for claim in claims if _is_over(worker, claim, curve)]:
            claims.remove(claim)
            lease.check()
            _complete(task, claim, recipe, curve[: result.epoch])
        if not claims:
            break  # patience may end them before their last epoch


def _patience(worker: Worker, claim: Claim) -> int | None:
    """Epochs without improvement that end the claim's training; None where it goes on to its last epoch."""
    return worker.study.confirm.patience if claim.stage == "confirm" else None


def _is_over(worker: Worker, claim: Claim, curve: Sequence[Mapping[str, float]]) -> bool:
    """Whether a training has reached its claim's last epoch. With patience that is a function of the curve alone."""
    patience = _patience(worker, claim)
    return len(curve) == claim.planned.epochs or (patience is not None and worker.objective.has_ended(curve, patience))


def open_test_split(task: Task) -> None:
    """Predict the test split with every run of a frozen configuration; the opening is registered first.

    The validation predictions of the same weights are kept beside them: thresholds are chosen on those.

    Raises:
        LeaseLostError: if the claim has passed to another worker.
        StopRequestedError: if the worker was asked to stop.
    """
    worker, (claim,) = task.worker, task.lease.open
    frozen = claim.plan_as(ConfirmResult)
    configuration = frozen.configuration

    test_digest = worker.dataset.test_digest
    task.publisher.post(Opened(worker.study.name, worker.owner, claim.architecture, configuration, test_digest))
    task.publisher.flush()
    valid, rows = worker.dataset.valid, worker.trainer.valid_rows
    valid_slides = None if valid.slides is None else valid.slides[rows]
    worker.predictions.save_truth(configuration, worker.trainer.valid_labels, valid_slides, "valid")
    worker.predictions.save_truth(configuration, worker.dataset.test.labels, worker.dataset.test.slides)
    predicted: dict[tuple[str, int], NDArray[np.float32]] = {}  # before and after may be one training
    for run in frozen.runs:
        address = (run.recipe.key, run.epoch)
        trainer = worker.trainer_of(run.recipe)
        for _ in trainer.bring(run.recipe, (run.epoch,), on_trained=_noting(task), before_save=task.lease.check):
            pass  # trains nothing, unless the checkpoint was lost since
        if run.role not in FOLD_ROLES:  # which are validated on other patches
            kept = trainer.valid_probabilities(run.recipe, run.epoch, symmetries=frozen.symmetries)
            worker.predictions.save(configuration, run.role, run.seed, kept, "valid")
        if address not in predicted:
            predicted[address] = trainer.predict(
                run.recipe, run.epoch, worker.dataset.test, symmetries=frozen.symmetries
            )
        task.lease.check()
        worker.predictions.save(configuration, run.role, run.seed, predicted[address])
        worker.check_stop()
    _post_completion(task, claim, Outcome(None, None, [], {}))


def fail(task: Task, reason: str, *, max_attempts: int, unforeseen: BaseException | None = None) -> None:
    """End the attempt at every open claim for this reason; see `hpo.storage.outcomes.fail_point`.

    Of an unforeseen error the last lines of the traceback are kept.

    Raises:
        StoreUnavailableError: if the database is away for too long.
    """
    with suppress(Exception):  # what went wrong in writing is no news by now, or goes wrong again below
        task.publisher.flush()
    claims = task.lease.open
    lines = _last_lines(unforeseen) if unforeseen is not None else []
    states = task.worker.database.run(
        lambda session: [
            fail_point(session, claim, reason, max_attempts=max_attempts, traceback=lines) for claim in claims
        ]
    )
    for claim, state in zip(claims, states, strict=True):
        if state is None:
            _log.warning("%s", lost(claim))
        else:
            task.worker.observer.ended(claim, None, reason)


def _last_lines(error: BaseException) -> list[str]:
    """The end of a traceback, as `hpo show` prints it, without secrets."""
    text = without_secrets("".join(traceback.format_exception(error)))
    return [line[:TRACEBACK_WIDTH] for line in text.splitlines()[-TRACEBACK_LINES:]]


def give_back(task: Task) -> None:
    """Return open claims to the queue; if the database is unreachable, their leases will expire."""
    with suppress(Exception):
        task.publisher.flush(GIVE_BACK_SECONDS)
    try:
        with task.worker.database.transaction() as session:
            release_points(session, task.lease.open)
    except (StorageError, SQLAlchemyError) as error:
        _log.warning("the claims were not given back; their leases will expire: %s", error)


def _settled(worker: Worker, claim: Claim) -> Claim:
    """The claim with its values, planned or chosen by the sampler now."""
    if claim.planned.point is not None or claim.trial_id is None:
        return claim
    plan, trial_id = claim.plan_as(Stage2Plan), claim.trial_id
    seed = int(digest([plan.seed, plan.stream or claim.stage_name, claim.planned.key])[:8], 16)
    if plan.sampler == "asha":
        raise TrainingError("the design point has no values")  # in a pool they are chosen with the step
    if plan.sampler == "qmc":
        seed = plan.seed  # one sequence for the whole stage
    point = sampled_point(worker.study, worker.database, claim, plan, seed, trial_id)
    recipe, epochs = apply_point(plan.template, point)
    planned = replace(claim.planned, point=point, recipe=recipe_to_json(recipe), recipe_key=recipe.key, epochs=epochs)
    if not worker.database.run(settle_point, claim, planned):
        raise lost(claim)
    return replace(claim, planned=planned)


def _noting(task: Task) -> OnTrained:
    """Enters each epoch that is really trained, and ends the work when it is to end."""

    def on_trained(trained: Recipe, epoch: int, seconds: float) -> None:
        _post_epoch(task, trained, epoch, seconds)
        task.lease.check()
        task.worker.check_stop()

    return on_trained


def _post_epoch(task: Task, trained: Recipe, epoch: int, seconds: float | None) -> None:
    """Enter a trained epoch in the ledger; see `Epoch` for one without seconds."""
    worker = task.worker
    visits = trained.patch_visits(1)
    task.publisher.post(Epoch(worker.study.name, worker.owner, trained.key, epoch, visits, seconds))


def _post_result(task: Task, claims: list[Claim], result: EpochResult, epochs: int) -> None:
    """Show an epoch in the trials of the claims that it belongs to."""
    value = result.metrics[task.worker.objective.column]
    shown = tuple(claim for claim in claims if task.worker.objectives_of(claim) is None)  # Optuna reports one objective
    if shown:
        task.publisher.post(Shown(shown, result.epoch, value))
    task.worker.observer.epoch_ended(claims, result.epoch, epochs, value)


def _complete(task: Task, claim: Claim, recipe: Recipe, curve: list[dict[str, float]]) -> None:
    """Publish a point's result."""
    objective = final_objective_of(task.worker.study) if claim.stage == "confirm" else task.worker.objective
    value, epoch = objective.value(curve), objective.speaking_epoch(curve)
    trainer, groups = task.worker.trainer_of(recipe), task.worker.valid_slides_of(recipe)
    labels, rows = trainer.valid_labels, trainer.valid_probabilities(recipe, epoch)
    if objective.metric in KNOWN or trainer.further is None:
        error = metric_standard_error(labels, rows, objective.metric, groups=groups)
    else:
        error = scorer_standard_error(labels, rows, trainer.further.scorer, groups)
    metrics = {name: metric for name, metric in curve[epoch - 1].items() if name.startswith("valid_")}
    attributes = {**metrics, "recipe_key": recipe.key, "epochs": len(curve), "standard_error": error}
    values: tuple[float, ...] = ()
    constraints: dict[str, float] = {}
    several = task.worker.objectives_of(claim)
    if several is not None:
        values, quantities = judged(task.worker, claim, several, recipe, curve)
        attributes |= quantities
        constraints = several.violations(values)
    kept = _kept(task, claim, curve)
    _post_completion(task, claim, Outcome(value, error, curve, attributes, kept, values, constraints))


def _kept(task: Task, claim: Claim, curve: list[dict[str, float]]) -> Artifact | None:
    """The trial's file, stored before the trial ends; None for points without a trial."""
    if claim.trial_id is None:
        return None
    artifact = curve_artifact(claim.stage_name, claim.planned.key, curve)
    task.worker.artifacts.keep(artifact)
    return artifact


def _post_completion(task: Task, claim: Claim, outcome: Outcome) -> None:
    def finished() -> None:
        task.lease.finish(claim)
        task.worker.observer.ended(claim, outcome.objective, None)

    task.publisher.post(Completed(claim, outcome), then=finished)
