"""A training that was interrupted ends bit for bit as an undisturbed one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from tests.content import sha256_of
from tests.training import toy

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> CheckpointStore:
    """Every recipe at epoch 2, left by a process that was killed."""
    folder = tmp_path_factory.mktemp("interrupted")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    died = subprocess.run(
        [sys.executable, toy.__file__, folder], env=os.environ | {"PYTHONPATH": path}, timeout=900, check=False
    )
    assert died.returncode == -signal.SIGKILL
    return CheckpointStore(Files(folder))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return Trainer(CheckpointStore(Files(tmp_path_factory.mktemp("undisturbed"))), toy.ToyDataset())


@pytest.mark.parametrize("name", toy.RESUMED)
def test_two_epochs_then_two_in_another_process_equal_four(
    name: str, interrupted: CheckpointStore, undisturbed: Trainer
) -> None:
    recipe = toy.RESUMED[name]
    store = undisturbed._store
    whole = list(undisturbed.bring(recipe, {2, 4}))

    # A fresh process gave the bits that this long-lived one gives, among other recipes.
    assert sha256_of(interrupted, recipe.key, 2) == sha256_of(store, recipe.key, 2)

    resumed = list(Trainer(interrupted, toy.ToyDataset()).bring(recipe, {4}))
    assert [result.seconds is None for result in resumed] == [True, True, False, False]
    assert [result.metrics for result in resumed] == [result.metrics for result in whole]
    # The whole file: weights, BatchNormalization statistics, optimizer slots, step count, predictions, curve.
    assert sha256_of(interrupted, recipe.key, 4) == sha256_of(store, recipe.key, 4) is not None


def test_no_two_of_these_recipes_train_to_the_same_weights(undisturbed: Trainer) -> None:
    digests = {undisturbed.weights_digest(recipe, 4) for recipe in toy.RESUMED.values()}
    assert len(digests) == len(toy.RESUMED)
