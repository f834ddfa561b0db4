"""The confirmation: before and after with the same seeds, then one opening of the test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.config.study import StudyFile
from hpo.recipe.architecture import CnnSpec, Convolution
from hpo.recipe.recipe import Recipe, WarmStart, recipe_from_json, recipe_to_json
from hpo.stages.confirm import confirm_points, confirm_result, opening_point
from hpo.stages.plan import template_recipe
from hpo.storage.decided import Abandoned, Choice, ConfirmResult
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow
from tests.stages.story import DATA, fault, load

PLAIN = Recipe(data=DATA, patches=64, architecture=CnnSpec((Convolution(3, 4),), (5,)))
WARM = replace(PLAIN, learning_rate=0.02, initial=WarmStart(PLAIN, epoch=4))
POINT = {"epochs": 3, "batch_size": 8, "patches": 80, "learning_rate": 0.02, "strategy": "constant"}


def choice(tuned: Recipe, point: dict[str, Any]) -> Choice:
    return Choice(point, tuned, tuned.key, 0.9, "key", 3)


def planned_runs(study: StudyFile, tuned: Recipe, folds: Sequence[str] = ()) -> list[DesignPoint]:
    return confirm_points(study, "tiny", DATA, choice(tuned, POINT), folds)[1]


def recipe_of(point: DesignPoint) -> Recipe:
    assert point.recipe is not None
    return recipe_from_json(point.recipe)


def test_before_after_and_a_cold_control_are_trained_with_each_seed(tmp_path: Path) -> None:
    runs = planned_runs(load(tmp_path), WARM)
    assert [(run.label["role"], run.label["seed"]) for run in runs] == [
        ("before", 0), ("after", 0), ("cold_control", 0), ("before", 1), ("after", 1), ("cold_control", 1),
    ]  # fmt: skip
    assert len({run.key for run in runs}) == 6
    assert {run.epochs for run in runs} == {2}
    assert [recipe_of(run).seed for run in runs] == [0, 0, 0, 1, 1, 1]


def test_before_is_the_reference_after_the_choice_and_the_control_the_choice_from_random_weights(
    tmp_path: Path,
) -> None:
    study = load(tmp_path)
    before, after, control = (recipe_of(run) for run in planned_runs(study, WARM)[3:])
    assert before == template_recipe(study, "tiny", DATA, seed=1)
    assert (after.learning_rate, after.patches, after.seed) == (0.02, 80, 1)
    assert after.initial is not None
    assert after.initial.donor == replace(PLAIN, seed=1)
    assert control == replace(after, initial=None)


@pytest.mark.parametrize(("tuned", "cold_control"), [(PLAIN, True), (WARM, False)])
def test_there_is_a_control_only_for_warm_weights_and_if_it_is_asked_for(
    tmp_path: Path, tuned: Recipe, cold_control: bool
) -> None:
    runs = planned_runs(load(tmp_path, confirm={"cold_control": cold_control}), tuned)
    assert {run.label["role"] for run in runs} == {"before", "after"}


def run(role: str, seed: int, objective: float | None, **values: Any) -> PointRow:
    done = {
        "state": "complete",
        "faults": [],
        "epochs": 2,
        "recipe_key": f"{role} {seed}",
        "recipe": recipe_to_json(PLAIN),
    }
    if objective is None:
        done |= {"state": "failed", "faults": [fault(f"{role} diverged")]}
    curve = [{"valid_auc": 0.5, "valid_loss": 0.5}, {"valid_auc": objective or 0.0, "valid_loss": 0.1}]
    done["recipe"] = recipe_to_json(PLAIN)
    return PointRow(**{**done, "label": {"role": role, "seed": seed}, "objective": objective, "curve": curve, **values})


def frozen(study: StudyFile, rows: list[PointRow]) -> ConfirmResult:
    """Of a comparison that lacks no side."""
    result = confirm_result(study, rows)
    assert isinstance(result, ConfirmResult)
    return result


PAIR = [run("before", 0, 0.8), run("after", 0, 0.85), run("before", 1, 0.81), run("after", 1, 0.9)]


def test_the_frozen_configuration_lists_each_run_and_which_is_exported(tmp_path: Path) -> None:
    result = frozen(load(tmp_path), PAIR)
    assert [(one.role, one.seed, one.epoch, one.recipe_key) for one in result.runs] == [
        ("before", 0, 2, "before 0"),
        ("after", 0, 2, "after 0"),
        ("before", 1, 2, "before 1"),
        ("after", 1, 2, "after 1"),
    ]
    assert result.export_seed == 1


def test_of_a_loss_the_lowest_run_is_exported(tmp_path: Path) -> None:
    assert frozen(load(tmp_path, objective={"metric": "loss"}), PAIR).export_seed == 0


def test_where_the_best_epoch_speaks_it_is_the_one_that_is_tested(tmp_path: Path) -> None:
    falls = run("after", 0, 0.4)
    result = frozen(load(tmp_path, objective={"epoch": "best"}), [run("before", 0, 0.8), falls])
    assert [one.epoch for one in result.runs] == [2, 1]


def test_any_change_of_what_is_tested_is_another_configuration_and_another_opening(tmp_path: Path) -> None:
    study = load(tmp_path)
    configuration = frozen(study, PAIR).configuration
    assert frozen(study, PAIR).configuration == configuration
    others = [
        [*PAIR[:3], run("after", 1, 0.9, recipe_key="another recipe")],
        PAIR[:2],
        [*PAIR, run("cold_control", 0, 0.8)],
    ]
    assert len({configuration, *(frozen(study, rows).configuration for rows in others)}) == 4
    assert opening_point(frozen(study, PAIR)) == DesignPoint(configuration, {"role": "test"})


def test_a_run_that_failed_is_left_out(tmp_path: Path) -> None:
    result = frozen(load(tmp_path), [*PAIR[:3], run("after", 1, None)])
    assert [(one.role, one.seed) for one in result.runs] == [("before", 0), ("after", 0), ("before", 1)]
    assert result.export_seed == 0


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_comparison_that_lacks_a_side_is_abandoned_with_that_sides_reason(tmp_path: Path, lost: str) -> None:
    rows = [run(role, seed, None if role == lost else 0.8) for seed in (0, 1) for role in ("before", "after")]
    reason = f"{lost}: none of 2 trials succeeded: {lost} diverged"
    assert confirm_result(load(tmp_path), rows) == Abandoned(reason)


def test_the_equally_trained_reference_sees_what_the_tuned_model_and_its_donors_see(tmp_path: Path) -> None:
    study = load(tmp_path, confirm={"equal_training": True})
    runs = planned_runs(study, WARM)
    assert [run.label["role"] for run in runs[:4]] == ["before", "equal", "after", "cold_control"]
    before, equal, after, _ = (recipe_of(run) for run in runs[:4])
    assert equal == before  # more epochs of one training
    # 2 epochs of 80 patches and the donor's 4 of 64 are 416 patch-visits: 7 epochs of the reference's 64.
    assert after.lineage_patch_visits(2) == 416
    assert [run.epochs for run in runs[:4]] == [2, 7, 2, 2]
    assert {run.epochs for run in runs if run.label["role"] == "equal"} == {7}


def test_without_donors_and_with_fewer_patches_equal_training_may_be_shorter(tmp_path: Path) -> None:
    study = load(tmp_path, confirm={"equal_training": True, "epochs": 4})
    small = choice(PLAIN, {**POINT, "patches": 32})
    runs = confirm_points(study, "tiny", DATA, small)[1]
    assert {run.label["role"]: run.epochs for run in runs} == {"before": 4, "equal": 2, "after": 4}


def test_a_comparison_without_an_equally_trained_reference_is_abandoned_only_where_one_was_asked_for(
    tmp_path: Path,
) -> None:
    rows = [*PAIR, run("equal", 0, None), run("equal", 1, None)]
    asked = load(tmp_path, confirm={"equal_training": True})
    assert confirm_result(asked, rows) == Abandoned("equal: none of 2 trials succeeded: equal diverged")
    assert frozen(load(tmp_path), PAIR).runs
