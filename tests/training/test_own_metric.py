"""The objective's metric in the curve, where curves do not hold it anyway."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.evaluation.scores import score
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training.engine import Trainer
from hpo.training.own_metric import FurtherMetric
from tests.training.toy import PLAIN, ToyDataset


def halves(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float(np.mean((probabilities > 0.5) == labels)) / 2


def trainer(folder: object, further: FurtherMetric | None = None) -> Trainer:
    return Trainer(CheckpointStore(Files(str(folder))), ToyDataset(), further=further)


def test_it_is_computed_on_the_validation_patches_of_each_epoch(tmp_path) -> None:
    long = trainer(tmp_path, FurtherMetric("mine:halves#12345678", halves))
    for result in long.bring(PLAIN, {1, 2}):
        rows = long.valid_probabilities(PLAIN, result.epoch)
        assert result.metrics["valid_mine:halves#12345678"] == halves(long.valid_labels, rows)
        assert result.metrics["valid_accuracy"] == 2 * result.metrics["valid_mine:halves#12345678"]


def test_a_curve_without_it_is_trained_again_to_the_same_weights_and_one_with_it_is_not(tmp_path) -> None:
    plain = trainer(tmp_path)
    before = [result.metrics for result in plain.bring(PLAIN, {2})]
    digest = plain.weights_digest(PLAIN, 2)
    kappa = FurtherMetric("kappa", lambda labels, rows: score("kappa", labels, rows))
    judged = trainer(tmp_path, kappa)
    after = list(judged.bring(PLAIN, {2}))
    assert all(result.seconds is not None for result in after)
    for metrics, result in zip(before, after, strict=True):
        assert result.metrics == {**metrics, "valid_kappa": result.metrics["valid_kappa"]}
    assert judged.weights_digest(PLAIN, 2) == digest
    assert all(result.seconds is None for result in trainer(tmp_path, kappa).bring(PLAIN, {2}))
    assert all(result.seconds is None for result in trainer(tmp_path).bring(PLAIN, {2}))


def test_one_that_fails_ends_the_training(tmp_path) -> None:
    def fails(labels: np.ndarray, probabilities: np.ndarray) -> float:
        raise TrainingError("mine:fails: it returned nan")

    with pytest.raises(TrainingError, match="mine:fails"):
        list(trainer(tmp_path, FurtherMetric("mine:fails", fails)).bring(PLAIN, {1}))
