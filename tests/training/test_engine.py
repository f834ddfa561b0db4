"""Bring a recipe to epoch E: what is trained, what is kept, what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import LeaseLostError, NonFiniteLossError, TrainingError
from hpo.evaluation.metrics import METRICS, binary_metrics
from hpo.models.backend import tf
from hpo.recipe.recipe import Recipe, WarmStart
from hpo.recipe.schedule import Strategy
from hpo.recipe.taken import taken_of
from hpo.storage.checkpoints import CheckpointStore
from hpo.storage.files import Files
from hpo.training import engine as module
from hpo.training.engine import EpochResult, Trainer
from hpo.training.epoch import EpochFunction
from tests.content import sha256_of, undamaged
from tests.training.toy import CNN, PLAIN, ToyDataset, ToyPatches

OTHER = replace(PLAIN, learning_rate=0.05, seed=1)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(Files(tmp_path))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """One long-lived trainer for whatever does not mind what was trained before."""
    return Trainer(CheckpointStore(Files(tmp_path_factory.mktemp("shared"))), ToyDataset())


def bring(trainer: Trainer, recipe: Recipe, *epochs: int) -> list[EpochResult]:
    return list(trainer.bring(recipe, set(epochs)))


def test_every_epoch_is_yielded_in_order_with_all_its_metrics(shared: Trainer) -> None:
    results = bring(shared, PLAIN, 3)
    assert [result.epoch for result in results] == [1, 2, 3]
    names = {f"{side}_{name}" for side in ("train", "valid") for name in (*METRICS, "loss")} | {"learning_rate"}
    assert all(result.metrics.keys() == names for result in results)
    assert results[-1].metrics["valid_auc"] > 0.9
    assert results[-1].metrics["train_loss"] < results[0].metrics["train_loss"]


def test_patches_that_are_read_in_several_parts_are_predicted_as_together(
    shared: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shared.predict(PLAIN, 1, ToyPatches(50, 1))
    patches = ToyPatches(50, 1)
    monkeypatch.setattr(module, "_READ_AT_ONCE", 16)
    assert np.array_equal(shared.predict(PLAIN, 1, patches), whole)
    assert patches.reads == 4


def test_a_second_time_nothing_is_trained_and_nothing_is_read(store: CheckpointStore) -> None:
    first = bring(Trainer(store, ToyDataset()), PLAIN, 2)
    dataset = ToyDataset()
    again = bring(Trainer(store, dataset), PLAIN, 2)
    assert [(r.epoch, r.metrics) for r in again] == [(r.epoch, r.metrics) for r in first]
    assert [result.seconds for result in again] == [None, None]
    assert all(result.seconds is not None and result.seconds > 0 for result in first)
    assert dataset.train.reads == dataset.valid.reads == 0


def test_of_the_checkpoints_that_are_there_only_the_one_to_go_on_from_is_read(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(store, ToyDataset())
    bring(trainer, PLAIN, 1, 2, 3)
    read: list[int] = []
    verified = store._verified

    def note(key: str, epoch: int, digest: str) -> bytes | None:
        read.append(epoch)
        return verified(key, epoch, digest)

    monkeypatch.setattr(store, "_verified", note)
    bring(trainer, PLAIN, 2, 3)
    assert read == [3]


def test_patches_that_are_in_memory_are_not_read_again_and_train_the_same(tmp_path: Path) -> None:
    dataset = ToyDataset()
    trainer = Trainer(CheckpointStore(Files(tmp_path / "together")), dataset)
    reads = []
    for patches in (64, 90, 40, 64):
        recipe = replace(PLAIN, patches=patches, learning_rate=0.03)
        bring(trainer, recipe, 2)
        reads.append(dataset.train.reads)
        alone = Trainer(CheckpointStore(Files(tmp_path / f"alone-{patches}")), ToyDataset())
        bring(alone, recipe, 2)
        assert trainer.weights_digest(recipe, 2) == alone.weights_digest(recipe, 2)
    assert reads == [1, 2, 2, 2]
    bring(trainer, replace(PLAIN, patches=40, seed=7), 1)
    assert dataset.train.reads == 3


def test_of_what_was_just_trained_neither_predictions_nor_donor_are_read_from_the_store(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(store, ToyDataset())
    warm = [replace(OTHER, learning_rate=rate, initial=WarmStart(PLAIN, 1)) for rate in (0.01, 0.02)]
    bring(trainer, PLAIN, 1)
    bring(trainer, warm[0], 1)
    monkeypatch.setattr(store, "_verified", lambda *_: pytest.fail("a checkpoint was read"))
    bring(trainer, warm[1], 1)
    predictions = trainer.valid_probabilities(warm[1], 1)
    monkeypatch.undo()
    assert np.array_equal(predictions, Trainer(store, ToyDataset()).valid_probabilities(warm[1], 1))
    for recipe in (warm[0], PLAIN):
        assert np.array_equal(
            trainer.valid_probabilities(recipe, 1), Trainer(store, ToyDataset()).valid_probabilities(recipe, 1)
        )


def test_only_the_asked_for_checkpoints_are_kept(store: CheckpointStore) -> None:
    bring(Trainer(store, ToyDataset()), PLAIN, 2, 5)
    assert undamaged(store, PLAIN.key) == (2, 5)


def test_checkpoints_that_were_there_before_are_kept_too(store: CheckpointStore) -> None:
    trainer = Trainer(store, ToyDataset())
    bring(trainer, PLAIN, 2)
    bring(trainer, PLAIN, 4)
    bring(trainer, PLAIN, 3)
    assert undamaged(store, PLAIN.key) == (2, 3, 4)


def test_a_shorter_training_is_the_beginning_of_a_longer_one(store: CheckpointStore, shared: Trainer) -> None:
    longer = bring(shared, PLAIN, 3)
    shorter = bring(Trainer(store, ToyDataset()), PLAIN, 1)
    assert shorter[0].metrics == longer[0].metrics


def test_trainings_may_take_turns_and_be_predicted_from_meanwhile(store: CheckpointStore, shared: Trainer) -> None:
    expected = [bring(shared, recipe, 3) for recipe in (PLAIN, OTHER)]
    trainer = Trainer(store, ToyDataset())
    taken: list[list[EpochResult]] = [[], []]
    for pair in zip_longest(trainer.bring(PLAIN, {3}), trainer.bring(OTHER, {3})):
        for results, result in zip(taken, pair, strict=True):
            results.append(result)
        trainer.predict(PLAIN, 1, trainer._dataset.valid)
    for results, wanted in zip(taken, expected, strict=True):
        assert [result.metrics for result in results] == [result.metrics for result in wanted]
    assert trainer.weights_digest(OTHER, 3) == shared.weights_digest(OTHER, 3)


def test_an_optimizer_that_was_forgotten_meanwhile_goes_on_from_the_checkpoint(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_COMPILED", 2)
    trainer = Trainer(store, ToyDataset())
    bring(trainer, PLAIN, 1)
    for momentum in (0.5, 0.6):  # of another network, so that PLAIN's own keeps its weights
        bring(trainer, replace(PLAIN, architecture=replace(CNN, dense=(3,)), momentum=momentum), 1)
    bring(trainer, PLAIN, 3)
    straight = Trainer(CheckpointStore(Files(Path(store.url) / "straight")), ToyDataset())
    bring(straight, PLAIN, 3)
    assert trainer.weights_digest(PLAIN, 3) == straight.weights_digest(PLAIN, 3)


def test_what_the_callback_raises_ends_the_training_and_leaves_the_store_whole(
    store: CheckpointStore, shared: Trainer
) -> None:
    def lose_lease(_recipe: Recipe, epoch: int, _seconds: float) -> None:
        if epoch == 2:
            raise LeaseLostError("taken over")

    with pytest.raises(LeaseLostError):
        list(Trainer(store, ToyDataset()).bring(PLAIN, {3}, on_trained=lose_lease))
    assert undamaged(store, PLAIN.key) == (2,)
    results = bring(Trainer(store, ToyDataset()), PLAIN, 3)
    assert [result.seconds is None for result in results] == [True, True, False]
    bring(shared, PLAIN, 3)
    assert sha256_of(store, PLAIN.key, 3) == sha256_of(shared._store, PLAIN.key, 3)


def test_whoever_stops_listening_loses_nothing(store: CheckpointStore) -> None:
    results = Trainer(store, ToyDataset()).bring(PLAIN, {9})
    next(results)
    next(results)
    results.close()
    assert undamaged(store, PLAIN.key) == (2,)


def test_a_donor_is_trained_first_and_reported_but_not_yielded(store: CheckpointStore) -> None:
    warm = replace(OTHER, batch_normalization=True, initial=WarmStart(PLAIN, 2))
    trained: list[tuple[str, int]] = []
    trainer = Trainer(store, ToyDataset())
    results = list(trainer.bring(warm, {2}, on_trained=lambda recipe, epoch, _: trained.append((recipe.key, epoch))))
    assert [result.epoch for result in results] == [1, 2]
    assert trained == [(PLAIN.key, 1), (PLAIN.key, 2), (warm.key, 1), (warm.key, 2)]
    assert undamaged(store, PLAIN.key) == (2,)


def test_a_warm_started_training_begins_better_than_a_cold_one(shared: Trainer) -> None:
    cold = bring(shared, OTHER, 1)[0].metrics["train_loss"]
    warm = bring(shared, replace(OTHER, initial=WarmStart(PLAIN, 3)), 1)[0].metrics["train_loss"]
    assert warm < cold


def test_a_training_says_how_much_it_took_from_a_donor_of_other_shapes(store: CheckpointStore) -> None:
    same = replace(OTHER, initial=WarmStart(PLAIN, 1))
    wider = replace(same, architecture=replace(CNN, first_dense=9))
    trainer = Trainer(store, ToyDataset())
    first, second = bring(trainer, wider, 2)
    assert taken_of([first.metrics, second.metrics]) == (2, 6)
    assert "warm_taken" not in second.metrics
    again = bring(Trainer(store, ToyDataset()), wider, 2)
    assert taken_of([one.metrics for one in again]) == (2, 6)
    assert taken_of([one.metrics for one in bring(trainer, same, 1)]) is None


def test_a_donor_whose_checkpoint_is_gone_is_trained_again_to_the_same_weights(store: CheckpointStore) -> None:
    trainer = Trainer(store, ToyDataset())
    bring(trainer, PLAIN, 1, 2)
    lost = sha256_of(store, PLAIN.key, 1)
    store.discard(PLAIN.key, 1)
    bring(trainer, replace(OTHER, initial=WarmStart(PLAIN, 1)), 1)
    assert sha256_of(store, PLAIN.key, 1) == lost


def test_a_loss_that_is_not_finite_names_its_epoch_and_saves_nothing(store: CheckpointStore) -> None:
    # Harmless in the first epoch, e^80 times higher in the second.
    exploding = replace(PLAIN, strategy=Strategy("exponential", rate=-80.0))
    trainer = Trainer(store, ToyDataset())
    with pytest.raises(NonFiniteLossError, match="epoch 2") as caught:
        bring(trainer, exploding, 5)
    assert caught.value.epoch == 2
    assert undamaged(store, exploding.key) == (1,)
    assert len(bring(trainer, PLAIN, 1)) == 1, "the study goes on"


def test_stored_validation_predictions_are_those_the_curve_was_computed_from(shared: Trainer) -> None:
    metrics = bring(shared, PLAIN, 3)[2].metrics
    stored = shared.valid_probabilities(PLAIN, 3)
    assert stored.dtype == np.float32
    found = binary_metrics(shared.valid_labels, stored)
    assert {f"valid_{name}": value for name, value in found.items()} == {
        name: value for name, value in metrics.items() if name.startswith("valid_")
    }


@pytest.mark.parametrize("count", [0, 1, 50, 128, 129, 300])
def test_predictions_do_not_depend_on_how_many_are_asked_for(shared: Trainer, count: int) -> None:
    patches = ToyPatches(300, 7)
    few = ToyPatches(count, 7)
    few.patches = patches.patches[:count]
    predicted = shared.predict(PLAIN, 2, few)
    assert predicted.shape == (count,)
    assert predicted.dtype == np.float32
    assert predicted == pytest.approx(shared.predict(PLAIN, 2, patches)[:count], abs=1e-6)


def test_predictions_of_the_validation_patches_are_the_stored_ones(shared: Trainer) -> None:
    assert np.array_equal(shared.predict(PLAIN, 3, shared._dataset.valid), shared.valid_probabilities(PLAIN, 3))


def test_the_keras_model_computes_what_the_trainer_predicts(shared: Trainer) -> None:
    patches = shared._dataset.valid
    scaled = patches.read(np.arange(50)).astype(np.float32) / 127.5 - 1
    logits = np.asarray(shared.model(PLAIN, 2)(scaled, training=False))[:, 0]
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(shared.predict(PLAIN, 2, patches), abs=1e-6)


def test_the_weights_digest_is_of_the_weights_alone(shared: Trainer) -> None:
    """Another batch order gives other weights; another, unused parameter gives the same."""
    assert shared.weights_digest(PLAIN, 1) == shared.weights_digest(replace(PLAIN, momentum=0.9), 1)
    assert len({shared.weights_digest(PLAIN, epoch) for epoch in (1, 2, 3)}) == 3
    assert shared.weights_digest(replace(PLAIN, seed=9), 1) != shared.weights_digest(PLAIN, 1)


def test_validation_on_a_balanced_subset(store: CheckpointStore) -> None:
    trainer = Trainer(store, ToyDataset(), valid_patches=20)
    bring(trainer, PLAIN, 1)
    assert np.bincount(trainer.valid_labels).tolist() == [10, 10]
    assert np.array_equal(ToyDataset().valid.labels[trainer.valid_rows], trainer.valid_labels)
    assert len(trainer.valid_probabilities(PLAIN, 1)) == 20


def test_a_curve_of_other_validation_patches_is_not_continued(store: CheckpointStore) -> None:
    bring(Trainer(store, ToyDataset()), PLAIN, 1)
    with pytest.raises(TrainingError, match="validated on 50 patches, this study validates on 20"):
        bring(Trainer(store, ToyDataset(), valid_patches=20), PLAIN, 2)


@pytest.mark.parametrize(
    ("recipe", "epochs", "complaint"),
    [
        (replace(PLAIN, patches=8), [1], r"patches \(8\) is less than batch_size \(16\)"),
        (replace(PLAIN, patches=500), [1], r"training patches: .*500 patches"),
        (replace(PLAIN, data="another"), [1], "made for data another"),
        (PLAIN, [], "epochs of at least 1"),
        (PLAIN, [0, 3], "epochs of at least 1"),
    ],
)
def test_what_cannot_be_trained_is_refused(shared: Trainer, recipe: Recipe, epochs: list[int], complaint: str) -> None:
    with pytest.raises(TrainingError, match=complaint):
        bring(shared, recipe, *epochs)


def test_running_out_of_memory_names_the_batch_size(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    trainer = Trainer(store, ToyDataset())
    with monkeypatch.context() as patch:
        patch.setattr(EpochFunction, "train", exhausted)
        with pytest.raises(TrainingError, match="not enough memory for batch_size 16"):
            bring(trainer, PLAIN, 1)
    assert len(bring(trainer, PLAIN, 1)) == 1
