"""What a study may ask of data of K classes, or of other than three channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpo.config.metric import METRIC_NAMES
from hpo.data.form import form_of_data
from hpo.data.synthetic import make_sample
from hpo.errors import ConfigError
from hpo.evaluation.scores import KNOWN
from hpo.recipe.form import Form
from hpo.stages.data import check_channels, check_patches, check_valid_patches
from hpo.stages.plan import form_of, template_recipe
from tests.stages.story import SPACE, load


def labels_of(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts).astype(np.uint8)


def test_more_patches_than_the_rarest_class_allows_are_refused(tmp_path: Path) -> None:
    study = load(tmp_path)
    check_patches(study, labels_of(40, 40, 40))
    with pytest.raises(
        ConfigError, match=r"factors.patches: goes up to 96; .* has 32, as the rarest of 3 classes has 10"
    ):
        check_patches(study, labels_of(60, 60, 10))


def test_every_training_and_every_validation_has_a_patch_of_each_class(tmp_path: Path) -> None:
    many, two = labels_of(*(100 for _ in range(40))), labels_of(100, 100)
    study = load(tmp_path, data={"folder": "data", "patch_size": 16, "valid_patches": 39})
    check_patches(study, two)
    with pytest.raises(ConfigError, match=r"factors.patches: goes down to 32, less than one .* of each of 40 classes"):
        check_patches(study, many)
    check_valid_patches(study, two)
    with pytest.raises(ConfigError, match=r"data.valid_patches: found 39, less than one patch of each of 40 classes"):
        check_valid_patches(study, many)


def test_at_the_natural_ratio_the_smallest_subset_must_have_every_class(tmp_path: Path) -> None:
    study = load(tmp_path, data={"balance": "natural"})
    check_patches(study, labels_of(40, 40, 40))
    with pytest.raises(ConfigError, match=r"which would be of 2 of 3 classes, as data\.balance is natural"):
        check_patches(study, labels_of(200, 200, 1))


def test_the_stain_of_grey_patches_cannot_be_searched(tmp_path: Path) -> None:
    study = load(tmp_path, space={**SPACE, "stain_jitter": {"reference": 0, "levels": [0, 0.2]}})
    check_channels(study, 3)
    with pytest.raises(ConfigError, match=r"stain_jitter: goes up to 0.2, .* patches of 3 channels; .* 1: take it out"):
        check_channels(study, 1)
    check_channels(load(tmp_path, space={**SPACE, "stain_jitter": {"reference": 0}}), 1)


def test_recipes_hold_the_form_of_the_folder_or_of_the_sample_to_be_drawn(tmp_path: Path) -> None:
    study = load(tmp_path)
    assert template_recipe(study, next(iter(study.architecture_specs)), "d", 0).form == form_of(study) == Form()
    assert form_of_data(tmp_path / "nowhere", 3) == Form(classes=3)
    make_sample(tmp_path / "three", train=6, valid=6, test=6, patch_size=32, classes=3)
    assert form_of_data(tmp_path / "three", 2) == Form(classes=3)


def test_a_study_file_may_name_every_metric_that_there_is() -> None:
    assert set(METRIC_NAMES) == set(KNOWN)
