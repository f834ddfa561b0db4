"""The exported model needs Keras, or ONNX Runtime, and nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import onnxruntime
import pytest

from hpo.errors import HpoError, StorageError
from hpo.export.keras_model import export_model
from hpo.models.backend import keras
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from tests.training.toy import BLOCKS, FUNCTION, PLAIN, ToyDataset

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


RECIPES = {
    "plain": PLAIN,
    "normalized": NORMALIZED,
    "function": replace(PLAIN, architecture=FUNCTION),
    "blocks": replace(PLAIN, architecture=BLOCKS),
}


def test_keras_alone_predicts_probabilities_from_raw_patches(trainer: Trainer, tmp_path: Path) -> None:
    patches = ToyDataset().valid
    np.save(tmp_path / "patches.npy", patches.patches)
    paths = {(name, kind): tmp_path / f"{name}.{kind}" for name in RECIPES for kind in ("h5", "keras")}
    for name, recipe in RECIPES.items():
        export_model(trainer, recipe, 2, paths[name, "h5"], paths[name, "keras"])
    ran = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path / "patches.npy", *paths.values()],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert json.loads(ran.stdout.splitlines()[-1]) == []
    for (name, _), path in paths.items():
        expected = trainer.predict(RECIPES[name], 2, patches)
        for probabilities in np.load(f"{path}.npy"):
            assert probabilities.shape == (50, 1)
            assert probabilities[:, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_onnx_runtime_predicts_the_same_in_batches_of_any_size(name: str, trainer: Trainer, tmp_path: Path) -> None:
    export_model(trainer, RECIPES[name], 2, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    ends = {end.name: end.shape for end in (*session.get_inputs(), *session.get_outputs())}
    assert ends == {"patches": ["batch", 16, 16, 3], "probability": ["batch", 1]}
    patches = ToyDataset().valid
    expected = trainer.predict(RECIPES[name], 2, patches)
    for count in (1, 3, 50):
        of_bytes = patches.patches[:count].astype(np.float32)
        (found,) = session.run(None, {"patches": of_bytes})
        assert found.shape == (count, 1)
        assert found[:, 0] == pytest.approx(expected[:count], abs=1e-5)
    halves = (patches.patches / 2).astype(np.float32)
    export_model(trainer, RECIPES[name], 2, tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    (found,) = session.run(["probability"], {"patches": halves})
    assert found == pytest.approx(model.predict(halves, verbose=0), abs=1e-5)


@pytest.mark.parametrize("kind", ["h5", "keras", "onnx"])
def test_a_model_that_averages_over_symmetries_holds_the_average(kind: str, trainer: Trainer, tmp_path: Path) -> None:
    path, patches = tmp_path / f"model.{kind}", ToyDataset().valid
    export_model(trainer, NORMALIZED, 2, path, symmetries=True)
    sides = [np.rot90(one, k, (1, 2)) for one in (patches.patches, patches.patches[:, ::-1]) for k in range(4)]
    expected = trainer.predict(NORMALIZED, 2, patches, symmetries=True)
    assert not np.allclose(expected, trainer.predict(NORMALIZED, 2, patches), atol=1e-4)
    for side in (sides[0], sides[5]):  # the average is the same of a turned patch
        if kind == "onnx":
            session = onnxruntime.InferenceSession(str(path))
            (found,) = session.run(["probability"], {"patches": side.astype(np.float32)})
        else:
            found = keras.models.load_model(path, compile=False).predict(side, verbose=0)
        assert found.shape == (50, 1)
        assert found[:, 0] == pytest.approx(expected, abs=1e-5)


def test_the_conversion_to_onnx_says_nothing(
    trainer: Trainer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    export_model(trainer, NORMALIZED, 1, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")


def test_an_onnx_model_that_predicts_otherwise_is_refused_and_not_left_behind(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = keras.Model.predict_on_batch
    monkeypatch.setattr(keras.Model, "predict_on_batch", lambda self, patches: predict(self, patches) + 2e-5)
    with pytest.raises(HpoError, match=r"predicts differently from the Keras model \(by up to 2e-05\)"):
        export_model(trainer, PLAIN, 1, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_no_converter_knows_is_refused_in_one_line(
    trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ValueError("no such operation\nand a long story")

    monkeypatch.setattr(keras.Model, "export", stumble)
    with pytest.raises(HpoError, match=r"cannot be converted to ONNX: ValueError: no such operation$"):
        export_model(trainer, PLAIN, 1, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["h5", "keras"])
def test_equal_weights_give_equal_bytes_whatever_was_built_before(kind: str, trainer: Trainer, tmp_path: Path) -> None:
    first, again, later = (tmp_path / f"{name}.{kind}" for name in ("first", "again", "later"))
    export_model(trainer, NORMALIZED, 1, first)
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    export_model(trainer, PLAIN, 1, tmp_path / f"between.{kind}")
    time.sleep(1.1)  # so that a time of saving would differ
    export_model(trainer, NORMALIZED, 1, again)
    export_model(trainer, NORMALIZED, 2, later)
    assert first.read_bytes() == again.read_bytes()
    assert first.read_bytes() != later.read_bytes()


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
    with pytest.raises(StorageError, match=r"model\.h5: cannot be written"):
        export_model(trainer, PLAIN, 1, tmp_path / "file" / "model.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
