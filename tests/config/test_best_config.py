from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.config.best_config import BestConfig, load_best_config, write_best_config
from hpo.config.load import is_best_config
from hpo.config.yaml_file import read_yaml
from hpo.recipe.architecture import ARCHITECTURES, FunctionSpec
from hpo.recipe.recipe import Recipe, WarmStart, recipe_to_json
from hpo.recipe.schedule import STRATEGIES, Strategy
from tests.config.samples import refusal

DATA = "d" * 64
DONOR = Recipe(data=DATA, patches=1000, architecture=ARCHITECTURES["model2"], learning_rate=0.03)
TUNED = replace(DONOR, batch_size=16, learning_rate=0.0123456789, initial=WarmStart(DONOR, 4, "shrink_perturb"))
INTERVALS = {"auc": {"value": 0.91, "low": 0.89, "high": 0.93}}


def model(recipe: Recipe) -> dict[str, Any]:
    start = recipe.initial
    return {
        "recipe": recipe_to_json(recipe),
        "recipe_key": recipe.key,
        "epochs": 4,
        "donor": None if start is None else {"key": start.donor.key, "epoch": start.epoch},
        "seeds": [0, 1],
        "metrics": {"before": INTERVALS, "after": INTERVALS},
        "weights_sha256": "a" * 64,
    }


def content(folder: Path, *recipes: Recipe) -> dict[str, Any]:
    return {
        "kind": "best_config",
        "study": "example",
        "best": "model0",
        "data": {"folder": str(folder)},
        "data_digest": DATA,
        "threads": 2,
        "versions": {"python": "3.11", "tensorflow": "2.21.0"},
        "models": {f"model{index}": model(recipe) for index, recipe in enumerate(recipes)},
    }


def config(folder: Path, *recipes: Recipe) -> BestConfig:
    return BestConfig.model_validate(content(folder, *recipes))


def test_a_best_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "project" / "runs" / "example" / "best_config.yaml"
    written = config(tmp_path / "project" / "data", TUNED, replace(TUNED, initial=None))

    write_best_config(file, written)

    assert is_best_config(read_yaml(file))
    assert load_best_config(file) == written
    assert load_best_config(file).models["model0"].recipe == TUNED


def test_the_file_says_how_to_use_it(tmp_path: Path) -> None:
    file = tmp_path / "best_config.yaml"
    write_best_config(file, config(tmp_path, TUNED))

    assert "#   hpo run best_config.yaml      trains the best one, model0," in file.read_text()


def test_a_project_may_move_with_its_data(tmp_path: Path) -> None:
    file = tmp_path / "project" / "runs" / "example" / "best_config.yaml"
    write_best_config(file, config(tmp_path / "project" / "data" / "pcam", TUNED))
    (tmp_path / "project").rename(tmp_path / "moved")

    moved = load_best_config(tmp_path / "moved" / "runs" / "example" / "best_config.yaml")

    assert moved.data.folder == tmp_path / "moved" / "data" / "pcam"


def test_data_far_from_the_file_keeps_its_absolute_path(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "c" / "d" / "best_config.yaml"
    write_best_config(file, config(tmp_path / "data", TUNED))

    assert read_yaml(file).values["data"]["folder"] == str(tmp_path / "data")


def test_the_folder_of_function_architectures_is_kept(tmp_path: Path) -> None:
    recipe = replace(TUNED, architecture=FunctionSpec("nets:build", "f" * 64), initial=None)
    written = BestConfig.model_validate({**content(tmp_path, recipe), "modules": str(tmp_path / "studies")})
    write_best_config(tmp_path / "best_config.yaml", written)

    assert load_best_config(tmp_path / "best_config.yaml").modules == tmp_path / "studies"


recipes = st.builds(
    Recipe,
    data=st.just(DATA),
    patches=st.integers(2, 200_000),
    architecture=st.sampled_from(list(ARCHITECTURES.values())),
    batch_size=st.integers(1, 256),
    learning_rate=st.floats(1e-9, 10),
    strategy=st.builds(Strategy, name=st.sampled_from(STRATEGIES), decay=st.floats(0, 1), rate=st.floats(0, 1)),
    optimizer=st.sampled_from(["sgd", "adam", "adamw"]),
    momentum=st.floats(0, 0.99),
    weight_decay=st.floats(0, 1),
    batch_normalization=st.booleans(),
    augmentation=st.booleans(),
    stain_jitter=st.floats(0, 0.5),
    seed=st.integers(0, 2**31 - 1),
)


@settings(deadline=None, max_examples=50)
@given(donor=recipes, tuned=recipes, epoch=st.integers(1, 1000))
def test_every_recipe_keeps_its_key_through_the_file(
    tmp_path_factory: pytest.TempPathFactory, donor: Recipe, tuned: Recipe, epoch: int
) -> None:
    file = tmp_path_factory.mktemp("best") / "best_config.yaml"
    warm = replace(tuned, initial=WarmStart(donor, epoch))

    write_best_config(file, config(file.parent, warm))

    assert load_best_config(file).models["model0"].recipe.key == warm.key


def edited(file: Path, old: str, new: str) -> list[str]:
    """The errors after an edit, without lines: the recipe's length decides those."""
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times in the text")
    file.write_text(text.replace(old, new))
    return [error.partition(" ")[2] for error in refusal(load_best_config, file)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "best_config.yaml"
    write_best_config(path, config(tmp_path, replace(TUNED, initial=None)))
    return path


def test_a_changed_recipe_is_refused(file: Path) -> None:
    changed = replace(TUNED, initial=None, batch_size=64).key

    assert edited(file, "batch_size: 16", "batch_size: 64") == [
        "models.model0.recipe_key: the recipe was changed after it was written, or was written by a version of hpo "
        "that trains to other weights: its key is "
        f"{changed}; found {replace(TUNED, initial=None).key}"
    ]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("batch_size: 16", "batch: 16", "models.model0.recipe: is not a complete recipe: KeyError: 'batch_size'"),
        (
            "batch_size: 16",
            "batch_size: 16\n      extra: 1",
            "models.model0.recipe: is not a recipe: it has keys that no recipe has",
        ),
        (
            "name: constant",
            "name: '%(x)s'",
            "models.model0: the recipe has no key: '%(x)s' is no learning-rate strategy; "
            "allowed: constant, time_based, step, exponential",
        ),
        (
            "after:\n        auc:",
            "after:\n        auc:\n          x: 1",
            "models.model0.metrics.after.auc.x: unknown key; allowed: high, low, value",
        ),
        ("name: constant", "nome: constant", "models.model0.recipe: is not a complete recipe: TypeError: "),
        ("kind: best_config", "kind: best", 'kind: found "best"; allowed: best_config'),
        (
            "best: model0",
            "best: model1",
            "best: 'model1' is not among the models; did you mean 'model0'? (allowed: model0)",
        ),
        (
            "data_digest: " + DATA,
            "data_digest: " + "e" * 64,
            "models.model0.recipe.data: is not the data_digest of this file",
        ),
        (
            "weights_sha256: ",
            "weights_sha256: z",
            "models.model0.weights_sha256: must be a SHA-256, 64 hexadecimal digits; found ",
        ),
        (
            "donor: null",
            f"donor: {{key: {'b' * 64}, epoch: 1}}",
            "models.model0.donor: is not the donor that the recipe names",
        ),
        ("threads: 2", "threads: 0", "threads: must be at least 1; found 0"),
        ("threads: 2", "thread: 2", "thread: unknown key; did you mean 'threads'? "),
        ("tensorflow: 2.21.0", "tensorflow: 2.21", "versions.tensorflow: must be text; found 2.21"),
    ],
)
def test_a_file_that_cannot_reproduce_its_model_is_refused(file: Path, old: str, new: str, error: str) -> None:
    (found,) = edited(file, old, new)

    assert found.startswith(error)
