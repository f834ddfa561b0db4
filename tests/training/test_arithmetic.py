"""Mixed precision and XLA are ways to train; whatever is measured is measured as always."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.models.backend import keras, tf
from hpo.recipe.architecture import CnnSpec, Convolution, FunctionSpec
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from tests.training.toy import PLAIN, ToyDataset

SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
DTYPES: list[str] = []
OTHERS = [Arithmetic("bfloat16"), Arithmetic("float32", jit_compile=True), Arithmetic("bfloat16", jit_compile=True)]


def watched_model(shape: tuple[int, int, int]) -> Any:
    """A user's own model that notes what its middle computes in."""

    class Watched(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            DTYPES.append(x.dtype.name)
            return x

    flat = [keras.layers.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4)]
    return keras.Sequential([*flat, Watched(), keras.layers.Dense(1)])


class Rounded(keras.layers.Layer):
    """What only Python can compute."""

    def call(self, x: Any) -> Any:
        rounded = tf.numpy_function(np.round, [x], tf.float32)
        rounded.set_shape(x.shape)
        return rounded


def rounding_model(shape: tuple[int, int, int]) -> Any:
    """A user's own model that XLA has no operation for."""
    layers = keras.layers
    return keras.Sequential([layers.Input(shape), Rounded(), layers.Flatten(), layers.Dense(1)])


def regularized_model(shape: tuple[int, int, int]) -> Any:
    """A user's own model whose activations are part of the loss."""
    layers = keras.layers
    convolution = layers.Conv2D(2, 3, activity_regularizer="l2")
    return keras.Sequential([layers.Input(shape), convolution, layers.Flatten(), layers.Dense(1)])


def pooled_model(shape: tuple[int, int, int]) -> Any:
    """A user's own model with Keras' max-pooling."""
    layers = keras.layers
    pooled = [layers.Input(shape), layers.Conv2D(2, 3), layers.MaxPooling2D()]
    return keras.Sequential([*pooled, layers.Flatten(), layers.Dense(1)])


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(CheckpointStore(Files(tmp_path_factory.mktemp("store"))), ToyDataset())


def after(trainer: Trainer, recipe: Recipe) -> dict[str, float]:
    return [result.metrics for result in trainer.bring(recipe, {3})][-1]


@pytest.mark.parametrize("arithmetic", OTHERS, ids=str)
def test_it_trains_to_about_the_same_metrics_by_other_weights(trainer: Trainer, arithmetic: Arithmetic) -> None:
    recipe = replace(PLAIN, arithmetic=arithmetic)
    plain, other = after(trainer, PLAIN), after(trainer, recipe)
    assert other["valid_loss"] == pytest.approx(plain["valid_loss"], abs=0.02)
    assert other["valid_auc"] == pytest.approx(plain["valid_auc"], abs=0.02)
    assert trainer.weights_digest(recipe, 3) != trainer.weights_digest(PLAIN, 3)


@pytest.mark.parametrize("arithmetic", OTHERS, ids=str)
def test_validation_is_what_the_exported_model_predicts(trainer: Trainer, arithmetic: Arithmetic) -> None:
    recipe = replace(PLAIN, arithmetic=arithmetic)
    model, valid = trainer.model(recipe, 3), ToyDataset().valid
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert "MaxPooling2D" in {type(layer).__name__ for layer in model.layers}
    logits = model(valid.patches / np.float32(127.5) - np.float32(1))[:, 0].numpy()
    assert trainer.valid_probabilities(recipe, 3) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)
    assert np.array_equal(trainer.predict(recipe, 3, valid), trainer.valid_probabilities(recipe, 3))


def test_checkpoints_hold_the_same_arrays_whatever_was_computed_in(tmp_path: Path) -> None:
    store, kinds = CheckpointStore(Files(tmp_path)), []
    for arithmetic in (Arithmetic(), OTHERS[-1]):
        recipe = replace(PLAIN, arithmetic=arithmetic)
        list(Trainer(store, ToyDataset()).bring(recipe, {1}))
        found = store.latest(recipe.key, 1)
        assert found is not None
        kinds.append({name: (value.dtype, value.shape) for name, value in found.arrays.items()})
    assert kinds[0] == kinds[1]
    assert any(name.startswith("optimizer/") for name in kinds[0])


def test_a_donor_of_one_arithmetic_warms_a_recipe_of_another(trainer: Trainer) -> None:
    recipe = replace(PLAIN, arithmetic=OTHERS[-1], initial=WarmStart(PLAIN, 2), learning_rate=1e-6)
    assert after(trainer, recipe)["valid_loss"] == pytest.approx(
        [result.metrics["valid_loss"] for result in trainer.bring(PLAIN, {2})][-1], abs=1e-3
    )


def test_a_users_model_trains_in_mixed_precision_and_predicts_in_float32(trainer: Trainer) -> None:
    architecture = FunctionSpec(f"{__name__}:watched_model", SOURCE)
    recipe = replace(PLAIN, architecture=architecture, arithmetic=Arithmetic("bfloat16"))
    after(trainer, recipe)
    seen = sys.modules[__name__].DTYPES  # of this file as the recipe's own module: it was run anew
    assert set(seen) == {"bfloat16", "float32"}
    assert keras.config.dtype_policy().name == "float32"
    seen.clear()
    trainer.model(recipe, 3)
    assert set(seen) == {"float32"}


def test_windows_that_overlap_are_not_pooled_by_xla(trainer: Trainer) -> None:
    overlapping = CnnSpec((Convolution(3, 4),), (5,), pool=3, pool_stride=2)
    recipe = replace(PLAIN, architecture=overlapping, arithmetic=Arithmetic(jit_compile=True))
    with pytest.raises(TrainingError, match=r"^pooling windows of 3 pixels at steps of 2 .* arithmetic\.jit_compile"):
        after(trainer, recipe)


@pytest.mark.parametrize(
    ("model", "operation"), [("pooled_model", r"gradient_tape/\S+/MaxPoolGrad"), ("rounding_model", r"\S+/PyFunc")]
)
def test_what_xla_cannot_compile_is_said_in_one_line(trainer: Trainer, model: str, operation: str) -> None:
    recipe = replace(
        PLAIN, architecture=FunctionSpec(f"{__name__}:{model}", SOURCE), arithmetic=Arithmetic(jit_compile=True)
    )
    with pytest.raises(TrainingError) as refused:
        after(trainer, recipe)
    assert re.fullmatch(
        f"XLA cannot compile {operation}, or not reproducibly; set arithmetic.jit_compile to false", str(refused.value)
    )


def test_a_users_regularized_activations_train_in_mixed_precision(trainer: Trainer) -> None:
    plain = replace(PLAIN, architecture=FunctionSpec(f"{__name__}:regularized_model", SOURCE))
    mixed = replace(plain, arithmetic=Arithmetic("bfloat16"))
    assert after(trainer, mixed)["valid_loss"] == pytest.approx(after(trainer, plain)["valid_loss"], abs=0.05)
