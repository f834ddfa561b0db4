"""Networks of K classes and of other than three channels: trained, resumed, predicted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.models.build import build_model
from hpo.recipe.arithmetic import Arithmetic
from hpo.recipe.fitting import Fitting
from hpo.recipe.form import Form
from hpo.recipe.geometry import trainable_parameters
from hpo.recipe.recipe import WarmStart
from hpo.recipe.schedule import Strategy
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from tests.training.toy import CNN, PLAIN, SIZE

GREY = Form(classes=4, channels=1)
RECIPE = replace(PLAIN, form=GREY, stain_jitter=0.0, patches=80, learning_rate=0.05)


class GreyPatches:
    """Noise with a bright quarter, which says the class."""

    def __init__(self, count: int, seed: int) -> None:
        patches = np.random.default_rng(seed).integers(0, 120, (count, SIZE, SIZE, 1))
        self.labels = (np.arange(count) % 4).astype(np.uint8)
        for row, label in enumerate(self.labels):
            patches[row] += 30 * int(label)
        self.patches = patches.astype(np.uint8)
        self.shape = self.patches.shape

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: np.ndarray) -> np.ndarray:
        return self.patches[rows]


@dataclass
class GreyDataset:
    train: GreyPatches = field(default_factory=lambda: GreyPatches(96, 0))
    valid: GreyPatches = field(default_factory=lambda: GreyPatches(40, 1))
    digest: str = "toy"


def trainer(folder: object) -> Trainer:
    return Trainer(CheckpointStore(Files(str(folder))), GreyDataset())


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        replace(RECIPE, fitting=Fitting(loss="focal", label_smoothing=0.1), optimizer="adam"),
        replace(RECIPE, balance="natural", patches=81, fitting=Fitting(class_weights="balanced", ema=0.9, l2=1e-3)),
        replace(RECIPE, balance="natural", fitting=Fitting(balanced_sampling=True), strategy=Strategy("one_cycle")),
        replace(RECIPE, batch_normalization=True, seed=3, initial=WarmStart(RECIPE, 1)),
        replace(RECIPE, arithmetic=Arithmetic(jit_compile=True), balance="natural"),
    ],
    ids=["plain", "focal", "weights", "sampling", "warm", "compiled"],
)
def test_a_training_that_was_interrupted_ends_as_one_that_was_not(tmp_path, recipe) -> None:
    through = trainer(tmp_path / "through")
    whole = [result.metrics for result in through.bring(recipe, {3})]
    list(trainer(tmp_path / "halves").bring(recipe, {1}))
    again = trainer(tmp_path / "halves")
    assert [result.metrics for result in again.bring(recipe, {3})] == whole
    assert again.weights_digest(recipe, 3) == through.weights_digest(recipe, 3)
    assert np.array_equal(again.valid_probabilities(recipe, 3), through.valid_probabilities(recipe, 3))


def test_it_learns_and_predicts_a_probability_for_each_class(tmp_path) -> None:
    long = trainer(tmp_path)
    curve = [result.metrics for result in long.bring(RECIPE, {12})]
    assert curve[-1]["valid_auc"] > max(0.8, curve[0]["valid_auc"])
    assert curve[-1]["valid_loss"] < curve[0]["valid_loss"]
    assert {"valid_kappa", "valid_brier", "valid_balanced_accuracy", "train_f1"} <= set(curve[-1])
    rows = long.predict(RECIPE, 12, GreyDataset().valid)
    assert rows.shape == (40, 4)
    assert rows.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(rows, long.valid_probabilities(RECIPE, 12))


def test_the_parameters_are_counted_for_the_form() -> None:
    for form in (Form(), GREY, Form(classes=10), Form(channels=4)):
        model = build_model(CNN, SIZE, form=form)
        assert model.output_shape == (None, form.outputs)
        assert trainable_parameters(CNN, SIZE, form=form) == sum(
            int(np.prod(variable.shape)) for variable in model.trainable_variables
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stain_jitter": 0.1}, "stain_jitter .* is for patches of 3 channels, and these have 1"),
        ({"form": Form()}, "for 2 classes and 3 channels, the data has 4 and 1"),
    ],
)
def test_what_does_not_go_with_the_data_is_refused(tmp_path, change, words) -> None:
    with pytest.raises(TrainingError, match=words):
        list(trainer(tmp_path).bring(replace(RECIPE, **change), {1}))
