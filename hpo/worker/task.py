"""A task: the claims of one recipe, trained and published."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from hpo.errors import StorageError, TrainingError
from hpo.evaluation.fold_curves import fold_name, fold_values, mean_curve
from hpo.evaluation.objective import final_objective_of
from hpo.recipe.folds import FOLD_ROLES, in_folds
from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.secrets import without_secrets
from hpo.storage.artifacts import Artifact, curve_artifact
from hpo.storage.claims import Claim, lost, release_points
from hpo.storage.decided import ConfirmResult, folds_of
from hpo.storage.leases import HeldLease
from hpo.storage.outcomes import Outcome, fail_point
from hpo.training.engine import EpochResult, OnTrained
from hpo.worker.judging import judged, standard_error
from hpo.worker.messages import Completed, Epoch, Opened, Shown
from hpo.worker.publisher import Publisher
from hpo.worker.sampling import settled
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
    claims = [settled(worker.study, worker.database, claim) for claim in lease.open]
    lease.settle(claims)
    if claims[0].planned.recipe is None:
        raise TrainingError("the design point has no recipe")
    recipe = recipe_from_json(claims[0].planned.recipe)
    targets = sorted({claim.planned.epochs or 0 for claim in claims})
    # Where the best epoch speaks, any epoch's weights may be needed; else those that a later stage may continue from.
    later = {worker.study.stage2.epochs, worker.study.confirm.epochs}
    every = worker.objective.epoch == "best" or any(_patience(worker, claim) for claim in claims)
    kept_epochs = {epoch for epoch in range(1, targets[-1] + 1) if every or epoch in {*targets, *later}}

    addresses = folds_of(claims[0].plan)
    if addresses:
        _train_in_folds(task, claims, in_folds(recipe, addresses), recipe, kept_epochs)
        return
    curve: list[dict[str, float]] = []
    for result in _brought(task, claims, recipe, kept_epochs):
        curve.append(result.metrics)
        _post_result(task, claims, result, targets[-1])
        for claim in [claim for claim in claims if _is_over(worker, claim, curve)]:
            claims.remove(claim)
            lease.check()
            _complete(task, claim, recipe, [recipe], curve[: result.epoch])
        if not claims:
            break  # patience may end them before their last epoch


def _train_in_folds(
    task: Task, claims: list[Claim], trainings: Sequence[Recipe], recipe: Recipe, kept_epochs: set[int]
) -> None:
    """Train a recipe in every fold, one after the other, and complete its claims with the mean.

    Points begin with different folds, so that workers seldom need the same fold's donor at the same moment.
    """
    worker, folds, last = task.worker, len(trainings), max(kept_epochs)
    first = int(claims[0].planned.label.get("slot", 0))
    curves: list[list[dict[str, float]]] = [[] for _ in trainings]
    for place, number in enumerate((first + place) % folds for place in range(folds)):
        for result in _brought(task, claims, trainings[number], kept_epochs):
            curves[number].append(result.metrics)
            value = result.metrics[worker.objective.column]
            if place == folds - 1:  # all others have come as far
                value = fmean(curve[result.epoch - 1][worker.objective.column] for curve in curves)
                _show(task, claims, result.epoch, value)
            worker.observer.epoch_ended(claims, place * last + result.epoch, folds * last, value)
    mean = mean_curve(curves, worker.objective.column)
    for claim in claims:
        task.lease.check()
        _complete(task, claim, recipe, trainings, mean[: claim.planned.epochs])


def _brought(task: Task, claims: Sequence[Claim], recipe: Recipe, epochs: set[int]) -> Iterator[EpochResult]:
    """Bring a recipe to its last epoch; one that an earlier attempt saved is entered in the ledger if need be."""
    trainer = task.worker.trainer_of(recipe)
    for result in trainer.bring(recipe, epochs, on_trained=_noting(task), before_save=task.lease.check):
        if result.seconds is None and any(claim.attempt > 1 for claim in claims):
            _post_epoch(task, recipe, result.epoch, None)
        yield result


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
    with suppress(Exception):  # as in `fail`; the claims are given back all the same
        task.publisher.flush(GIVE_BACK_SECONDS)
    try:
        with task.worker.database.transaction() as session:
            release_points(session, task.lease.open)
    except (StorageError, SQLAlchemyError) as error:
        _log.warning("the claims were not given back; their leases will expire: %s", error)


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
    _show(task, claims, result.epoch, value)
    task.worker.observer.epoch_ended(claims, result.epoch, epochs, value)


def _show(task: Task, claims: Sequence[Claim], epoch: int, value: float) -> None:
    shown = tuple(claim for claim in claims if task.worker.objectives_of(claim) is None)  # Optuna reports one objective
    if shown:
        task.publisher.post(Shown(shown, epoch, value))


def _complete(
    task: Task, claim: Claim, recipe: Recipe, trainings: Sequence[Recipe], curve: list[dict[str, float]]
) -> None:
    """Publish a point's result: of its one training, or the mean of those in folds."""
    objective = final_objective_of(task.worker.study) if claim.stage == "confirm" else task.worker.objective
    value, epoch = objective.value(curve), objective.speaking_epoch(curve)
    # Folds hold out other patches, so that their errors are independent.
    error = math.hypot(*(standard_error(task.worker, objective, one, epoch) for one in trainings)) / len(trainings)
    metrics = {name: metric for name, metric in curve[epoch - 1].items() if name.startswith("valid_")}
    attributes = {**metrics, "recipe_key": recipe.key, "epochs": len(curve), "standard_error": error}
    attributes |= {fold_name(number): found for number, found in enumerate(fold_values(objective, curve))}
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
