"""A trial is what Optuna, its dashboard and its samplers see of a design point."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from hpo.search.spaces import spaces_to_json
from hpo.storage.artifacts import Artifact, ArtifactFiles, curve_artifact
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.optuna_studies import Direction, ensure_optuna_study
from hpo.storage.optuna_trials import (
    POINT_ATTRIBUTE,
    ask_sampler,
    begin_trial,
    report_epochs,
    tell_trial,
    trial_numbers,
)
from tests.processes import all_at_once
from tests.storage.at_once import STAGE as STUDY
from tests.storage.at_once import make_trials, trials

SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "stain_jitter": FloatDistribution(0.0, 0.4, step=0.1),
    "patches": IntDistribution(100, 1000, step=50),
    "batch_size": IntDistribution(8, 128, log=True),
    "strategy": CategoricalDistribution(["constant", "step"]),
    "batch_normalization": CategoricalDistribution([False, True]),
}
POINT: dict[str, Any] = {
    "learning_rate": 0.01,
    "stain_jitter": 0.2,
    "patches": 250,
    "batch_size": 24,
    "strategy": "step",
    "batch_normalization": True,
}


SPACE_JSON = spaces_to_json(SPACE)


def make_study(database: Database, direction: Direction = "maximize") -> None:
    database.run(ensure_optuna_study, STUDY, {"auc": direction})


def begin(database: Database, key: str = "point 1", point: Mapping[str, Any] | None = POINT) -> int:
    return database.run(begin_trial, STUDY, key, point, SPACE_JSON)


def begun(database: Database, *, direction: Direction = "maximize") -> int:
    make_study(database, direction)
    return begin(database)


def report(database: Database, trial_id: int, values: Mapping[int, float]) -> None:
    database.run(report_epochs, trial_id, values)


def tell(
    database: Database,
    trial_id: int,
    value: float | None,
    attributes: Mapping[str, Any],
    reason: str | None = None,
    artifact: Artifact | None = None,
) -> None:
    database.run(tell_trial, trial_id, value, attributes, reason, artifact)


def slot(database: Database, key: str = "slot 1") -> int:
    """A running trial whose values a sampler is to choose."""
    make_study(database)
    return begin(database, key, None)


def ask(database: Database, trial_id: int, *, seed: int = 1) -> dict[str, Any]:
    return ask_sampler(database, STUDY, trial_id, optuna.samplers.TPESampler(seed=seed), SPACE)


def test_the_running_trial_of_a_point_shows_its_values_and_names_it(database: Database) -> None:
    begun(database)
    (trial,) = trials(database)
    assert (trial.state, trial.number, trial.params) == (TrialState.RUNNING, 0, POINT)
    assert trial.distributions == SPACE
    assert trial.user_attrs == {POINT_ATTRIBUTE: "point 1"}


def test_a_finished_trial_shows_value_attributes_and_every_epoch(database: Database) -> None:
    trial_id = begun(database)
    report(database, trial_id, {1: 0.7, 2: 0.8})
    tell(database, trial_id, 0.8, {"valid_auc": 0.8, "recipe_key": "r1", "standard_error": None})
    (trial,) = trials(database)
    assert (trial.state, trial.value, trial.intermediate_values) == (TrialState.COMPLETE, 0.8, {1: 0.7, 2: 0.8})
    assert trial.user_attrs == {
        POINT_ATTRIBUTE: "point 1",
        "valid_auc": 0.8,
        "recipe_key": "r1",
        "standard_error": None,
    }


def test_a_failed_trial_shows_its_reason_and_has_no_value(database: Database) -> None:
    tell(database, begun(database), None, {}, "the training loss was not finite in epoch 1")
    (trial,) = trials(database)
    assert (trial.state, trial.value) == (TrialState.FAIL, None)
    assert trial.user_attrs["reason"] == "the training loss was not finite in epoch 1"


def test_whoever_repeats_what_a_killed_worker_told_changes_nothing(database: Database) -> None:
    trial_id = begun(database)
    report(database, trial_id, {1: 0.8})
    report(database, trial_id, {1: 0.3})
    tell(database, trial_id, 0.8, {"epochs": 1})
    before = trials(database)
    assert before[0].intermediate_values == {1: 0.8}
    report(database, trial_id, {1: 0.8, 2: 0.9})
    tell(database, trial_id, 0.7, {"epochs": 2})
    tell(database, trial_id, None, {}, "too late")
    assert trials(database) == before


CURVE = curve_artifact(STUDY, "point 1", [{"valid_auc": 0.7}, {"valid_auc": 0.8}])


def test_a_finished_trial_has_its_file_where_optuna_looks_for_it(database: Database, tmp_path: Path) -> None:
    store = ArtifactFiles(Files(tmp_path / "store"))
    store.keep(CURVE)
    tell(database, begun(database), 0.8, {}, artifact=CURVE)
    (trial,) = trials(database)
    (found,) = optuna.artifacts.get_all_artifact_meta(trial, storage=database.storage)
    assert (found.artifact_id, found.filename, found.mimetype) == (CURVE.id, "curve.csv", "text/csv")
    copy = tmp_path / found.filename
    optuna.artifacts.download_artifact(artifact_store=store, file_path=str(copy), artifact_id=found.artifact_id)
    assert copy.read_bytes() == CURVE.content


def test_the_note_of_a_file_is_what_optuna_would_have_written(database: Database, tmp_path: Path) -> None:
    (tmp_path / CURVE.filename).write_bytes(CURVE.content)
    tell(database, begun(database), 0.8, {}, artifact=CURVE)
    begin(database, "point 2")
    ours, theirs = trials(database)
    drawn = optuna.artifacts.upload_artifact(
        artifact_store=ArtifactFiles(Files(tmp_path / "store")),
        file_path=str(tmp_path / CURVE.filename),
        study_or_trial=theirs,
        storage=database.storage,
    )
    written = [database.storage.get_trial_system_attrs(trial._trial_id) for trial in (ours, theirs)]
    assert list(written[0].items()) == [
        (key.replace(drawn, CURVE.id), value.replace(drawn, CURVE.id)) for key, value in written[1].items()
    ]
    assert len(written[0]) == 1


def test_a_trial_that_is_told_twice_keeps_the_file_of_the_first_time(database: Database) -> None:
    trial_id = begun(database)
    tell(database, trial_id, 0.8, {}, artifact=CURVE)
    tell(database, trial_id, 0.7, {}, artifact=curve_artifact(STUDY, "point 1", [{"valid_auc": 0.7}]))
    (trial,) = trials(database)
    (found,) = optuna.artifacts.get_all_artifact_meta(trial, storage=database.storage)
    assert found.artifact_id == CURVE.id


def test_what_is_undone_with_its_transaction_leaves_no_trial(database: Database) -> None:
    def begin_and_fail(session: Session) -> None:
        begin_trial(session, STUDY, "point 1", POINT, SPACE_JSON)
        raise ZeroDivisionError

    make_study(database)
    with pytest.raises(ZeroDivisionError):
        database.run(begin_and_fail)
    assert trials(database) == []
    begin(database)
    assert [trial.number for trial in trials(database)] == [0]


@pytest.mark.parametrize(("direction", "best"), [("maximize", 0.9), ("minimize", 0.1)])
def test_the_best_trial_is_in_the_objectives_direction(sqlite: Database, direction: Direction, best: float) -> None:
    make_study(sqlite, direction)
    for number, value in enumerate((0.5, 0.9, 0.1)):
        tell(sqlite, begin(sqlite, f"point {number}"), value, {})
    make_study(sqlite, direction)
    assert optuna.load_study(study_name=STUDY, storage=sqlite.storage).best_value == best


@pytest.mark.parametrize(("name", "value"), [("learning_rate", 1.0), ("patches", 50), ("strategy", "cosine")])
def test_a_value_outside_its_distribution_is_refused(sqlite: Database, name: str, value: Any) -> None:
    make_study(sqlite)
    with pytest.raises(ValueError, match=str(value)):
        begin(sqlite, point=POINT | {name: value})
    assert trials(sqlite) == []


def test_the_sampler_chooses_a_value_for_every_factor_inside_its_distribution(database: Database) -> None:
    trial_id = slot(database)
    values = ask(database, trial_id)
    (trial,) = trials(database)
    assert (trial._trial_id, trial.params, trial.state) == (trial_id, values, TrialState.RUNNING)
    assert trial.user_attrs[POINT_ATTRIBUTE] == "slot 1"
    assert trial.distributions == SPACE
    assert all(space._contains(space.to_internal_repr(values[name])) for name, space in SPACE.items())


@pytest.mark.parametrize("sampler", [optuna.samplers.RandomSampler, optuna.samplers.QMCSampler])
def test_any_sampler_chooses_also_where_the_first_factor_leaves_no_choice(
    sqlite: Database, sampler: type[optuna.samplers.RandomSampler | optuna.samplers.QMCSampler]
) -> None:
    make_study(sqlite)
    narrow = {"strategy": CategoricalDistribution(["constant"]), "learning_rate": SPACE["learning_rate"]}
    for number in range(2):
        trial_id = begin(sqlite, f"slot {number}", None)
        values = ask_sampler(sqlite, STUDY, trial_id, sampler(seed=number), narrow)
        assert values["strategy"] == "constant"
        assert 1e-4 <= values["learning_rate"] <= 1e-1


def test_a_sampler_that_is_asked_again_gives_the_same_answer_whatever_has_happened_since(database: Database) -> None:
    first, second = slot(database, "slot 1"), slot(database, "slot 2")
    answer = ask(database, first)
    # The worker dies here, before the answer is with its point.
    other = ask(database, second, seed=2)
    tell(database, second, 0.5, {})
    assert ask(database, first, seed=3) == answer
    assert other != answer
    assert [trial.params for trial in trials(database)] == [answer, other]


def test_the_sampler_learns_from_what_our_statements_told(sqlite: Database) -> None:
    """TPE proposes near the good ones: it has read their values, parameters and states."""
    make_study(sqlite)
    for number in range(20):
        rate = 10 ** -(1 + 3 * number / 20)
        trial_id = begin(sqlite, f"point {number}", POINT | {"learning_rate": rate})
        tell(sqlite, trial_id, -abs(math.log10(rate / 1e-3)), {})
    sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=10)
    rates = [
        ask_sampler(sqlite, STUDY, begin(sqlite, f"slot {number}", None), sampler, SPACE)["learning_rate"]
        for number in range(8)
    ]
    assert sum(2e-4 < rate < 5e-3 for rate in rates) >= 6


INF, NAN = math.inf, math.nan

TOLD: dict[str, tuple[dict[int, float], float | None, dict[str, Any]]] = {
    "a plain trial": ({1: 0.25, 2: 0.1 + 0.2, 3: 1e-300}, 0.1 + 0.2, {"epochs": 3, "recipe_key": "ü", "error": None}),
    "values that are not finite": ({1: NAN, 2: INF, 3: -INF}, INF, {"nested": {"list": [1, 2.5, "x"], "flag": True}}),
    "minus infinity": ({}, -INF, {}),
    "a failure": ({1: 0.5}, None, {"reason": "the training loss was not finite in epoch 2"}),
}


def optunas_own(database: Database) -> list[FrozenTrial]:
    """The trials of `TOLD`, made by Optuna's API; and one that runs."""
    study = optuna.create_study(study_name="optuna's own", storage=database.storage, direction="maximize")
    for name, (epochs, value, attributes) in TOLD.items():
        study.enqueue_trial(POINT)
        trial = study.ask(SPACE)
        trial.set_user_attr(POINT_ATTRIBUTE, name)
        for epoch, reached in epochs.items():
            trial.report(reached, epoch)
        for key, attribute in attributes.items():
            trial.set_user_attr(key, attribute)
        study.tell(trial, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)
    study.enqueue_trial(POINT)
    study.ask(SPACE).set_user_attr(POINT_ATTRIBUTE, "running")
    return trials(database, "optuna's own")


def ours(database: Database) -> list[FrozenTrial]:
    """The same by our statements."""
    make_study(database)
    for name, (epochs, value, attributes) in TOLD.items():
        trial_id = begin(database, name)
        report(database, trial_id, epochs)
        reason = attributes.get("reason")
        tell(database, trial_id, value, {key: one for key, one in attributes.items() if key != "reason"}, reason)
    begin(database, "running")
    return trials(database)


def content(trial: FrozenTrial) -> str:
    """All of a trial that is not a time or an id, nan equal to nan."""
    found = (
        trial.number, trial.state, trial.values, trial.params, list(trial.params), trial.distributions,
        sorted(trial.user_attrs.items()), trial.intermediate_values,
    )  # fmt: skip
    return repr(found)


def test_what_our_statements_write_is_what_optunas_own_api_writes(database: Database) -> None:
    expected, found = optunas_own(database), ours(database)
    assert [content(trial) for trial in found] == [content(trial) for trial in expected]
    assert all(trial.system_attrs == {} for trial in found)
    now = datetime.now()
    for one, other in zip(found, expected, strict=True):
        assert one.datetime_start is not None
        assert other.datetime_start is not None
        assert timedelta(0) <= one.datetime_start - other.datetime_start < timedelta(seconds=30)
        assert (one.datetime_complete is None) == (other.datetime_complete is None)
        for moment in (one.datetime_start, one.datetime_complete or now):
            assert timedelta(0) <= now - moment < timedelta(seconds=30), "naive local time, as Optuna gives it"


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A time zone in which local time and UTC cannot be mistaken for each other."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_away")
def test_times_are_right_in_any_time_zone(database: Database) -> None:
    test_what_our_statements_write_is_what_optunas_own_api_writes(database)


def test_trials_that_are_made_at_once_by_us_and_by_optuna_are_numbered_one_by_one(
    database: Database, database_url: str
) -> None:
    make_study(database)
    made = all_at_once(4, make_trials, database_url, 25)
    found = trials(database)
    assert sorted(trial.number for trial in found) == list(range(100))
    assert sorted(trial._trial_id for trial in found) == sorted(one for process in made for one in process)
    assert sum(POINT_ATTRIBUTE in trial.user_attrs for trial in found) == 50
    with database.snapshot() as session:
        assert sorted(trial_numbers(session, STUDY).values()) == list(range(100))


def test_optunas_command_line_reads_our_trials(database: Database, database_url: str) -> None:
    trial_id = begun(database)
    report(database, trial_id, {1: 0.5})
    tell(database, trial_id, 0.75, {"epochs": 1})
    command = [Path(sys.executable).parent / "optuna", "trials", "--storage", database_url, "--study-name", STUDY]
    printed = subprocess.run(
        [*command, "--format", "json", "--flatten"], capture_output=True, text=True, check=True, env=os.environ
    )
    (trial,) = json.loads(printed.stdout)
    assert (trial["number"], trial["state"], trial["value"]) == (0, "COMPLETE", 0.75)
    assert {name: trial[f"params_{name}"] for name in POINT} == POINT
    assert trial[f"user_attrs_{POINT_ATTRIBUTE}"] == "point 1"


def test_trials_have_their_numbers_by_their_ids(sqlite: Database) -> None:
    first, second = begun(sqlite), begin(sqlite, "point 2")
    with sqlite.snapshot() as session:
        assert trial_numbers(session, STUDY) == {first: 0, second: 1}


def test_a_study_that_was_never_made_has_no_trials(sqlite: Database) -> None:
    with sqlite.snapshot() as session:
        assert trial_numbers(session, "nothing/of/this") == {}
