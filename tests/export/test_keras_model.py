"""The exported model needs Keras and nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from hpo.errors import StorageError
from hpo.export.keras_model import export_model
from hpo.models.backend import keras
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from tests.training.toy import FUNCTION, PLAIN, ToyDataset

NORMALIZED = replace(PLAIN, batch_normalization=True)

ELSEWHERE = """
import json, sys
import h5py, keras, numpy as np

patches = np.load(sys.argv[1])
for path in sys.argv[2:]:
    model = keras.models.load_model(path)
    given = [model.predict(patches.astype(kind), verbose=0) for kind in ("uint8", "float32")]
    np.save(path + ".npy", np.stack(given))
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in ("hpo", "tests"))))
"""


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(CheckpointStore(Files(tmp_path_factory.mktemp("checkpoints"))), ToyDataset())


def test_keras_alone_predicts_probabilities_from_raw_patches(trainer: Trainer, tmp_path: Path) -> None:
    recipes = {"plain": PLAIN, "normalized": NORMALIZED, "function": replace(PLAIN, architecture=FUNCTION)}
    patches = ToyDataset().valid
    np.save(tmp_path / "patches.npy", patches.patches)
    paths = {name: tmp_path / f"{name}.h5" for name in recipes}
    for name, recipe in recipes.items():
        export_model(trainer, recipe, 2, paths[name])
    ran = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path / "patches.npy", *paths.values()],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert json.loads(ran.stdout.splitlines()[-1]) == []
    for name, recipe in recipes.items():
        expected = trainer.predict(recipe, 2, patches)
        for probabilities in np.load(f"{paths[name]}.npy"):
            assert probabilities.shape == (50, 1)
            assert probabilities[:, 0] == pytest.approx(expected, abs=1e-6)


def test_equal_weights_give_equal_bytes_whatever_was_built_before(trainer: Trainer, tmp_path: Path) -> None:
    export_model(trainer, NORMALIZED, 1, tmp_path / "first.h5")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    export_model(trainer, PLAIN, 1, tmp_path / "between.h5")
    export_model(trainer, NORMALIZED, 1, tmp_path / "again.h5")
    export_model(trainer, NORMALIZED, 2, tmp_path / "later.h5")
    assert (tmp_path / "first.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    assert (tmp_path / "first.h5").read_bytes() != (tmp_path / "later.h5").read_bytes()


def test_the_file_holds_the_model_with_scaling_and_sigmoid_and_no_optimizer(trainer: Trainer, tmp_path: Path) -> None:
    export_model(trainer, NORMALIZED, 1, tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert set(file) == {"model_weights"}
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == [
        "InputLayer", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "MaxPooling2D", "Flatten", "Dense", "Dense",
        "Activation",
    ]  # fmt: skip


class _Untrained:
    """Stands for a trainer of full-size models: their weights do not matter to the file's size."""

    def model(self, recipe: Recipe, _epoch: int) -> keras.Model:
        from hpo.models.build import build_model

        return build_model(recipe.architecture, 96, batch_normalization=True)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_stays_under_ten_megabytes(name: str, tmp_path: Path) -> None:
    export_model(_Untrained(), replace(PLAIN, architecture=ARCHITECTURES[name]), 1, tmp_path / "model.h5")  # type: ignore[arg-type]
    assert 100_000 < (tmp_path / "model.h5").stat().st_size < 10_000_000


def test_a_place_that_cannot_be_written_is_named_and_nothing_is_left(trainer: Trainer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=r"model\.h5: cannot make its folder"):
        export_model(trainer, PLAIN, 1, tmp_path / "file" / "model.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
