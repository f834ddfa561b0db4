"""What a report is drawn from equals what the database and the prediction store hold."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import optuna
import pytest
from PIL import Image
from sqlalchemy import text

from hpo.data.dataset import Patches
from hpo.errors import StorageError
from hpo.recipe.recipe import recipe_from_json
from hpo.results.cost import total_cost
from hpo.results.read import read_results
from hpo.results.read_patches import find_mistakes
from hpo.results.study import StudyResults
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from hpo.storage.files import Files
from hpo.storage.ledger import record_test_opening
from hpo.storage.outcomes import fail_point
from hpo.storage.predictions import PredictionStore
from hpo.storage.workers import end_worker, register_worker
from tests.results.invented import invent_study
from tests.stages.story import Story, load, smooth


@pytest.fixture
def story(database: Database, tmp_path: Path) -> Story:
    """A finished study; high learning rates diverge in one of its architectures."""
    told = Story(
        load(tmp_path),
        database,
        quality={"wide": lambda point: None if float(point["learning_rate"]) > 0.05 else smooth(point)},
    )
    told.advance()
    claims = database.run(claim_points, "small", "unlucky", 3600)
    database.run(register_worker, "small", "unlucky", "GPU 3")
    for claim in claims:
        database.run(partial(fail_point, claim=claim, reason="the disk was full", max_attempts=3))
    database.run(end_worker, "small", "unlucky")
    database.run(register_worker, "small", "worker", "CPU")
    told.run()
    told.predict()
    for (stage, architecture), row in told.stages().items():
        if stage == "test":
            with database.transaction() as session:
                record_test_opening(
                    session,
                    study="small",
                    architecture=architecture,
                    configuration=row.plan["configuration"],
                    test_digest="f" * 64,
                    owner="worker",
                )
    return told


def _rows(database: Database, query: str) -> list[dict[str, Any]]:
    with database.transaction() as session:
        return [dict(row) for row in session.execute(text(query)).mappings()]


def _value(column: Any) -> Any:
    return json.loads(column) if isinstance(column, str) else column


def test_every_trial_is_that_of_its_optuna_study(story: Story) -> None:
    results = read_results(story.database, story.study)
    for stage in ("stage1", "stage2"):
        for architecture in ("tiny", "wide"):
            study = optuna.load_study(study_name=f"small/{stage}/{architecture}", storage=story.database.storage)
            known = {trial.number: trial for trial in study.trials}
            ours = [one for one in results.trials if (one.stage, one.architecture) == (stage, architecture)]
            assert sorted(one.number for one in ours) == sorted(known)
            for one in ours:
                trial = known[one.number]
                assert one.objective == trial.value
                assert {name: one.point[name] for name in trial.params} == trial.params
                assert (one.state == "failed") == (trial.state == optuna.trial.TrialState.FAIL)
    assert any(one.state == "failed" for one in results.trials)


def test_trials_have_their_curves_metrics_and_donors(story: Story) -> None:
    results = read_results(story.database, story.study)
    held = {
        (row["stage_name"], row["trial_id"]): row
        for row in _rows(story.database, "SELECT * FROM hpo_design_point WHERE trial_id IS NOT NULL")
    }
    assert len(held) == len(results.trials)
    curves = sorted(json.dumps(_value(row["curve"]) or []) for row in held.values())
    assert sorted(json.dumps(list(one.curve)) for one in results.trials) == curves
    done = [one for one in results.trials if one.state == "complete"]
    assert all(one.metrics == one.curve[-1] for one in done)
    assert sorted(one.finished_at or 0 for one in done) == sorted(
        row["finished_at"] for row in held.values() if row["state"] == "complete"
    )
    visits = [recipe_from_json(_value(row["recipe"])).patch_visits(row["epochs"]) for row in held.values()]
    assert sorted(one.patch_visits for one in results.trials) == sorted(visits)
    donors = {donor.architecture: (donor.recipe_key, donor.epoch) for donor in results.donors}
    assert {one.architecture: one.donor for one in results.trials if one.stage == "stage2"} == donors
    assert {one.donor for one in results.trials if one.stage == "stage1"} == {None}


def test_every_epoch_of_the_ledger_is_counted_once(story: Story) -> None:
    results = read_results(story.database, story.study)
    ledger = _rows(story.database, "SELECT * FROM hpo_trained_epoch WHERE study = 'small'")
    assert sum(entry.spent.patch_visits for entry in results.compute) == sum(row["patch_visits"] for row in ledger)
    assert sum(entry.spent.epochs for entry in results.compute) == len(ledger) == len(results.epochs)
    assert [entry.at for entry in results.epochs] == sorted(row["at"] for row in ledger)
    assert {(entry.recipe_key, entry.epoch) for entry in results.epochs} == {
        (row["recipe_key"], row["epoch"]) for row in ledger
    }


def test_what_the_reference_needs_is_the_references(story: Story) -> None:
    """Seed 0's reference is stage 1's too: its epochs were trained once, and would have been without any tuning."""
    results = read_results(story.database, story.study)
    for architecture in ("tiny", "wide"):
        (before,) = [one for one in results.compute if (one.architecture, one.role) == (architecture, "before")]
        runs = [one for one in results.confirmations if (one.architecture, one.role) == (architecture, "before")]
        assert before.spent.epochs == sum(one.epochs for one in runs) == 2 * len(story.study.confirm.seeds)


def test_the_objectives_metric_is_what_a_trial_was_judged_by(database: Database, tmp_path: Path) -> None:
    told = Story(load(tmp_path, objective={"metric": "auc", "epoch": "mean_last", "last": 2}), database)
    told.run("stage1")
    done = [one for one in read_results(database, told.study).trials if len(one.curve) > 1]
    assert done
    for one in done:
        mean = (one.curve[-1]["valid_auc"] + one.curve[-2]["valid_auc"]) / 2
        assert one.metrics["valid_auc"] == one.objective == pytest.approx(mean)
        assert one.metrics["valid_loss"] == one.curve[-1]["valid_loss"]


def test_final_trainings_have_the_predictions_that_were_stored(story: Story) -> None:
    results = read_results(story.database, story.study)
    assert len(results.confirmations) == 2 * 2 * 3
    store = PredictionStore(Files(story.study.checkpoints))
    for architecture in ("tiny", "wide"):
        plan = story.stages()["test", architecture].plan
        runs = {(run["role"], run["seed"]): run for run in plan["runs"]}
        for one in results.confirmations:
            if one.architecture != architecture:
                continue
            run = runs[one.role, one.seed]
            assert one.recipe_key == run["recipe_key"]
            assert one.objective == run["objective"]
            assert (one.donor is not None) == (one.role == "after")
            np.testing.assert_array_equal(one.test_probabilities, store.load(plan["configuration"], one.role, one.seed))
            np.testing.assert_array_equal(
                one.valid_probabilities, store.load(plan["configuration"], one.role, one.seed, "valid")
            )
    assert results.test_labels is not None
    assert results.valid_labels is not None
    assert (len(results.test_labels), len(results.valid_labels)) == (40, 30)


def test_the_best_architecture_is_chosen_on_validation(story: Story) -> None:
    results = read_results(story.database, story.study)
    means = {}
    for architecture in ("tiny", "wide"):
        tuned = [one for one in results.confirmations if (one.architecture, one.role) == (architecture, "after")]
        means[architecture] = np.mean([one.objective for one in tuned if one.objective is not None])
    assert results.best_architecture == max(means, key=lambda name: means[name])
    assert StudyResults(results.settings).best_architecture is None


def test_workers_and_faults_are_those_of_the_register(story: Story) -> None:
    results = read_results(story.database, story.study)
    assert [(one.owner, one.device) for one in results.workers] == [("unlucky", "GPU 3"), ("worker", "CPU")]
    assert results.workers[0].ended_at is not None
    assert results.workers[1].ended_at is None
    first = results.faults[0]
    assert (first.stage, first.owner, first.attempt, first.reason) == ("stage1", "unlucky", 1, "the disk was full")
    assert results.workers[0].started_at <= first.at <= results.workers[0].ended_at
    diverged = [fault for fault in results.faults if "not finite" in fault.reason]
    assert len(diverged) == sum(trial.state == "failed" for trial in results.trials)


def test_ranges_and_openings_are_those_that_were_decided(story: Story) -> None:
    results = read_results(story.database, story.study)
    for architecture in ("tiny", "wide"):
        plan = story.stages()["stage2", architecture].plan
        for one in results.ranges:
            if one.architecture == architecture and one.low is not None:
                decided = plan["ranges"][one.factor]
                assert (one.low, one.high, one.best) == (decided["low"], decided["high"], decided["best"])
    openings = _rows(story.database, "SELECT * FROM hpo_test_opening ORDER BY id")
    assert [(one.architecture, one.configuration, one.opened_at) for one in results.test_openings] == [
        (row["architecture"], row["configuration"], row["opened_at"]) for row in openings
    ]
    assert {one.architecture: one.configuration for one in results.test_openings} == {
        architecture: story.stages()["test", architecture].plan["configuration"] for architecture in ("tiny", "wide")
    }


def test_predictions_that_are_gone_are_named(story: Story) -> None:
    plan = story.stages()["test", "tiny"].plan
    Files(story.study.checkpoints).remove(f"predictions/{plan['configuration']}/valid/after-1.npz")
    with pytest.raises(StorageError, match=r"valid/after-1\.npz: predictions are missing"):
        read_results(story.database, story.study)


def test_a_study_that_was_only_planned_has_no_results(database: Database, tmp_path: Path) -> None:
    planned = Story(load(tmp_path), database)
    planned.advance("stage1")
    results = read_results(database, planned.study)
    assert {one.state for one in results.trials} <= {"waiting"}
    assert (results.confirmations, results.epochs, results.workers, results.faults, results.mistakes) == ((),) * 5
    assert results.test_labels is None


class TestMistakes:
    @pytest.fixture
    def patches(self, tmp_path: Path) -> Patches:
        """Test patches of one colour each, a different grey for each row."""
        labels = invent_study(architectures=("one",)).test_labels
        assert labels is not None
        rows = np.arange(len(labels))
        x = np.broadcast_to((rows % 250)[:, None, None, None], (len(rows), 8, 8, 3)).astype(np.uint8)
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file["x"] = x
        return Patches("test", tmp_path / "x.h5", rows, labels, None, np.zeros((len(rows), 32), np.uint8), 8)

    def test_they_are_the_most_confident_of_the_best_architecture(self, patches: Patches) -> None:
        results = replace(invent_study(), mistakes=())
        found = find_mistakes(results, patches)
        rows = [
            one.test_probabilities
            for one in results.confirmations
            if (one.architecture, one.role) == (results.best_architecture, "after")
        ]
        mean = np.mean(np.stack([row for row in rows if row is not None]), axis=0)
        wrong = {row for row in range(len(mean)) if (mean[row] > 0.5) != (patches.labels[row] == 1)}
        assert {one.row for one in found} <= wrong
        assert len(found) == sum(min(50, sum(patches.labels[row] == label for row in wrong)) for label in (0, 1))
        positives = [one.probability for one in found if one.label == 0]
        negatives = [one.probability for one in found if one.label == 1]
        assert positives == sorted(positives, reverse=True)
        assert negatives == sorted(negatives)
        assert positives[0] == max(mean[row] for row in wrong)
        assert negatives[0] == min(mean[row] for row in wrong)

    def test_each_shows_its_own_patch(self, patches: Patches, tmp_path: Path) -> None:
        for one in find_mistakes(replace(invent_study(), mistakes=()), patches):
            (tmp_path / "one.jpg").write_bytes(one.image)
            with Image.open(tmp_path / "one.jpg") as image:
                grey = float(np.asarray(image).mean())
            assert abs(grey - one.row % 250) < 2

    def test_other_patches_than_those_predicted_show_nothing(self, patches: Patches) -> None:
        others = replace(patches, labels=(1 - patches.labels).astype(np.uint8))
        assert find_mistakes(invent_study(), others) == ()

    def test_a_closed_test_split_shows_nothing(self, patches: Patches) -> None:
        closed = replace(invent_study(), confirmations=(), test_labels=None)
        assert find_mistakes(closed, patches) == ()


def test_a_training_that_went_on_counts_once_at_its_longest(sqlite: Database, tmp_path: Path) -> None:
    stage2 = {"design": "asha", "epochs": 9, "trials": 9, "warm_start": "cold", "within": "space"}
    told = Story(load(tmp_path, stage2=stage2), sqlite)
    told.run()
    told.predict()
    results = read_results(sqlite, told.study)
    trials = [trial for trial in results.trials if (trial.stage, trial.architecture) == ("stage2", "tiny")]
    keys = [trial.recipe_key for trial in trials]
    assert len(keys) == len(set(keys))
    rows = told.points("stage2")
    assert set(keys) == {row.recipe_key for row in rows}
    for trial in trials:
        assert len(trial.curve) == max(row.epochs or 0 for row in rows if row.recipe_key == trial.recipe_key)
    (cost,) = [one for one in results.compute if (one.architecture, one.role) == ("tiny", "stage2")]
    assert cost.spent.patch_visits <= cost.unshared_patch_visits


def test_what_has_not_been_trained_yet_is_not_saved_by_sharing(sqlite: Database, tmp_path: Path) -> None:
    told = Story(load(tmp_path), sqlite)
    told.advance()
    told.work()
    parts = read_results(sqlite, told.study).compute
    trained = [row for row in told.points("stage1") if row.state == "complete"]
    waiting = [row for row in told.points("stage1") if row.state == "waiting"]
    assert trained
    assert waiting
    cost = total_cost(parts)
    assert cost.spent > 0
    assert cost.unshared == sum(recipe_from_json(row.recipe or {}).patch_visits(row.epochs or 0) for row in trained)
