"""Folds in the confirmation: both sides in every fold, content-addressed, beside the study's own split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.config.load import load_study
from hpo.errors import ConfigError
from hpo.evaluation.metrics import METRICS
from hpo.recipe.folds import earlier_fold_digest
from hpo.recipe.recipe import recipe_from_json
from hpo.reports.panel import NotAskedError
from hpo.reports.panels import folds as panel
from hpo.reports.plot.looks import Looks
from hpo.results.read import read_results
from hpo.results.trainings import FoldRun
from hpo.stages.estimate import estimate
from hpo.stages.folds import check_planned_folds
from hpo.stages.plan import determining_settings
from hpo.storage.database import Database
from hpo.storage.decided import ConfirmResult, RecheckPlan, Stage2Plan
from hpo.storage.files import Files
from hpo.storage.points import named_trainings
from hpo.storage.predictions import PredictionStore
from hpo.storage.stage_json import plan_of
from tests.config.samples import refusal
from tests.stages.story import DATA, Story, load, write
from tests.stages.test_confirm import PLAIN, WARM, planned_runs, recipe_of

FOLDED = {"folds": 3, "fold_seeds": 2}

ONE = [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}]
SKILLS: dict[Any, float] = {"before": 1.0, "after": 3.0}

ADDRESSES = tuple(digit * 64 for digit in "abc")


def test_both_sides_are_trained_in_every_fold_after_the_studys_own_split(tmp_path: Path) -> None:
    usual = planned_runs(load(tmp_path / "usual"), WARM)
    runs = planned_runs(load(tmp_path, confirm=FOLDED), WARM, ADDRESSES)
    assert [run.key for run in runs[: len(usual)]] == [run.key for run in usual]
    assert [run.recipe_key for run in runs[: len(usual)]] == [run.recipe_key for run in usual]
    added = runs[len(usual) :]
    assert len(added) == 3 * 2 * 2
    for run in added:
        recipe = recipe_of(run)
        assert recipe.data == ADDRESSES[run.label["fold"]]
        assert recipe.seed == run.label["seed"]
        if run.label["role"] == "fold_after":
            assert recipe.initial is not None
            assert recipe.initial.donor.data == recipe.data
    assert len({run.recipe_key for run in added}) == 12
    assert len({recipe_of(run).seed for run in added}) == 6


def test_the_opponent_in_a_fold_is_the_headlines(tmp_path: Path) -> None:
    runs = planned_runs(load(tmp_path, confirm={**FOLDED, "equal_training": True}), PLAIN, ADDRESSES)
    (equal, *_) = [run.epochs for run in runs if run.label["role"] == "equal"]
    assert {run.epochs for run in runs if run.label["role"] == "fold_before"} == {equal}


def test_a_study_without_folds_records_none_and_plans_say_what_folds_cost(tmp_path: Path) -> None:
    plain, folded = load(tmp_path / "plain"), load(tmp_path, confirm=FOLDED)
    assert not {"folds", "fold_seeds"} & set(determining_settings(plain, DATA)["confirm"])
    assert determining_settings(folded, DATA)["confirm"]["folds"] == 3
    points = {study.file: next(one for one in estimate(study) if one.stage == "confirm") for study in (plain, folded)}
    assert points[folded.file].points - points[plain.file].points == 12
    assert points[folded.file].patch_visits > points[plain.file].patch_visits


def test_a_study_with_folds_ends_with_an_interval_over_them(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, confirm=FOLDED, architectures=ONE), sqlite, folds={3: ADDRESSES})
    story.run()
    story.predict()
    results = read_results(sqlite, story.study)
    assert {run.role for run in results.confirmations} == {"before", "after", "cold_control"}
    assert len(results.folds) == 12
    found = results.over_folds["tiny"]
    assert (found.folds, found.seeds, found.unit, found.units) == (3, 2, "slides", 5)
    auc = found.metrics["auc"]
    assert auc.difference.value == pytest.approx(auc.after.value - auc.before.value)
    assert auc.difference.value == pytest.approx(np.mean(auc.by_fold))
    assert auc.difference.low <= auc.difference.value <= auc.difference.high
    data = panel.read(results, PanelSettings(panel="folds"))
    (row,) = panel.draw(data, Looks(["tiny"])).rows
    assert len(row) == 6
    assert panel.finding(data).startswith("AUC changes by")
    assert "folds" in {entry.role for entry in results.compute}


def test_folds_of_three_classes_give_every_metric_an_interval_and_a_row(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, confirm=FOLDED, architectures=ONE)
    results = replace(read_results(sqlite, study), classes=("benign", "malignant", "fat"))
    chance = np.random.default_rng(0)
    labels = (np.arange(60) % 3).astype(np.uint8)
    runs = tuple(
        FoldRun("tiny", side, fold, seed, probabilities(labels, skill, chance))
        for fold in range(3)
        for seed in range(2)
        for side, skill in SKILLS.items()
    )
    results = replace(results, folds=runs, test_labels=labels, test_slides=None)
    data = panel.read(results, PanelSettings(panel="folds"))
    assert set(data.rows["tiny"].metrics) == set(METRICS)
    for metric in data.rows["tiny"].metrics.values():
        assert metric.difference.low < metric.difference.value < metric.difference.high
    assert data.rows["tiny"].metrics["auc"].difference.low > 0
    assert len(panel.draw(data, Looks(["tiny"])).rows) == 1
    assert panel.explain(data).endswith("AUC is the mean over the classes, each against the rest.")


def test_the_validation_patches_of_folds_are_not_kept_beside_the_studys_own(sqlite: Database, tmp_path: Path) -> None:
    from hpo.stages.mend import remake_predictions

    story = Story(load(tmp_path, confirm=FOLDED), sqlite, folds={3: ADDRESSES})
    story.run()
    story.predict()
    frozen = plan_of(story.stages()["test", "tiny"], ConfirmResult)
    store = PredictionStore(Files(story.study.checkpoints))
    assert store.load(frozen.configuration, "fold_after", frozen.runs[-1].seed).shape == (40,)
    for run in frozen.runs:
        if run.role.startswith("fold_"):
            Files(story.study.checkpoints).remove(f"predictions/{frozen.configuration}/valid/{run.role}-{run.seed}.npz")
    assert remake_predictions(sqlite, story.study) == []


def test_folds_added_to_a_finished_study_are_trained_and_nothing_else(sqlite: Database, tmp_path: Path) -> None:
    from hpo.stages.replan import accept_plan

    story = Story(load(tmp_path), sqlite, folds={3: ADDRESSES})
    story.run()
    before = dict(story.trained)
    story.study = load(tmp_path, confirm=FOLDED)
    (change, *_) = accept_plan(sqlite, story.study, DATA)
    assert change.kind in ("taken", "anew")
    story.run()
    assert all(story.trained[key] == epochs for key, epochs in before.items())
    rows = [row for row in story.points("confirm") if "fold" in row.label]
    assert {row.state for row in rows} == {"complete"}
    assert {recipe_from_json(row.recipe or {}).data for row in rows} == set(ADDRESSES)


def test_folds_that_an_earlier_version_planned_keep_their_addresses(sqlite: Database, tmp_path: Path) -> None:
    earlier = tuple(earlier_fold_digest(DATA, 3, number) for number in range(3))
    story = Story(load(tmp_path, confirm=FOLDED, architectures=ONE), sqlite, folds={3: earlier})
    story.run()
    trained = dict(story.trained)
    story.folds = {3: ADDRESSES}
    check_planned_folds(sqlite, story.study, DATA, story.folds)
    story.run()
    assert dict(story.trained) == trained
    assert {row.recipe["data"] for row in story.points("confirm") if "fold" in row.label} == set(earlier)


def test_a_table_of_slides_that_has_changed_since_is_one_line(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, confirm=FOLDED, architectures=ONE), sqlite, folds={3: ADDRESSES})
    check_planned_folds(sqlite, story.study, DATA, story.folds)
    story.run()
    check_planned_folds(sqlite, story.study, DATA, story.folds)
    with pytest.raises(ConfigError, match=r"confirm\.folds: .*_meta\.csv .* have changed.* hpo copy .* NEW$"):
        check_planned_folds(sqlite, story.study, DATA, {3: tuple(digit * 64 for digit in "xyz")})
    check_planned_folds(sqlite, load(tmp_path), DATA, {})


def test_every_trial_of_a_search_in_folds_counts_all_its_folds(tmp_path: Path) -> None:
    searched = load(tmp_path, stage2={"folds": 3, "warm_start": "cold"}, architectures=ONE)
    plain = load(tmp_path / "plain", stage2={"warm_start": "cold"}, architectures=ONE)
    costs = {study.file: next(one for one in estimate(study) if one.stage == "stage2") for study in (searched, plain)}
    assert costs[searched.file].points == costs[plain.file].points == 4
    assert costs[searched.file].trainings == 3 * costs[plain.file].trainings
    assert costs[searched.file].patch_visits == 3 * costs[plain.file].patch_visits
    warm = load(tmp_path / "warm", stage2={"folds": 3}, architectures=ONE)
    (cost,) = (one for one in estimate(warm) if one.stage == "stage2")
    assert cost.trainings == 3 * 4 + 3  # a donor in each fold
    assert "folds" not in determining_settings(plain, DATA)["stage2"]
    assert determining_settings(searched, DATA)["stage2"]["folds"] == 3


def test_a_budget_of_patch_visits_pays_for_every_fold(sqlite: Database, tmp_path: Path) -> None:
    stage2 = {"trials": None, "patch_visits": 3 * 3 * 96 * 4, "folds": 3, "warm_start": "cold"}
    story = Story(load(tmp_path, stage2=stage2, architectures=ONE), sqlite, folds={3: ADDRESSES})
    story.run("stage2")
    rows = story.points("stage2")
    spent = [3 * recipe_from_json(row.recipe or {}).patch_visits(row.epochs or 0) for row in rows]
    assert sum(spent[:-1]) < stage2["patch_visits"] <= sum(spent)


def test_a_search_in_folds_takes_nothing_of_stage_1_for_granted_and_its_recheck_is_in_folds_too(
    sqlite: Database, tmp_path: Path
) -> None:
    stage2 = {"folds": 3, "warm_start": "cold", "epochs": 2, "recheck": {"top": 2, "seeds": 1}}
    story = Story(load(tmp_path, stage2=stage2, architectures=ONE), sqlite, folds={3: ADDRESSES})
    story.run("recheck")
    assert all("slot" in row.label for row in story.points("stage2"))
    assert len(story.points("stage2")) == 4
    stages = story.stages()
    assert plan_of(stages["stage2", "tiny"], Stage2Plan).folds == ADDRESSES
    assert plan_of(stages["recheck", "tiny"], RecheckPlan).folds == ADDRESSES
    with sqlite.transaction() as session:
        for stage, points in (("stage2", 4), ("recheck", 2)):
            named = named_trainings(session, stages[stage, "tiny"])
            assert len(named) == 3 * points
            assert {recipe.data for recipe, _ in named} == set(ADDRESSES)


def test_a_search_in_folds_of_a_table_that_has_changed_since_is_one_line(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, stage2={"folds": 3}, architectures=ONE), sqlite, folds={3: ADDRESSES})
    story.run("stage2")
    check_planned_folds(sqlite, story.study, DATA, story.folds)
    with pytest.raises(ConfigError, match=r"stage2\.folds: .* have changed.* hpo copy .* NEW$"):
        check_planned_folds(sqlite, story.study, DATA, {3: tuple(digit * 64 for digit in "xyz")})


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
def test_folds_of_trainings_that_pause_are_one_line(tmp_path: Path, design: str) -> None:
    (line,) = refusal(load_study, write(tmp_path, stage2={"folds": 3, "design": design}))
    assert line.endswith(
        f"stage2.folds: needs trainings that do not pause; design is {design}: set it to tpe, or leave folds out"
    )


def test_what_is_wrong_with_folds_is_one_line(tmp_path: Path) -> None:
    assert refusal(load_study, write(tmp_path, confirm={"folds": 1}))[0].endswith(
        "confirm.folds: must be at least 2; found 1"
    )
    (line,) = refusal(load_study, write(tmp_path, confirm={"fold_seeds": 2}))
    assert "confirm.fold_seeds: is only used with folds; set confirm.folds, or leave it out" in line


def test_a_study_without_folds_has_no_panel_of_them(finished_results) -> None:
    with pytest.raises(NotAskedError):
        panel.read(finished_results, PanelSettings(panel="folds"))


def probabilities(labels: np.ndarray, skill: float, chance: np.random.Generator) -> np.ndarray:
    """Of three classes, as a network of that skill might give."""
    odds = np.exp(skill * np.eye(3)[labels] + chance.normal(size=(len(labels), 3)))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def finished_results():
    from tests.results.invented import invent_study

    return invent_study()
