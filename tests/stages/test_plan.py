"""Planning: a study file becomes design points, each once, and stays what it was planned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpo.config.study import StudyFile
from hpo.data.description import Description, write_description
from hpo.errors import ConfigError
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.key import digest
from hpo.recipe.point import point_key
from hpo.recipe.recipe import recipe_to_json
from hpo.stages.data import check_patches
from hpo.stages.plan import (
    determining_settings,
    open_first_stage,
    planned,
    stage1_points,
    template_recipe,
)
from hpo.storage.database import Database
from tests.stages.story import DATA, SPACE, STAGE1_POINTS, Story, load


def test_stage_1_of_every_architecture_is_queued_once_however_often_it_is_planned(
    database: Database, tmp_path: Path
) -> None:
    story = Story(load(tmp_path), database)
    for _ in range(2):
        open_first_stage(database, story.study, DATA)
    assert set(story.stages()) == {("stage1", "tiny"), ("stage1", "wide")}
    for architecture in ("tiny", "wide"):
        rows = story.points("stage1", architecture)
        assert len(rows) == STAGE1_POINTS
        assert {row.state for row in rows} == {"waiting"}
        assert rows[0].point == story.study.space.reference
        assert rows[0].epochs == 2


def test_the_plan_names_the_reference_and_the_distribution_of_every_factor(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite)
    open_first_stage(sqlite, story.study, DATA)
    plan = story.stages()["stage1", "tiny"].plan
    assert plan["reference"] == story.study.space.reference
    assert set(plan["space"]) == set(SPACE)


def test_the_plan_keeps_the_classes_names_for_a_report_without_the_data(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite)
    story.study.data.folder.mkdir(parents=True)
    write_description(story.study.data.folder, Description(("normal", "tumour")))
    open_first_stage(sqlite, story.study, DATA)
    assert story.stages()["stage1", "tiny"].plan["classes"] == ["normal", "tumour"]


def test_the_template_is_the_reference_points_recipe(tmp_path: Path) -> None:
    study = load(tmp_path, space={**SPACE, "momentum": {"reference": 0.5}})
    recipe = template_recipe(study, "wide", DATA, seed=7)
    assert (recipe.data, recipe.seed, recipe.architecture) == (DATA, 7, study.architecture_specs["wide"])
    assert (recipe.patches, recipe.batch_size, recipe.learning_rate) == (64, 8, 0.01)
    assert (recipe.momentum, recipe.strategy.name, recipe.initial) == (0.5, "constant", None)


def test_a_planned_point_carries_its_recipe_and_epochs(tmp_path: Path) -> None:
    study = load(tmp_path)
    template = template_recipe(study, "tiny", DATA, seed=0)
    point = {**study.space.reference, "epochs": 4, "learning_rate": 0.1}
    found = planned(template, point)
    assert (found.key, found.point, found.epochs) == (point_key(point), point, 4)
    assert found.recipe is not None
    assert found.recipe["learning_rate"] == 0.1
    shorter = planned(template, {**point, "epochs": 1})
    assert shorter.recipe_key == found.recipe_key
    assert shorter.key != found.key


def test_a_grid_combines_all_levels(tmp_path: Path) -> None:
    study = load(tmp_path, stage1={"design": "grid", "factors": ["epochs", "strategy"]})
    assert len(stage1_points(study, "tiny")) == 3 * 2
    assert stage1_points(study, "tiny")[0] == study.space.reference


def test_every_recipe_of_a_study_has_its_arithmetic(tmp_path: Path) -> None:
    study = load(tmp_path, arithmetic={"compute_dtype": "bfloat16"})
    assert template_recipe(study, "tiny", DATA, 3).arithmetic == Arithmetic("bfloat16")
    assert template_recipe(load(tmp_path), "tiny", DATA, 3).arithmetic == Arithmetic()


def test_a_study_of_an_earlier_database_that_knows_no_recheck_or_equal_training_goes_on(tmp_path: Path) -> None:
    earlier = determining_settings(load(tmp_path), DATA)
    assert "recheck" not in earlier["stage2"]
    assert "equal_training" not in earlier["confirm"]
    off = {"stage2": {"recheck": {"top": 0}}, "confirm": {"equal_training": False}}
    assert determining_settings(load(tmp_path, **off), DATA) == earlier
    on = determining_settings(load(tmp_path, stage2={"recheck": {}}, confirm={"equal_training": True}), DATA)
    assert on["stage2"]["recheck"] == {"top": 3, "seeds": 2}
    assert on["confirm"]["equal_training"] is True


def test_places_workers_and_the_report_may_change_at_any_time(sqlite: Database, tmp_path: Path) -> None:
    open_first_stage(sqlite, load(tmp_path / "first"), DATA)
    moved = load(
        tmp_path / "second",
        output="elsewhere",
        checkpoints="memory://elsewhere",
        workers={"threads": 2, "lease_seconds": 9},
        data={"folder": "moved", "patch_size": 16},
    )
    open_first_stage(sqlite, moved, DATA)


def test_numbers_that_are_written_differently_are_the_same_settings(tmp_path: Path) -> None:
    first = load(tmp_path / "first", stage1={"margin": 1.0})
    second = load(tmp_path / "second", stage1={"margin": 1})
    assert determining_settings(first, DATA) == determining_settings(second, DATA)


def test_a_study_that_asks_for_more_patches_than_there_are_is_refused_before_it_is_planned(tmp_path: Path) -> None:
    study = load(tmp_path)
    check_patches(study, np.array([0, 1] * 48, dtype=np.uint8))
    with pytest.raises(ConfigError, match=r"factors.patches: goes up to 96; .* has 41, half of each class"):
        check_patches(study, np.array([0] * 60 + [1] * 20, dtype=np.uint8))


class TestUnbalancedClasses:
    LABELS = np.array([0] * 90 + [1] * 10, dtype=np.uint8)

    def natural(self, folder: Path) -> StudyFile:
        return load(folder, data={"folder": "data", "patch_size": 16, "balance": "natural"})

    def test_the_refusal_names_the_way_to_use_all_patches(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"has 21, half of each class; with data\.balance: natural .* all 100"):
            check_patches(load(tmp_path), self.LABELS)

    def test_at_their_own_ratio_all_patches_can_be_used(self, tmp_path: Path) -> None:
        study = self.natural(tmp_path)
        check_patches(study, self.LABELS)
        with pytest.raises(ConfigError, match=r"goes up to 96; .* has 95 training patches"):
            check_patches(study, self.LABELS[5:])

    def test_a_subset_of_one_class_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="would be of one class only: 1 of 100"):
            check_patches(self.natural(tmp_path), np.array([0] * 99 + [1], dtype=np.uint8))

    def test_the_ratio_is_part_of_recipes_and_settings_only_where_it_is_chosen(self, tmp_path: Path) -> None:
        usual, natural = load(tmp_path / "usual"), self.natural(tmp_path / "natural")
        assert "balance" not in determining_settings(usual, DATA)
        assert determining_settings(natural, DATA)["balance"] == "natural"
        assert "balance" not in recipe_to_json(template_recipe(usual, "tiny", DATA, 0))
        assert template_recipe(natural, "tiny", DATA, 0).balance == "natural"


def test_what_is_recorded_of_a_study_file_stays_as_it_was(tmp_path: Path) -> None:
    """Databases of earlier versions hold it: another record of an unchanged file would refuse to go on with them."""
    plain = determining_settings(load(tmp_path / "a"), DATA)
    assert digest(plain) == "079279dfa037b218ab3bfe3473597c1e5e802580333662a1ded61ad670deecea"
    stage2 = {"recheck": {"top": 2, "seeds": 2}, "design": "asha"}
    honest = determining_settings(load(tmp_path / "b", stage2=stage2, confirm={"equal_training": True}), DATA)
    assert digest(honest) == "ee57e7f5a4044f9ecc7e3dcd22008b38425aee8af6c50106af022ccf861b0a54"
