"""Between an epoch's first step and its last Python does nothing: no GPU waits for the host's interpreter."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from hpo.models.backend import tf
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training import epoch as module
from hpo.training.augment import Draws, draw_epoch
from hpo.training.engine import Trainer
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.network import Network
from tests.training.toy import PLAIN, SIZE, ToyDataset, ToyPatches

BATCH = 4
RECIPE = replace(PLAIN, batch_size=BATCH, augmentation=True, stain_jitter=0.2)


class Calls:
    """Counts what this thread's Python calls while the block runs, C functions too, by the caller's file."""

    def __init__(self) -> None:
        self.by_file: Counter[str] = Counter()

    def __enter__(self) -> Calls:
        gc.collect()
        gc.disable()  # what earlier tests left must not be finalized, and counted, here
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        gc.enable()

    def _note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event in ("call", "c_call"):
            self.by_file[frame.f_code.co_filename] += 1

    @property
    def in_tensorflow(self) -> int:
        """Those made by TensorFlow's and Keras' own files."""
        return sum(count for file, count in self.by_file.items() if {"tensorflow", "keras"} & {*Path(file).parts})


@pytest.fixture(scope="module")
def function() -> EpochFunction:
    """Traced already."""
    made = EpochFunction(Network(RECIPE.architecture, SIZE, False), Settings.of(RECIPE))
    train(made, steps=1)
    return made


def train(function: EpochFunction, *, steps: int) -> Calls:
    """What is called in the second of two epochs of so many steps."""
    patches = ToyPatches(steps * BATCH, 0)
    resident, targets = tf.constant(patches.patches), tf.constant(patches.labels, tf.float32)
    draws: Draws = draw_epoch(0, 1, len(patches), BATCH, RECIPE.stain_jitter)
    rates = np.full(steps, 0.01, np.float32)
    function.train(resident, targets, draws, rates)  # TensorFlow looks at new shapes longer
    with Calls() as calls:
        logits = function.train(resident, targets, draws, rates)
    assert logits.shape == (steps * BATCH,)
    return calls


def test_an_epoch_of_many_steps_takes_as_many_python_calls_as_an_epoch_of_two(function: EpochFunction) -> None:
    few, many = train(function, steps=2), train(function, steps=200)
    assert few.by_file == many.by_file
    assert few.in_tensorflow > 0


@pytest.mark.parametrize(("steps", "calls"), [(1, 1), (8, 1), (9, 2), (24, 3)])
def test_the_compiled_function_is_called_once_for_many_steps(
    function: EpochFunction, monkeypatch: pytest.MonkeyPatch, steps: int, calls: int
) -> None:
    monkeypatch.setattr(module, "_PATCHES_PER_CALL", 8 * BATCH)
    made, run = [], function._run
    monkeypatch.setattr(function, "_run", lambda *arguments: made.append(len(arguments[-1])) or run(*arguments))
    train(function, steps=steps)
    assert len(made) == 2 * calls  # `train` trains twice
    assert sum(made) == 2 * steps


def test_the_counting_sees_a_step_that_python_takes_by_itself(
    function: EpochFunction, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(function, steps=20)
    monkeypatch.setattr(module, "_PATCHES_PER_CALL", BATCH)
    assert train(function, steps=20).in_tensorflow >= 15 * whole.in_tensorflow


def test_a_trainers_epoch_calls_tensorflow_as_often_for_thirty_steps_as_for_two(tmp_path: Path) -> None:
    trainer = Trainer(CheckpointStore(Files(tmp_path)), ToyDataset())

    def third_epoch(recipe: Recipe) -> Calls:
        results = trainer.bring(recipe, {3})
        for _ in range(2):  # reads, traces
            next(results)
        with Calls() as calls:
            assert next(results).seconds is not None
        return calls

    few, many = (third_epoch(replace(RECIPE, patches=steps * BATCH)) for steps in (2, 30))
    assert few.in_tensorflow == many.in_tensorflow
