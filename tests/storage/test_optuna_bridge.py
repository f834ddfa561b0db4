"""A trial is what Optuna, its dashboard and its samplers see of a design point."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from hpo.storage.database import Database
from hpo.storage.optuna_bridge import (
    POINT_ATTRIBUTE,
    Direction,
    ask_trial,
    begin_trial,
    ensure_optuna_study,
    report_epoch,
    tell_trial,
    trial_numbers,
)
from tests.processes import all_at_once
from tests.storage.at_once import make_optuna_study

STUDY = "study/stage1/model1"
SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "stain_jitter": FloatDistribution(0.0, 0.4, step=0.1),
    "patches": IntDistribution(100, 1000, step=50),
    "strategy": CategoricalDistribution(["constant", "step"]),
}
POINT: dict[str, Any] = {"learning_rate": 0.01, "stain_jitter": 0.2, "patches": 250, "strategy": "step"}


def trials(database: Database) -> list[FrozenTrial]:
    """As any user of Optuna reads them."""
    return optuna.load_study(study_name=STUDY, storage=database.storage).trials


def begun(database: Database, *, direction: Direction = "maximize") -> int:
    ensure_optuna_study(database, STUDY, direction)
    return begin_trial(database, STUDY, "point 1", POINT, SPACE)


def ask(database: Database, key: str, *, seed: int = 1) -> tuple[int, dict[str, Any]]:
    return ask_trial(database, STUDY, key, optuna.samplers.TPESampler(seed=seed), SPACE)


def test_the_running_trial_of_a_point_shows_its_values_and_names_it(database: Database) -> None:
    begun(database)
    (trial,) = trials(database)
    assert (trial.state, trial.number, trial.params) == (TrialState.RUNNING, 0, POINT)
    assert trial.distributions == SPACE
    assert trial.user_attrs == {POINT_ATTRIBUTE: "point 1"}
    assert trial.datetime_start is not None


def test_a_finished_trial_shows_value_attributes_and_every_epoch(database: Database) -> None:
    trial_id = begun(database)
    for epoch, value in ((1, 0.7), (2, 0.8), (2, 0.8)):
        report_epoch(database, trial_id, epoch, value)
    tell_trial(database, trial_id, 0.8, {"valid_auc": 0.8, "recipe_key": "r1", "standard_error": None})
    (trial,) = trials(database)
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.COMPLETE, 0.8, {1: 0.7, 2: 0.8})
    assert trial.user_attrs == {
        POINT_ATTRIBUTE: "point 1",
        "valid_auc": 0.8,
        "recipe_key": "r1",
        "standard_error": None,
    }


def test_a_failed_trial_shows_its_reason_and_has_no_value(database: Database) -> None:
    tell_trial(database, begun(database), None, {}, "the training loss was not finite in epoch 1")
    (trial,) = trials(database)
    assert (trial.state, trial.value) == (TrialState.FAIL, None)
    assert trial.user_attrs["reason"] == "the training loss was not finite in epoch 1"


def test_whoever_repeats_what_a_killed_worker_told_changes_nothing(database: Database) -> None:
    trial_id = begun(database)
    report_epoch(database, trial_id, 1, 0.8)
    tell_trial(database, trial_id, 0.8, {"epochs": 1})
    before = trials(database)
    report_epoch(database, trial_id, 1, 0.8)
    report_epoch(database, trial_id, 2, 0.9)
    tell_trial(database, trial_id, 0.8, {"epochs": 1})
    tell_trial(database, trial_id, None, {}, "too late")
    assert trials(database) == before


@pytest.mark.parametrize(("direction", "best"), [("maximize", 0.9), ("minimize", 0.1)])
def test_the_best_trial_is_in_the_objectives_direction(sqlite: Database, direction: Direction, best: float) -> None:
    ensure_optuna_study(sqlite, STUDY, direction)
    for number, value in enumerate((0.5, 0.9, 0.1)):
        tell_trial(sqlite, begin_trial(sqlite, STUDY, f"point {number}", POINT, SPACE), value, {})
    ensure_optuna_study(sqlite, STUDY, direction)
    assert optuna.load_study(study_name=STUDY, storage=sqlite.storage).best_value == best


def test_a_value_outside_its_distribution_is_refused(sqlite: Database) -> None:
    ensure_optuna_study(sqlite, STUDY, "maximize")
    with pytest.raises(ValueError, match="learning_rate"):
        begin_trial(sqlite, STUDY, "point 1", POINT | {"learning_rate": 1.0}, SPACE)
    assert trials(sqlite) == []


def test_the_sampler_chooses_a_value_for_every_factor_inside_its_distribution(database: Database) -> None:
    ensure_optuna_study(database, STUDY, "maximize")
    trial_id, values = ask(database, "slot 1")
    (trial,) = trials(database)
    assert (trial._trial_id, trial.params, trial.state) == (trial_id, values, TrialState.RUNNING)
    assert trial.user_attrs[POINT_ATTRIBUTE] == "slot 1"
    assert trial.distributions == SPACE
    assert all(space._contains(space.to_internal_repr(values[name])) for name, space in SPACE.items())


def test_an_interrupted_asking_is_failed_and_asked_again_with_the_same_answer(database: Database) -> None:
    tell_trial(database, begun(database), 0.5, {})
    _, first = ask(database, "slot 1")
    _, other = ask(database, "slot 2", seed=2)
    # The worker dies here, before the answer is with its point.
    _, second = ask(database, "slot 1")
    assert second == first
    assert other != first
    found = [(trial.user_attrs[POINT_ATTRIBUTE], trial.state) for trial in trials(database)]
    assert found == [
        ("point 1", TrialState.COMPLETE),
        ("slot 1", TrialState.FAIL),
        ("slot 2", TrialState.RUNNING),
        ("slot 1", TrialState.RUNNING),
    ]


def test_an_interrupted_beginning_is_failed_and_begun_again(sqlite: Database) -> None:
    first = begun(sqlite)
    second = begun(sqlite)
    assert [trial.state for trial in trials(sqlite)] == [TrialState.FAIL, TrialState.RUNNING]
    assert "killed" in trials(sqlite)[0].user_attrs["reason"]
    assert trial_numbers(sqlite, STUDY) == {first: 0, second: 1}


def test_a_study_that_was_never_made_has_no_trials(sqlite: Database) -> None:
    assert trial_numbers(sqlite, "nothing/of/this") == {}


def test_processes_that_make_the_optuna_study_at_once_make_one(database: Database, database_url: str) -> None:
    all_at_once(4, make_optuna_study, database_url)
    assert [study.study_name for study in optuna.get_all_study_summaries(storage=database.storage)] == [STUDY]
