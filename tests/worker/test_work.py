"""A turn of a worker: whatever happens, its claims are finished, failed or given back, and the worker lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from optuna.trial import TrialState
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from hpo.errors import DataError, PlanChangedError, StopRequestedError, StoreUnavailableError
from hpo.models.backend import tf
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.storage.workers import request_stop
from hpo.training.epoch import EpochFunction
from hpo.training.resident import ResidentData
from hpo.worker import task as task_module
from hpo.worker.work import work_once
from tests.content import undamaged
from tests.worker.conftest import RATES, SPACE, Workshop

Open = Callable[..., Workshop]


BATCHES = {**SPACE, "batch_size": {"reference": 16, "levels": [8, 16, 32]}}
# At 1e9 one seed in ten is left with dead units and a finite loss.
DIVERGING = {**SPACE, "learning_rate": {"reference": 1e30, "levels": [0.01, 1e30], "scale": "log"}}


def test_a_loss_that_is_not_finite_fails_its_point_with_the_epoch_and_the_next_point_is_trained(
    open_workshop: Open,
) -> None:
    shop = open_workshop(space=DIVERGING, **RATES)
    assert [work_once(shop.worker) for _ in range(2)] == ["something", "the last of a stage"]
    first, second = shop.points()
    assert (first.state, second.state) == ("failed", "complete")
    (reason,) = first.reasons
    assert reason.startswith("the training loss was not finite in epoch 1")
    failed, complete = shop.trials()
    assert (failed.state, failed.user_attrs["reason"], failed.value) == (TrialState.FAIL, reason, None)
    assert complete.state == TrialState.COMPLETE
    assert shop.watcher.ends[0] == (first.point_key, None, reason)


def test_an_unexpected_exception_gives_the_point_another_attempt_and_fails_it_after_the_last(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_workshop(workers={"max_attempts": 2}, **RATES)
    many_lines = "Graph execution error:\n\n  at postgresql://me:hidden@host/hpo"
    problems = iter([OSError("disk full"), RuntimeError(many_lines)])

    def bring(*_arguments: Any, **_more: Any) -> None:
        raise next(problems)

    monkeypatch.setattr(shop.worker.trainer, "bring", bring)
    work_once(shop.worker)
    point = shop.points()[0]
    assert (point.state, point.reasons) == ("waiting", ["attempt 1: OSError: disk full"])
    assert shop.trials()[0].state == TrialState.RUNNING
    work_once(shop.worker)
    point = shop.points()[0]
    assert point.state == "failed"
    in_a_line = "attempt 2: RuntimeError: Graph execution error: at postgresql://me:***@host/hpo"
    assert point.reasons == ["attempt 1: OSError: disk full", in_a_line]
    assert [fault["traceback"][-1].strip() for fault in point.faults] == [
        "OSError: disk full",
        "at postgresql://me:***@host/hpo",
    ]
    (trial,) = shop.trials()
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, in_a_line)


def test_a_worker_whose_plan_is_no_longer_the_study_s_claims_nothing(open_workshop: Open) -> None:
    shop = open_workshop(**RATES)
    with pytest.raises(PlanChangedError):
        work_once(replace(shop.worker, settings={"an": "earlier plan"}))
    assert {point.state for point in shop.points()} == {"waiting"}


@pytest.mark.parametrize("how", ["asked to stop", "interrupted"])
def test_a_worker_that_stops_gives_its_claims_back_and_keeps_every_finished_epoch(
    open_workshop: Open, how: str
) -> None:
    shop = open_workshop()

    def stop(epoch: int) -> None:
        if epoch == 1 and how == "interrupted":
            raise KeyboardInterrupt
        if epoch == 1:
            shop.worker.stop.set()

    shop.watcher.at_epoch = stop
    with pytest.raises((StopRequestedError, KeyboardInterrupt)):
        work_once(shop.worker)
    states = {point.epochs: (point.state, point.attempt, point.owner) for point in shop.points()}
    trained = shop.ledger()
    assert states[3] == states[2] == ("waiting", 1, None)
    assert {(point.failures, *point.reasons) for point in shop.points()} == {(0,)}
    assert len(trained) in (1, 2)
    shop.worker.stop.clear()
    shop.watcher.at_epoch = lambda _epoch: None
    work_once(shop.worker)
    assert {point.state for point in shop.points()} == {"complete"}
    assert shop.ledger()[: len(trained)] == trained
    assert [epoch for _, epoch, _ in shop.ledger()] == [1, 2, 3]
    assert len(shop.trials()) == 3


def take_over(shop: Workshop, keys: set[str]) -> None:
    """Another worker gets some of the points that this one trains, as after an expired lease; this one hears of it."""
    mine = [point for point in shop.points() if point.state == "running" and point.point_key in keys]
    with shop.database.transaction() as session:
        for point in mine:
            row = session.merge(point)
            row.owner, row.attempt = "another worker", row.attempt + 1
    shop.worker.heartbeat.beat()


def test_a_worker_that_lost_its_lease_publishes_nothing(open_workshop: Open) -> None:
    shop = open_workshop(**RATES)
    (point, _) = shop.points()
    shop.watcher.at_epoch = lambda epoch: take_over(shop, {point.point_key}) if epoch == 1 else None
    assert work_once(shop.worker) == "something"
    (point, _) = shop.points()
    assert (point.state, point.owner, point.objective, point.reasons) == ("running", "another worker", None, [])
    (trial,) = shop.trials()
    assert (trial.state, trial.value) == (TrialState.RUNNING, None)
    assert shop.watcher.ends == []
    assert [epoch for _, epoch, _ in shop.ledger()] == [1]
    assert undamaged(shop.worker.trainer._store, point.recipe_key or "") == (1,), "the second epoch is not saved"


def test_with_one_lost_lease_the_other_points_of_the_recipe_go_back_at_once(open_workshop: Open) -> None:
    shop = open_workshop()
    keys = {point.epochs: point.point_key for point in shop.points()}
    shop.watcher.at_epoch = lambda epoch: take_over(shop, {keys[2]}) if epoch == 1 else None
    work_once(shop.worker)
    found = {point.epochs: (point.state, point.owner) for point in shop.points()}
    assert found == {1: ("waiting", None), 2: ("running", "another worker"), 3: ("waiting", None)}


def test_claims_of_a_worker_with_other_data_fail_with_what_to_do(open_workshop: Open) -> None:
    shop = open_workshop(**RATES)
    other = replace(shop.worker.dataset, digest="e" * 64)
    trainer = type(shop.worker.trainer)(shop.worker.trainer._store, other)
    work_once(replace(shop.worker, dataset=other, trainer=trainer))
    (point, _) = shop.points()
    assert point.state == "failed"
    assert "restore the data, or plan the study again" in point.reasons[0]


@pytest.mark.parametrize("error", [tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), MemoryError()])
def test_a_batch_that_does_not_fit_into_memory_fails_its_point_and_the_worker_goes_on_with_the_next(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    shop = open_workshop(space=BATCHES, stage1={"factors": ["batch_size"]})
    train = EpochFunction.train

    def train_if_it_fits(self: EpochFunction, *arguments: Any) -> Any:
        if self.settings.batch_size == 32:
            raise error
        return train(self, *arguments)

    monkeypatch.setattr(EpochFunction, "train", train_if_it_fits)
    while work_once(shop.worker) != "nothing":
        pass
    found = {(point.point or {})["batch_size"]: (point.state, point.attempt, point.reasons) for point in shop.points()}
    # Tried again, because a neighbour on the same GPU may have had the memory.
    reason = "not enough memory for batch_size 32 with 64 patches; lower either"
    assert found == {8: ("complete", 1, []), 32: ("failed", 3, [reason] * 3), 16: ("complete", 1, [])}
    failed = next(trial for trial in shop.trials() if trial.params["batch_size"] == 32)
    assert (failed.state, failed.user_attrs["reason"]) == (TrialState.FAIL, reason)


def test_a_checkpoint_store_that_stays_away_costs_no_attempt(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_workshop()
    save = CheckpointStore.save

    def save_while_it_is_there(self: CheckpointStore, checkpoint: Checkpoint) -> str:
        if checkpoint.epoch == 2:
            raise StoreUnavailableError("the bucket is out of reach")
        return save(self, checkpoint)

    with monkeypatch.context() as away:
        away.setattr(CheckpointStore, "save", save_while_it_is_there)
        with pytest.raises(StoreUnavailableError, match="out of reach"):
            work_once(shop.worker)
    found = {point.epochs: (point.state, point.failures, point.reasons) for point in shop.points()}
    assert found == {1: ("complete", 0, []), 2: ("waiting", 0, []), 3: ("waiting", 0, [])}
    assert work_once(shop.worker) == "the last of a stage"
    assert [epoch for _, epoch, _ in shop.ledger()] == [1, 2, 3]


def test_data_that_have_changed_cost_no_attempt(open_workshop: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_workshop()

    def read(*_arguments: object) -> None:
        raise DataError("patches_x.h5: has changed")

    with monkeypatch.context() as away:
        away.setattr(ResidentData, "train", read)
        with pytest.raises(DataError, match="has changed"):
            work_once(shop.worker)
    assert {(point.state, point.failures, *point.reasons) for point in shop.points()} == {("waiting", 0)}
    assert work_once(shop.worker) == "the last of a stage"


@pytest.mark.parametrize("mode", ["drain", "now"])
def test_a_worker_that_hears_hpo_stop_ends_after_its_point_or_after_its_epoch(open_workshop: Open, mode: Any) -> None:
    shop = open_workshop()

    def stop(epoch: int) -> None:
        if epoch == 1:
            with shop.database.transaction() as session:
                request_stop(session, shop.study.name, mode)
            shop.worker.heartbeat.beat()

    shop.watcher.at_epoch = stop
    if mode == "drain":
        assert work_once(shop.worker) == "the last of a stage"
        assert {point.state for point in shop.points()} == {"complete"}
    else:
        with pytest.raises(StopRequestedError):
            work_once(shop.worker)
        assert {point.epochs: point.state for point in shop.points()} == {1: "complete", 2: "waiting", 3: "waiting"}
    assert shop.worker.heartbeat.stop_mode == mode


def test_a_worker_that_is_stopped_while_the_database_is_away_does_not_wait_for_it(
    open_workshop: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_workshop()
    away = threading.Event()

    def begin(_connection: Any) -> None:
        if away.is_set():
            raise OperationalError("BEGIN", {}, Exception("could not connect"))

    def stop(epoch: int) -> None:
        if epoch == 1:
            away.set()
            shop.worker.stop.set()

    monkeypatch.setattr(task_module, "GIVE_BACK_SECONDS", 0.1)
    event.listen(shop.database.engine, "begin", begin)
    shop.watcher.at_epoch = stop
    began = time.monotonic()
    with pytest.raises(StopRequestedError):
        work_once(shop.worker)
    assert time.monotonic() - began < 60
    away.clear()
    assert {point.state for point in shop.points()} <= {"running", "complete"}, "their leases will expire"
