"""What other tools are told of a study: every training that has ended, once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from sklearn.metrics import roc_auc_score

from hpo.export.runs import ended_runs
from hpo.recipe.arithmetic import Arithmetic
from hpo.results.study import StudyResults
from tests.results.invented import BEGAN, invent_study, running_study


@pytest.fixture(scope="module")
def results() -> StudyResults:
    return invent_study(("model1", "model2"))


def test_every_trial_and_final_training_is_one_run_under_its_own_name(results: StudyResults) -> None:
    runs = list(ended_runs(results))
    assert len(runs) == len(results.trials) + len(results.confirmations)
    assert max(Counter(run.name for run in runs).values()) == 1
    assert [run.name for run in runs][:2] == ["stage1/model1/0", "stage1/model1/1"]
    assert runs[-1].name == "confirm/model2/cold_control-2"


def test_a_trials_run_has_its_point_its_curve_and_its_objective(results: StudyResults) -> None:
    runs = {run.name: run for run in ended_runs(results)}
    for trial in results.trials:
        run = runs[f"{trial.stage}/{trial.architecture}/{trial.number}"]
        place = {"stage": trial.stage, "architecture": trial.architecture, "trial": trial.number}
        assert run.settings == place | trial.point
        assert run.curve == trial.curve
        assert run.failed == (trial.state == "failed")
        assert run.final == ({} if run.failed else {"objective": trial.objective})
        assert run.tags["recipe_key"] == trial.recipe_key
        assert run.tags.get("failure", "") == trial.failure


def test_runs_of_other_arithmetic_say_so(results: StudyResults) -> None:
    mixed = replace(results, settings=replace(results.settings, arithmetic=Arithmetic("bfloat16")))
    assert {run.settings["compute_dtype"] for run in ended_runs(mixed)} == {"bfloat16"}
    assert not any("compute_dtype" in run.settings for run in ended_runs(results))


def test_a_final_trainings_run_has_the_test_metrics_of_its_predictions(results: StudyResults) -> None:
    runs = {run.name: run for run in ended_runs(results)}
    for training in results.confirmations:
        run = runs[f"confirm/{training.architecture}/{training.role}-{training.seed}"]
        assert run.settings["role"] == training.role
        assert run.final["objective"] == training.objective
        assert run.final["test_auc"] == pytest.approx(roc_auc_score(results.test_labels, training.test_probabilities))


def test_epochs_have_the_times_at_which_they_ended(results: StudyResults) -> None:
    ended = {(entry.recipe_key, entry.epoch): entry.at for entry in results.epochs}
    for run in ended_runs(results):
        key = run.tags["recipe_key"]
        assert run.times == tuple(ended[key, epoch] for epoch in range(1, len(run.curve) + 1))
        assert BEGAN <= run.began < min(run.times, default=run.began + 1)


def test_what_another_study_trained_is_dated_to_this_ones_beginning(results: StudyResults) -> None:
    key = results.trials[0].recipe_key
    elsewhere = replace(results, epochs=tuple(entry for entry in results.epochs if entry.recipe_key != key))
    run = next(ended_runs(elsewhere))
    assert set(run.times) == {min(entry.at for entry in elsewhere.epochs)}


def test_what_still_runs_is_left_out(results: StudyResults) -> None:
    running = running_study(results)
    names = {run.name for run in ended_runs(running)}
    ended = [trial for trial in running.trials if trial.state in ("complete", "failed")]
    assert len(names) == len(ended) + len(running.confirmations)
    assert not any("/model2/" in name for name in names)
    assert list(ended_runs(StudyResults(results.settings))) == []
