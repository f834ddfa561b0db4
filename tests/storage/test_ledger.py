"""What was really trained, by whom, and where the test split was opened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from hpo.storage.database import Database
from hpo.storage.ledger import (
    Compute,
    compute_by_owner,
    list_test_openings,
    record_epoch,
    record_test_opening,
    total_compute,
)
from tests.storage.at_once import forgetful, twice


def train(database: Database, recipe: str, epoch: int, owner: str, *, study: str = "study") -> None:
    with database.transaction() as session:
        record_epoch(
            session, study=study, recipe_key=recipe, epoch=epoch, patch_visits=64, seconds=0.5 * epoch, owner=owner
        )


def open_test(database: Database, configuration: str, owner: str, *, architecture: str = "model1") -> None:
    with database.transaction() as session:
        record_test_opening(
            session,
            study="study",
            architecture=architecture,
            configuration=configuration,
            test_digest="d1",
            owner=owner,
        )


def test_epochs_add_up_in_all_and_by_worker(database: Database) -> None:
    for recipe, epoch, owner in (("r1", 1, "a"), ("r1", 2, "b"), ("r2", 1, "a")):
        train(database, recipe, epoch, owner)
    train(database, "r1", 3, "a", study="another")
    with database.transaction() as session:
        total, by_owner = total_compute(session, "study"), compute_by_owner(session, "study")
    assert total == Compute(3, 192, pytest.approx(2.0))
    assert by_owner == {"a": Compute(2, 128, pytest.approx(1.0)), "b": Compute(1, 64, pytest.approx(1.0))}


def test_an_epoch_that_is_trained_again_after_a_crash_costs_again(sqlite: Database) -> None:
    train(sqlite, "r1", 1, "a")
    train(sqlite, "r1", 1, "b")
    with sqlite.transaction() as session:
        assert total_compute(session, "study").epochs == 2


def test_an_entry_whose_commit_was_not_confirmed_is_made_again_and_counts_once(database: Database) -> None:
    def enter(entry: str) -> Callable[[Session], None]:
        return lambda session: record_epoch(
            session, study="study", recipe_key="r1", epoch=1, patch_visits=64, seconds=0.5, owner="a", entry=entry
        )

    forgetful(database, twice).run(enter("1" * 32))
    database.run(enter("2" * 32))
    with database.transaction() as session:
        assert total_compute(session, "study").epochs == 2


def test_a_study_that_has_trained_nothing_has_cost_nothing(sqlite: Database) -> None:
    with sqlite.transaction() as session:
        assert compute_by_owner(session, "study") == {}


def test_the_opening_of_the_test_split_is_entered_once_for_each_configuration(database: Database) -> None:
    for owner in ("a", "b"):
        open_test(database, "configuration 1", owner)
    open_test(database, "configuration 1", "c", architecture="model2")
    open_test(database, "configuration 2", "c")
    with database.transaction() as session:
        openings = list_test_openings(session, "study")
        assert list_test_openings(session, "another") == []
    assert [(one.architecture, one.configuration, one.owner) for one in openings] == [
        ("model1", "configuration 1", "a"),
        ("model2", "configuration 1", "c"),
        ("model1", "configuration 2", "c"),
    ]
    assert openings[0].opened_at <= openings[2].opened_at
