"""Training is one function: bring this recipe to epoch E.

`Trainer.bring` looks for the latest checkpoint at or before E, restores it, trains the rest, and yields the metrics of
each epoch. Nothing is trained twice, and a training that was interrupted ends bit for bit as an undisturbed one (on one
kind of CPU, with the same number of threads).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hpo.errors import StorageError, TrainingError
from hpo.models.backend import keras
from hpo.models.build import Arrays, build_model, initial_weights, load_weights
from hpo.models.freeze import freeze
from hpo.models.warm_start import warm_start
from hpo.recipe.arithmetic import PLAIN
from hpo.recipe.recipe import Recipe
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.fit_to_data import check_recipe
from hpo.training.home import home_of
from hpo.training.network import Network
from hpo.training.next_epoch import train_epoch
from hpo.training.own_metric import FurtherMetric
from hpo.training.resident import DataSource, PatchSource, ResidentData
from hpo.training.runtime import configure
from hpo.training.state import digest_of_weights, model_arrays, start

OnTrained = Callable[[Recipe, int, float], None]
"""Called after each epoch that was really trained, donors' included: recipe, epoch from 1, seconds."""

_COMPILED = 8
"""Networks, and epoch functions, kept at once: a study's architectures with the batch sizes in use. Each costs 1 to 2 s
to build and some megabytes."""

_READ_AT_ONCE = 4096  # patches read and predicted together: 113 MB of 96x96 RGB


@dataclass(frozen=True)
class EpochResult:
    """An epoch of a recipe.

    Args:
        epoch: counted from 1.
        metrics: ``train_`` and ``valid_`` followed by loss, accuracy, precision, recall, f1 and auc; and
            ``learning_rate``, that of the epoch's first step. Training metrics are of the predictions made while
            training, on augmented patches; the label of a mixed one is that of its larger part. The first epoch of a
            training whose donor has other shapes also says how much of it was taken (`hpo.recipe.taken`).
        seconds: that training, validation and checkpoint took; None if the epoch was read from the store.
    """

    epoch: int
    metrics: dict[str, float]
    seconds: float | None


class Trainer:
    """Trains recipes on one data set; one per process, and meant to live long.

    Args:
        store: where checkpoints are found and kept.
        dataset: training and validation patches.
        valid_patches: validate on a class-balanced subset of this many; None is all.
        further: the objective's metric, where curves do not hold it anyway; None if they do.
        most_patches: as many training patches as any recipe will have; None is all. It decides where they stay.

    Attributes:
        valid_rows: rows of the validation split that are validated on, ``(N,)``.
        valid_labels: their labels, uint8 ``(N,)``.
    """

    def __init__(
        self,
        store: CheckpointStore,
        dataset: DataSource,
        *,
        valid_patches: int | None = None,
        most_patches: int | None = None,
        further: FurtherMetric | None = None,
    ) -> None:
        configure()
        self._store, self._dataset, self.further = store, dataset, further
        self._home = home_of((most_patches or len(dataset.train)) * math.prod(dataset.train.shape[1:]))
        self._data = ResidentData(dataset, valid_patches, self._home)
        self._network = lru_cache(_COMPILED)(Network)
        self._function = lru_cache(_COMPILED)(EpochFunction)
        self._fresh = lru_cache(_COMPILED)(initial_weights)
        # What the next trial asks for again, with the recipe's key and the epoch that it is of.
        self._last_valid: tuple[tuple[str, int], NDArray[np.float32]] | None = None
        self._last_donor: tuple[tuple[str, int], Arrays] | None = None
        self.valid_rows, self.valid_labels = self._data.valid_rows, self._data.valid_labels

    def on(self, dataset: DataSource) -> Trainer:
        """A trainer on other patches of the same size, with this one's compiled functions; it validates on all."""
        other = copy(self)
        other._dataset, other._data = dataset, ResidentData(dataset, None, self._home)
        other._last_valid = other._last_donor = None
        other.valid_rows, other.valid_labels = other._data.valid_rows, other._data.valid_labels
        return other

    def bring(
        self,
        recipe: Recipe,
        epochs: Collection[int],
        *,
        on_trained: OnTrained | None = None,
        before_save: Callable[[], None] | None = None,
    ) -> Iterator[EpochResult]:
        """Brings a recipe to the last of these epochs, training only what no checkpoint covers.

        A donor is brought to its epoch first. After each epoch its checkpoint is saved and that of the epoch before
        discarded, unless it is one of ``epochs`` or was there before this call. The iterator may be left at any time.

        Args:
            recipe: what to train.
            epochs: whose checkpoints are to be kept; at least one, each >= 1.
            on_trained: called after each trained epoch is saved; what it raises ends the training and leaves the
                store as it should be.
            before_save: called when an epoch is trained, before the store is touched; what it raises ends the training
                and leaves the store as it is.

        Yields:
            Every epoch from 1 to the last, in order.

        Raises:
            NonFiniteLossError: if loss or weights became infinite or not a number; that epoch is not saved.
            TrainingError: if the recipe cannot be trained on this data or machine.
        """
        if not epochs or min(epochs) < 1:
            raise TrainingError(f"a recipe is brought to epochs of at least 1, not {sorted(epochs)}")
        kept = {*epochs, *self._store.epochs(recipe.key)}
        last = max(epochs)
        found = self._restorable(recipe, last)
        curve = found.curve if found else ()
        for index, metrics in enumerate(curve):
            yield EpochResult(index + 1, metrics, None)
        if len(curve) == last:
            return

        check_recipe(recipe, self._dataset.digest, self._data.form)
        function = self._compiled(recipe)
        begun: dict[str, float] = {}
        if found is None:
            weights, begun = self._initial_weights(recipe, function, on_trained, before_save)
        state = found.arrays if found else start(function, weights)
        for epoch in range(len(curve) + 1, last + 1):
            began = time.perf_counter()
            state, metrics = train_epoch(function, self._data, recipe, state, epoch, self.further)
            curve = (*curve, metrics | (begun if epoch == 1 else {}))
            if before_save is not None:
                before_save()
            self._store.save(Checkpoint(recipe.key, epoch, state, curve))
            self._last_valid = ((recipe.key, epoch), state["valid_probabilities"])
            if epoch - 1 not in kept:
                self._store.discard(recipe.key, epoch - 1)
            seconds = time.perf_counter() - began
            if on_trained is not None:
                on_trained(recipe, epoch, seconds)
            yield EpochResult(epoch, curve[-1], seconds)

    def predict(
        self, recipe: Recipe, epoch: int, patches: PatchSource, *, symmetries: bool = False
    ) -> NDArray[np.float32]:
        """Probabilities by the recipe at this epoch (trained if need be).

        Args:
            recipe: what was trained.
            epoch: how long.
            patches: to classify.
            symmetries: whether to average the probabilities over the eight flips and quarter turns.

        Returns:
            float32 ``(N,)``, of label 1; ``(N, K)``, of each class, where there are more than two.
        """
        network = self._loaded(recipe, epoch)
        rows = np.arange(len(patches))
        parts = (rows[first : first + _READ_AT_ONCE] for first in range(0, len(rows), _READ_AT_ONCE))
        found = [network.probabilities(patches.read(part), symmetries=symmetries) for part in parts]
        return np.concatenate([np.empty((0, *network.logit_shape), np.float32), *found])

    def _loaded(self, recipe: Recipe, epoch: int) -> Network:
        """A network with the weights at this epoch."""
        weights = self.arrays(recipe, epoch)
        network = self._network_of(replace(recipe, arithmetic=PLAIN))
        network.holds = None
        load_weights(network.model, weights)
        return network

    def valid_probabilities(self, recipe: Recipe, epoch: int, *, symmetries: bool = False) -> NDArray[np.float32]:
        """Probabilities on the validation patches, of the shape of `predict`'s.

        Those of the patches as they are were stored with the checkpoint; those averaged over the eight flips and
        quarter turns are computed.
        """
        if symmetries:
            return self._loaded(recipe, epoch).probabilities(self._data.valid(), symmetries=True)
        if self._last_valid is not None and self._last_valid[0] == (recipe.key, epoch):
            return self._last_valid[1]  # just trained: nothing need be read
        return self._checkpoint(recipe, epoch).arrays["valid_probabilities"].astype(np.float32, copy=False)

    def arrays(self, recipe: Recipe, epoch: int) -> Arrays:
        """The model's variables at this epoch (trained if need be), by path."""
        return model_arrays(self._checkpoint(recipe, epoch).arrays)

    def model(self, recipe: Recipe, epoch: int) -> keras.Model:
        """A Keras model of its own, with the weights at this epoch, from patches in [-1, 1] to logits."""
        weights = self.arrays(recipe, epoch)
        model = build_model(
            recipe.architecture, self._data.size, batch_normalization=recipe.batch_normalization, form=recipe.form
        )
        load_weights(model, weights)
        freeze(model, recipe.frozen_layers)
        return model

    def weights_digest(self, recipe: Recipe, epoch: int) -> str:
        """SHA-256 of the model's variables alone (names, dtypes, shapes, bytes): equal weights, equal digests."""
        return digest_of_weights(self._checkpoint(recipe, epoch).arrays)

    def _initial_weights(
        self,
        recipe: Recipe,
        function: EpochFunction,
        on_trained: OnTrained | None,
        before_save: Callable[[], None] | None,
    ) -> tuple[Arrays, dict[str, float]]:
        """The weights before the first step, and how many are a donor's of other shapes (see `EpochResult`)."""
        fresh = self._fresh(recipe.architecture, function.network.model, recipe.seed)
        if recipe.initial is None:
            return fresh, {}
        address = (recipe.initial.donor.key, recipe.initial.epoch)
        if self._last_donor is None or self._last_donor[0] != address:
            donor = self._checkpoint(recipe.initial.donor, recipe.initial.epoch, on_trained, before_save)
            self._last_donor = (address, model_arrays(donor.arrays))
        started = warm_start(fresh, self._last_donor[1], recipe.initial, function.network.frozen)
        return started.weights, started.taken.to_metrics() if started.is_partial else {}

    def _checkpoint(
        self,
        recipe: Recipe,
        epoch: int,
        on_trained: OnTrained | None = None,
        before_save: Callable[[], None] | None = None,
    ) -> Checkpoint:
        """The checkpoint at exactly this epoch, trained first if it is not there."""
        found = self._restorable(recipe, epoch)
        if found is None or found.epoch != epoch:
            for _ in self.bring(recipe, (epoch,), on_trained=on_trained, before_save=before_save):
                pass
            found = self._restorable(recipe, epoch)
        if found is None or found.epoch != epoch:
            raise StorageError(f"checkpoint {recipe.key}, epoch {epoch}, was gone or damaged right after it was saved")
        return found

    def _restorable(self, recipe: Recipe, at_most: int) -> Checkpoint | None:
        """The latest checkpoint, if its validation curve is of the patches that we validate on.

        One whose curve lacks the objective's metric, of a study with another objective, does not count.
        """
        found = self._store.latest(recipe.key, at_most, self._has_objective)
        if found is not None and len(found.arrays["valid_probabilities"]) != len(self.valid_labels):
            raise TrainingError(
                f"the checkpoints in {self._store.url} were validated on {len(found.arrays['valid_probabilities'])} "
                f"patches, this study validates on {len(self.valid_labels)}; keep valid_patches as it was, or name "
                "another folder for checkpoints"
            )
        return found

    def _has_objective(self, checkpoint: Checkpoint) -> bool:
        return self.further is None or all(f"valid_{self.further.name}" in epoch for epoch in checkpoint.curve)

    def _network_of(self, recipe: Recipe) -> Network:
        return self._network(
            recipe.architecture,
            self._data.size,
            recipe.batch_normalization,
            recipe.arithmetic,
            recipe.form,
            recipe.frozen_layers,
        )

    def _compiled(self, recipe: Recipe) -> EpochFunction:
        return self._function(self._network_of(recipe), Settings.of(recipe), self._home)
