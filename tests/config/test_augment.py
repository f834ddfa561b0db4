"""The study's own augmentation: found, read without running it, and its arguments as factors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.recipe.point import apply_point
from hpo.run.functions import check_functions
from hpo.stages.plan import determining_settings, template_recipe
from tests.stages.story import SPACE, load

SOURCE = """import tensorflow as tf


def noisy(patches, seed, strength=10.0, grey=False):
    noise = tf.random.stateless_uniform(tf.shape(patches), seed, -1.0, 1.0)
    return patches + strength * noise


def needy(patches, seed, strength):
    return patches
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_augment.py").write_text(SOURCE)
    (tmp_path / "field.npy").write_bytes(b"12")
    return tmp_path


def study(folder: Path, augment: Any, **changes: Any) -> StudyFile:
    return load(folder, augment=augment, **changes)


def test_a_name_alone_and_the_long_form_are_one_recipe_whose_key_has_the_source(folder: Path) -> None:
    short = study(folder, "my_augment:noisy")
    assert short.augment_spec is not None
    assert short.augment_spec.source_digest == hashlib.sha256(SOURCE.encode()).hexdigest()
    assert short.augment_spec == study(folder, {"function": "my_augment:noisy"}).augment_spec
    name = next(iter(short.architecture_specs))
    key = template_recipe(short, name, "d" * 64, 0).key
    (folder / "my_augment.py").write_text(SOURCE + "\n# changed\n")
    assert template_recipe(study(folder, "my_augment:noisy"), name, "d" * 64, 0).key != key
    assert "augment" not in determining_settings(load(folder), "d" * 64)


def test_files_and_arguments_are_part_of_it(folder: Path) -> None:
    found = study(folder, {"function": "my_augment:noisy", "files": ["field.npy"], "arguments": {"strength": 5}})
    assert found.augment_spec is not None
    assert found.augment_spec.files == (("field.npy", hashlib.sha256(b"12").hexdigest()),)
    assert found.augment_spec.arguments == (("strength", 5),)


def test_an_argument_is_a_factor_of_every_architecture(folder: Path) -> None:
    factors = {"strength": {"reference": 10, "levels": [5, 10, 20]}}
    found = study(folder, "my_augment:noisy", space=SPACE | factors, stage2={"factors": ["learning_rate", "strength"]})
    for name in found.architecture_specs:
        assert "strength" in found.space_of(name).factors
        template = template_recipe(found, name, "d" * 64, 0)
        assert template.augment is not None
        assert dict(template.augment.arguments) == {"strength": 10}
        changed, _ = apply_point(template, {"epochs": 1, "strength": 20})
        assert changed.augment is not None
        assert dict(changed.augment.arguments) == {"strength": 20}
        assert changed.key != template.key


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("my_augment:nosy", "defines no 'nosy'; .*nois"),
        ("elsewhere:noisy", "no Python file of module 'elsewhere'"),
        ("noisy", "augment"),
        (
            {"function": "my_augment:noisy", "arguments": {"strengh": 1}},
            "no argument 'strengh'; did you mean 'strength'",
        ),
        ({"function": "my_augment:noisy", "arguments": {"seed": 1}}, "no argument 'seed'"),
        ({"function": "my_augment:noisy", "files": ["gone.npy"]}, "gone.npy"),
        ({"function": "my_augment:needy"}, "needs strength: give a value in arguments, or make it a factor"),
    ],
)
def test_what_cannot_be_is_one_line_with_the_key(folder: Path, augment: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        study(folder, augment)
    assert "augment" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ({"shift": {"reference": 0, "levels": [0, 500]}}, "cannot be shifted by 500, the most that"),
        ({"blur": {"reference": 0, "levels": [0, 9.5]}}, "a blur of 9.5, .* reaches over patches"),
        ({"shift": {"reference": 0.5, "levels": [0.5]}}, "must be a whole number; found 0.5"),
        ({"mixup": {"reference": -1, "levels": [-1]}}, "must be at least 0; found -1"),
        ({"brightnes": {"reference": 0, "levels": [0]}}, "did you mean 'brightness'"),
    ],
)
def test_values_that_no_patch_can_take_are_refused(tmp_path: Path, factor: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, space=SPACE | factor)


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ({"reference": True, "levels": [True]}, "must be a whole number; found true"),
        ({"reference": 0, "levels": [0, 1.5]}, "must be a whole number; found 1.5"),
        ({"reference": "none", "levels": ["none", 2]}, 'must be a whole number; found "none"'),
        ({"reference": "none", "levels": ["none"], "low": 0, "high": 3}, "frozen_layers is not a number"),
    ],
)
def test_frozen_layers_are_whole_numbers_or_words(tmp_path: Path, factor: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, space=SPACE | {"frozen_layers": factor})


def test_layers_that_an_architecture_lacks_are_refused_before_anything_is_planned(tmp_path: Path) -> None:
    for reference, level, problem in (("none", "cnv*", "did you mean 'conv1'"), (0, 3, "leaves nothing to train")):
        space = SPACE | {"frozen_layers": {"reference": reference, "levels": [reference, level]}}
        study = load(tmp_path, space=space)
        with pytest.raises(ConfigError, match=problem) as caught:
            check_functions(study)
        assert str(caught.value).startswith(f"{study.search_space}: factors.frozen_layers: tiny: frozen_layers: ")
    check_functions(load(tmp_path, space=SPACE | {"frozen_layers": {"reference": "none", "levels": ["none", "conv*"]}}))
