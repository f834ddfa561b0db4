"""One epoch as one compiled function."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.models.build import initial_weights, load_weights, weights_of
from hpo.recipe.architecture import FunctionSpec
from hpo.recipe.augmentations import Augmentations
from hpo.recipe.fitting import Fitting
from hpo.recipe.form import Form
from hpo.recipe.recipe import Recipe
from hpo.training import epoch as module
from hpo.training.alter import Asked
from hpo.training.augment import draw_epoch
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.network import Network
from tests.training.toy import OWN_AUGMENTATION, PLAIN, SIZE, ToyPatches

PATCHES = ToyPatches(90, 0)
STILL = replace(PLAIN, augmentation=False, stain_jitter=0.0, momentum=0.0)


def train(recipe: Recipe, *, rate: float = 0.02) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Logits of an epoch from seed 0, and the weights after it."""
    network = Network(recipe.architecture, SIZE, recipe.batch_normalization)
    load_weights(network.model, initial_weights(recipe.architecture, network.model, 0))
    function = EpochFunction(network, Settings.of(recipe))
    others = Asked(recipe.augmentations, SIZE, recipe.augment is not None)
    draws = draw_epoch(0, 1, len(PATCHES), recipe.batch_size, recipe.stain_jitter, others)
    rates = np.full(len(draws.order), rate, np.float32)
    logits = function.train(tf.constant(PATCHES.patches), tf.constant(PATCHES.labels, tf.float32), draws, rates)
    return logits, weights_of(network.model)


def test_an_epoch_is_plain_gradient_descent_on_cross_entropy() -> None:
    logits, weights = train(STILL)
    network = Network(STILL.architecture, SIZE, False)
    load_weights(network.model, initial_weights(STILL.architecture, network.model, 0))
    expected = []
    for rows in draw_epoch(0, 1, len(PATCHES), 16, 0.0).order:
        with tf.GradientTape() as tape:
            batch = network.model(PATCHES.patches[rows].astype(np.float32) / 127.5 - 1, training=True)[:, 0]
            labels = PATCHES.labels[rows].astype(np.float32)
            loss = tf.reduce_mean(-labels * tf.math.log_sigmoid(batch) - (1 - labels) * tf.math.log_sigmoid(-batch))
        variables = network.model.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(0.02 * gradient)
        expected.append(batch.numpy())
    assert logits == pytest.approx(np.concatenate(expected), abs=1e-4)
    for path, value in weights_of(network.model).items():
        assert weights[path] == pytest.approx(value, abs=1e-4), path


def test_a_rate_of_zero_changes_nothing() -> None:
    network = Network(STILL.architecture, SIZE, False)
    before = initial_weights(STILL.architecture, network.model, 0)
    _, after = train(STILL, rate=0.0)
    assert all(np.array_equal(before[path], after[path]) for path in before)


@pytest.mark.parametrize(
    "change",
    [
        {"momentum": 0.9},
        {"optimizer": "adam"},
        {"weight_decay": 0.1},
        {"augmentation": True},
        {"stain_jitter": 0.2},
        {"augmentations": Augmentations(shift=2)},
        {"augmentations": Augmentations(brightness=0.1)},
        {"augmentations": Augmentations(blur=1.0)},
        {"augmentations": Augmentations(he_jitter=0.1)},
        {"augmentations": Augmentations(mixup=0.4)},
        {"augmentations": Augmentations(cutmix=1.0)},
        {"augment": OWN_AUGMENTATION},
    ],
    ids=str,
)
def test_every_setting_matters(change: dict[str, Any]) -> None:
    _, plain = train(STILL)
    _, changed = train(replace(STILL, **change))
    assert not np.array_equal(plain["conv1/kernel"], changed["conv1/kernel"])


def test_nesterov_changes_how_momentum_is_used() -> None:
    heavy = replace(STILL, momentum=0.9)
    _, plain = train(heavy)
    _, changed = train(replace(heavy, fitting=Fitting(nesterov=True)))
    assert not np.array_equal(plain["conv1/kernel"], changed["conv1/kernel"])


@pytest.mark.parametrize(
    "fitting", [Fitting(loss="focal"), Fitting(loss="poly"), Fitting(label_smoothing=0.3)], ids=str
)
def test_another_loss_trains_to_other_weights(fitting: Fitting) -> None:
    _, plain = train(STILL)
    _, changed = train(replace(STILL, fitting=fitting))
    assert not np.array_equal(plain["conv1/kernel"], changed["conv1/kernel"])


def test_weight_decay_shrinks_weights_by_rate_times_decay_each_step() -> None:
    _, plain = train(replace(STILL, batch_size=90))
    _, decayed = train(replace(STILL, batch_size=90, weight_decay=0.5))
    fresh = initial_weights(STILL.architecture, Network(STILL.architecture, SIZE, False).model, 0)
    assert plain["conv1/kernel"] - decayed["conv1/kernel"] == pytest.approx(
        0.02 * 0.5 * fresh["conv1/kernel"], abs=1e-6
    )


def test_an_epoch_in_several_calls_is_the_same_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(PLAIN)
    monkeypatch.setattr(module, "_PATCHES_PER_CALL", 32)
    parts = train(PLAIN)
    assert np.array_equal(whole[0], parts[0])
    assert all(np.array_equal(whole[1][path], parts[1][path]) for path in whole[1])


def test_batch_normalization_learns_its_statistics() -> None:
    _, weights = train(replace(PLAIN, batch_normalization=True))
    assert weights["conv1_bn/moving_mean"].any()
    assert not np.array_equal(weights["conv1_bn/moving_variance"], np.ones(4))


def test_a_users_regularizer_is_part_of_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = (
        "from keras import Sequential, layers\n\n\ndef make(shape):\n    return Sequential([layers.Input(shape), "
        "layers.Flatten(name='f'), layers.Dense(1, kernel_regularizer=REGULARIZER, name='d')], name='m')\n"
    )
    kernels = {}
    for name, regularizer in (("with_l2", "'l2'"), ("without_l2", "None")):
        text = source.replace("REGULARIZER", regularizer)
        (tmp_path / f"{name}.py").write_text(text)
        spec = FunctionSpec(f"{name}:make", hashlib.sha256(text.encode()).hexdigest())
        _, weights = train(replace(STILL, architecture=spec))
        kernels[name] = next(value for path, value in weights.items() if path.endswith("kernel"))
        sys.modules.pop(name)
    assert np.square(kernels["with_l2"]).sum() < np.square(kernels["without_l2"]).sum()


def test_l2_adds_twice_the_kernels_to_the_gradient_and_spares_biases() -> None:
    one_step = replace(STILL, batch_size=90)
    _, plain = train(one_step)
    _, penalized = train(replace(one_step, fitting=Fitting(l2=0.5)))
    fresh = initial_weights(STILL.architecture, Network(STILL.architecture, SIZE, False).model, 0)
    for path, value in fresh.items():
        expected = 0.02 * 2 * 0.5 * value if path.endswith("kernel") else np.zeros_like(value)
        assert plain[path] - penalized[path] == pytest.approx(expected, abs=1e-6), path


@pytest.mark.parametrize("change", [{}, {"optimizer": "adam", "weight_decay": 0.1}, {"momentum": 0.9}], ids=str)
def test_frozen_layers_stay_and_have_no_optimizer_slots(change: dict[str, Any]) -> None:
    recipe = replace(STILL, batch_normalization=True, frozen_layers=1, **change)
    network = Network(recipe.architecture, SIZE, True, frozen=1)
    before = initial_weights(recipe.architecture, network.model, 0)
    load_weights(network.model, before)
    function = EpochFunction(network, Settings.of(recipe))
    draws = draw_epoch(0, 1, len(PATCHES), recipe.batch_size, 0.0)
    rates = np.full(len(draws.order), 0.02, np.float32)
    function.train(tf.constant(PATCHES.patches), tf.constant(PATCHES.labels, tf.float32), draws, rates)
    after = weights_of(network.model)
    same = {path for path in before if np.array_equal(before[path], after[path])}
    assert same == {path for path in before if path.startswith("conv1")} == set(network.frozen)
    assert not [slot.path for slot in function.optimizer.variables if "conv1" in slot.path]


def test_patches_of_several_classes_and_of_one_channel_are_altered_and_mixed_too() -> None:
    grey, form = PATCHES.patches[..., :1], Form(classes=3, channels=1)
    asked = Augmentations(shift=2, brightness=0.1, blur=0.5, mixup=0.4, cutmix=1.0)
    recipe = replace(STILL, form=form, augmentations=asked, augment=OWN_AUGMENTATION)
    network = Network(recipe.architecture, SIZE, False, form=form)
    before = initial_weights(recipe.architecture, network.model, 0)
    load_weights(network.model, before)
    function = EpochFunction(network, Settings.of(recipe))
    draws = draw_epoch(0, 1, len(PATCHES), recipe.batch_size, 0.0, Asked(asked, SIZE, has_own=True))
    labels = tf.one_hot(np.arange(len(PATCHES)) % 3, 3)
    logits = function.train(tf.constant(grey), labels, draws, np.full(len(draws.order), 0.02, np.float32))
    assert logits.shape == (len(draws.order) * recipe.batch_size, 3)
    assert np.isfinite(logits).all()
    assert not np.array_equal(before["conv1/kernel"], weights_of(network.model)["conv1/kernel"])
