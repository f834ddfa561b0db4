"""Outcomes: a result is accepted once, with its trial, and whoever comes too late changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from sqlalchemy.orm import Session

from hpo.search.spaces import spaces_to_json
from hpo.storage.artifacts import curve_artifact
from hpo.storage.claims import Claim, release_points
from hpo.storage.database import Database
from hpo.storage.ledger import record_epoch
from hpo.storage.optuna_trials import POINT_ATTRIBUTE
from hpo.storage.outcomes import (
    Outcome,
    complete_point,
    fail_point,
    settle_point,
    show_epochs,
    stage_is_exhausted,
)
from hpo.storage.points import DesignPoint
from tests.storage.at_once import (
    DONE,
    STAGE,
    claim,
    claim_one,
    complete,
    forgetful,
    plan,
    point,
    rows,
    train_an_epoch,
    trials,
    twice,
)


def fail(database: Database, claim: Claim, reason: str, *, max_attempts: int) -> str | None:
    return database.run(fail_point, claim, reason, max_attempts=max_attempts)


def everything(database: Database) -> list[Any]:
    """All that a late worker could change."""
    points = [
        (row.state, row.owner, row.attempt, row.failures, row.objective, row.curve, row.point, row.reasons)
        for row in rows(database)
    ]
    return [points, trials(database)]


def test_a_result_is_accepted_in_its_row_and_in_its_trial(database: Database) -> None:
    plan(database, [point(1)])
    one = claim_one(database)
    assert complete(database, one)
    (row,), (trial,) = rows(database), trials(database)
    assert (row.state, row.objective, row.standard_error, row.curve) == ("complete", 0.9, 0.01, DONE.curve)
    assert (row.owner, row.lease_expires_at) == ("a", None), "who made it stays on record"
    assert row.finished_at is not None
    assert (trial.state, trial.value, trial.user_attrs["epochs"]) == (TrialState.COMPLETE, 0.9, 1)


def files(database: Database) -> list[list[str]]:
    """The ids of each trial's files."""
    return [
        [found.artifact_id for found in optuna.artifacts.get_all_artifact_meta(trial, storage=database.storage)]
        for trial in trials(database)
    ]


def with_file(objective: float) -> Outcome:
    curve = [{"valid_auc": objective}]
    return replace(DONE, objective=objective, curve=curve, artifact=curve_artifact(STAGE, "point-1", curve))


def test_a_trial_has_one_file_that_of_the_attempt_that_was_accepted(database: Database) -> None:
    plan(database, [point(1)])
    stale = claim_one(database, "stale")
    database.run(release_points, [stale])
    fresh = claim_one(database, "fresh")
    assert not complete(database, stale, with_file(0.7))
    assert files(database) == [[]]
    accepted = with_file(0.8)
    assert complete(database, fresh, accepted)
    assert complete(database, fresh, accepted), "whose commit was not confirmed says it again"
    assert not complete(database, stale, with_file(0.7))
    assert accepted.artifact is not None
    assert files(database) == [[accepted.artifact.id]]


def test_a_failed_attempt_leaves_no_file(database: Database) -> None:
    plan(database, [point(1)])
    fail(database, claim_one(database), "diverged", max_attempts=0)
    assert files(database) == [[]]


def test_row_and_trial_are_finished_in_one_transaction_or_not_at_all(database: Database) -> None:
    plan(database, [point(1)])
    one = claim_one(database)

    def complete_and_die(session: Session) -> None:
        assert complete_point(session, one, DONE)
        session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.run(complete_and_die)
    assert rows(database)[0].state == "running"
    assert trials(database)[0].state == TrialState.RUNNING


def test_who_finished_a_point_may_say_so_again_and_the_first_word_counts(database: Database) -> None:
    plan(database, [point(1)])
    one = claim_one(database)
    complete(database, one)
    before = everything(database)
    assert complete(database, one, replace(DONE, objective=0.1, attributes={"epochs": 9}))
    assert everything(database) == before


LATE: dict[str, tuple[Callable[[Session, Claim], Any], object]] = {
    "complete": (lambda session, claim: complete_point(session, claim, DONE), False),
    "show epochs": (lambda session, claim: show_epochs(session, claim, {1: 0.1}), False),
    "settle": (lambda session, claim: settle_point(session, claim, DesignPoint("point-1", point={"a": 1})), False),
    "fail": (lambda session, claim: fail_point(session, claim, "too late", max_attempts=0), None),
}


@pytest.mark.parametrize("act", LATE)
@pytest.mark.parametrize("by_now", ["running", "complete", "failed"])
def test_who_comes_too_late_is_told_so_and_changes_nothing(sqlite: Database, act: str, by_now: str) -> None:
    plan(sqlite, [point(1)])
    stale = claim_one(sqlite, "stale")
    sqlite.run(release_points, [stale])
    fresh = claim_one(sqlite, "fresh")
    if by_now == "complete":
        complete(sqlite, fresh)
    if by_now == "failed":
        fail(sqlite, fresh, "diverged", max_attempts=0)
    before = everything(sqlite)
    late, answer = LATE[act]
    assert sqlite.run(late, stale) is answer
    assert everything(sqlite) == before


@pytest.mark.parametrize("by_now", ["running", "complete"])
def test_on_either_database_a_stale_result_is_refused(database: Database, by_now: str) -> None:
    plan(database, [point(1)])
    stale = claim_one(database, "stale")
    database.run(release_points, [stale])
    fresh = claim_one(database, "fresh")
    if by_now == "complete":
        complete(database, fresh)
    before = everything(database)
    assert not complete(database, stale, replace(DONE, objective=0.1))
    assert everything(database) == before


def test_a_point_has_one_trial_however_many_attempts(database: Database) -> None:
    plan(database, [point(1)])
    first = claim_one(database)
    database.run(release_points, [first])
    second = claim_one(database)
    assert (second.attempt, second.trial_id) == (2, first.trial_id)
    (trial,) = trials(database)
    assert (trial.state, trial.user_attrs) == (TrialState.RUNNING, {POINT_ATTRIBUTE: "point-1"})


def test_the_trial_of_a_point_with_values_shows_those_of_its_space(database: Database) -> None:
    space = {"learning_rate": FloatDistribution(1e-3, 1e-1, log=True)}
    plan(database, [replace(point(1), point={"learning_rate": 0.01, "epochs": 5})], space=spaces_to_json(space))
    claim_one(database)
    (trial,) = trials(database)
    assert (trial.params, trial.distributions) == ({"learning_rate": 0.01}, space)


def test_every_epoch_shows_while_the_point_runs(database: Database) -> None:
    plan(database, [point(1)])
    one = claim_one(database)
    assert database.run(show_epochs, one, {1: 0.7})
    assert database.run(show_epochs, one, {1: 0.7, 2: 0.8})
    assert trials(database)[0].intermediate_values == {1: 0.7, 2: 0.8}


def test_what_the_sampler_chose_is_what_every_later_attempt_is_given(database: Database) -> None:
    plan(database, [DesignPoint("slot 1")])
    one = claim_one(database)
    chosen = DesignPoint("slot 1", point={"epochs": 2}, recipe={"seed": 1}, recipe_key="r", epochs=2)
    assert database.run(settle_point, one, chosen)
    database.run(release_points, [one])
    assert claim_one(database).planned == chosen


def test_a_point_fails_for_good_after_its_attempts_with_every_reason_kept(database: Database) -> None:
    plan(database, [point(1)])
    assert fail(database, claim_one(database), "disk full", max_attempts=2) == "waiting"
    assert trials(database)[0].state == TrialState.RUNNING
    assert fail(database, claim_one(database), "disk still full", max_attempts=2) == "failed"
    (row,), (trial,) = rows(database), trials(database)
    assert (row.state, row.reasons, row.owner) == ("failed", ["disk full", "disk still full"], "a")
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, "disk still full")


def test_only_failures_in_a_row_without_an_epoch_count(database: Database) -> None:
    plan(database, [point(1)])
    for attempt in range(1, 12):
        one = claim_one(database)
        if attempt % 2 == 0:
            train_an_epoch(database, one)
        assert fail(database, one, f"attempt {attempt}", max_attempts=2) == "waiting"
    assert rows(database)[0].failures == 1
    assert fail(database, claim_one(database), "again", max_attempts=2) == "failed"


def test_an_epoch_that_was_lost_and_is_trained_again_is_no_progress(sqlite: Database) -> None:
    plan(sqlite, [point(1)])
    for attempt, state in enumerate(("waiting", "waiting", "failed")):
        one = claim_one(sqlite)
        with sqlite.transaction() as session:
            record_epoch(
                session, study="study", recipe_key="lost", epoch=1, patch_visits=1, seconds=0.1, owner=one.owner
            )
        assert fail(sqlite, one, f"attempt {attempt}: the checkpoint was gone", max_attempts=2) == state


def test_the_epochs_of_an_earlier_attempt_or_of_another_worker_are_no_progress(database: Database) -> None:
    plan(database, [point(1), point(2)])
    first, other = claim_one(database, "a"), claim_one(database, "b")
    train_an_epoch(database, first)
    assert fail(database, first, "one", max_attempts=2) == "waiting"
    train_an_epoch(database, other)
    assert fail(database, claim_one(database, "a"), "two", max_attempts=2) == "waiting"
    assert fail(database, claim_one(database, "a"), "three", max_attempts=2) == "failed"


def test_what_cannot_be_trained_fails_at_once_whatever_was_trained(database: Database) -> None:
    plan(database, [point(1)])
    one = claim_one(database)
    train_an_epoch(database, one)
    assert fail(database, one, "the training loss was not finite in epoch 2", max_attempts=0) == "failed"


def test_a_stage_is_exhausted_when_nothing_waits_or_runs(database: Database) -> None:
    def exhausted() -> bool:
        return database.run(stage_is_exhausted, STAGE)

    plan(database, [point(1), point(2)])
    complete(database, claim_one(database))
    assert not exhausted()
    last = claim_one(database)
    assert not exhausted()
    fail(database, last, "diverged", max_attempts=0)
    assert exhausted()


def test_a_worker_whose_commit_was_not_confirmed_makes_it_again_without_harm(database: Database) -> None:
    plan(database, [point(1)])
    one = claim_one(database)

    def publish(session: Session) -> list[bool]:
        """As the publisher does with what has piled up: the last epoch and the result in one transaction."""
        return [show_epochs(session, one, {1: 0.9}), complete_point(session, one, DONE)]

    assert forgetful(database, twice).run(publish) == [True, True]
    (row,), (trial,) = rows(database), trials(database)
    assert (row.state, row.attempt, row.objective) == ("complete", 1, 0.9)
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.COMPLETE, 0.9, {1: 0.9})


def test_a_result_without_an_objective_has_no_trial(sqlite: Database) -> None:
    plan(sqlite, [DesignPoint("configuration")], stage="test")
    (one,) = claim(sqlite)
    assert complete(sqlite, one, Outcome(None, None, [], {}))
    assert one.trial_id is None
