"""Averaged weights: made as the equation says, judged, kept and handed on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.models.backend import tf
from hpo.models.build import initial_weights, load_weights, weights_of
from hpo.recipe.fitting import Fitting
from hpo.recipe.recipe import WarmStart
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.augment import draw_epoch
from hpo.training.engine import Trainer
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.network import Network, probabilities
from tests.training.toy import CNN, PLAIN, SIZE, ToyDataset, ToyPatches

AVERAGED = replace(
    PLAIN, batch_normalization=True, architecture=replace(CNN, dropout=0.2), fitting=Fitting(ema=0.4), learning_rate=0.1
)
UNAVERAGED = replace(AVERAGED, fitting=Fitting())


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(CheckpointStore(Files(tmp_path)), ToyDataset())


def test_each_step_moves_the_averages_of_weights_and_statistics_towards_them() -> None:
    patches = ToyPatches(90, 0)
    network = Network(AVERAGED.architecture, SIZE, True)
    weights = initial_weights(AVERAGED.architecture, network.model, 0)
    load_weights(network.model, weights)
    function = EpochFunction(network, Settings.of(AVERAGED))
    assert function.averages is not None
    function.averages.load(weights)
    expected = {path: value.astype(np.float64) for path, value in weights.items() if value.dtype.kind == "f"}
    draws = draw_epoch(0, 1, 90, 16, PLAIN.stain_jitter)
    for step in range(1, 6):
        one = slice(step - 1, step)
        part = replace(draws, order=draws.order[one], turns=draws.turns[one], stain=draws.stain[one])
        labels = tf.constant(patches.labels, tf.float32)
        function.train(tf.constant(patches.patches), labels, part, np.full(1, 0.1, np.float32))
        decay, now = min(0.4, (1 + step) / (10 + step)), weights_of(network.model)
        expected = {path: decay * value + (1 - decay) * now[path] for path, value in expected.items()}
    found = function.averages.values()
    assert found.keys() == expected.keys()
    assert {"conv1/kernel", "conv1_bn/moving_variance"} < found.keys()
    assert not any("seed_generator" in path for path in found)
    for path, value in expected.items():
        assert found[path] == pytest.approx(value, abs=1e-5), path


def test_averaging_changes_no_step_but_what_is_judged_and_kept(trainer: Trainer) -> None:
    averaged = list(trainer.bring(AVERAGED, {2, 3}))
    plain = list(trainer.bring(UNAVERAGED, {2, 3}))
    seen = [{name: value for name, value in one.metrics.items() if name.startswith("train")} for one in averaged]
    assert seen == [{name: one.metrics[name] for name in part} for one, part in zip(plain, seen, strict=True)]
    assert [one.metrics["valid_loss"] for one in averaged] != [one.metrics["valid_loss"] for one in plain]
    mine = trainer._checkpoint(AVERAGED, 3).arrays
    theirs = trainer.arrays(UNAVERAGED, 3)
    assert all(np.array_equal(mine[f"trained/{path}"], value) for path, value in theirs.items())
    assert not np.array_equal(mine["model/conv1/kernel"], theirs["conv1/kernel"])
    assert not np.array_equal(mine["model/conv1_bn/moving_mean"], theirs["conv1_bn/moving_mean"])


def test_validation_prediction_and_the_model_have_the_averages(trainer: Trainer) -> None:
    list(trainer.bring(AVERAGED, {3}))
    valid = ToyDataset().valid
    stored = trainer.valid_probabilities(AVERAGED, 3)
    assert np.array_equal(trainer.predict(AVERAGED, 3, valid), stored)
    logits: NDArray[Any] = trainer.model(AVERAGED, 3).predict(valid.patches / 127.5 - 1, verbose=0)[:, 0]
    assert probabilities(logits) == pytest.approx(stored, abs=1e-5)


def test_a_warm_start_takes_the_donors_averages(trainer: Trainer) -> None:
    still = replace(UNAVERAGED, batch_size=90, learning_rate=1e-30, momentum=0.0)
    started = replace(still, initial=WarmStart(AVERAGED, 2))
    list(trainer.bring(started, {1}))
    donor = trainer.arrays(AVERAGED, 2)
    assert np.array_equal(trainer.arrays(started, 1)["conv1/kernel"], donor["conv1/kernel"])
