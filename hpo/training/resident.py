"""Training and validation patches held in memory for as long as they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.data.split import class_count, nested_subset
from hpo.errors import DataError, TrainingError
from hpo.models.backend import tf
from hpo.recipe.form import Form
from hpo.recipe.recipe import Balance
from hpo.training.home import HOST

_VALIDATION_SEED = 0  # the validation patches are the same for every recipe, whatever its seed


class PatchSource(Protocol):
    """What training needs of `hpo.data.dataset.Patches`."""

    @property
    def labels(self) -> NDArray[np.uint8]:
        """``(N,)``, the number of each patch's class, from 0."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, size, size, channels)``."""

    def __len__(self) -> int: ...

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The patches of these rows, ``(n, size, size, channels)``, in this order."""


class DataSource(Protocol):
    """What training needs of `hpo.data.dataset.Dataset`."""

    @property
    def train(self) -> PatchSource:
        """Training patches."""

    @property
    def valid(self) -> PatchSource:
        """Validation patches."""

    @property
    def digest(self) -> str:
        """SHA-256 of training and validation content."""


@dataclass(frozen=True)
class TrainingPatches:
    """A training subset.

    Args:
        patches: uint8 ``(N, size, size, channels)``, on their home.
        targets: the labels beside them, float32 ``(N,)``; ``(N, K)`` one-hot where there are more than two classes.
        labels: the same on the host, uint8 ``(N,)``.
    """

    patches: tf.Tensor
    targets: tf.Tensor
    labels: NDArray[np.uint8]


def _targets(labels: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    return labels.astype(np.float32) if classes == 2 else np.eye(classes, dtype=np.float32)[labels]


class ResidentData:
    """The largest training subset of the seed last used, and the validation patches.

    Subsets of one seed and balance are nested, the smaller the beginning of the larger: a trial that needs fewer
    patches than its predecessor has them already, and never is more in memory than one trial needs.

    Args:
        dataset: where they are read from.
        valid_patches: validate on a class-balanced subset of this many; None is all.
        home: the device that training patches stay on.
    """

    def __init__(self, dataset: DataSource, valid_patches: int | None, home: str = HOST) -> None:
        self._dataset, self._home = dataset, home
        rows = np.arange(len(dataset.valid))
        if valid_patches is not None and valid_patches < len(rows):
            rows = np.sort(nested_subset(dataset.valid.labels, valid_patches, _VALIDATION_SEED))
        self.valid_rows: NDArray[np.intp] = rows
        self.valid_labels: NDArray[np.uint8] = np.asarray(dataset.valid.labels)[rows]
        self._valid: NDArray[np.uint8] | None = None
        self._train: tuple[tuple[int, Balance], TrainingPatches] | None = None

    @property
    def size(self) -> int:
        """Side of the patches, pixels."""
        return int(self._dataset.train.shape[1])

    @property
    def form(self) -> Form:
        """Classes and channels of the data."""
        return Form(class_count(self._dataset.train.labels), int(self._dataset.train.shape[-1]))

    def valid(self) -> NDArray[np.uint8]:
        """The validation patches, uint8 ``(N, size, size, channels)``, in the order of `valid_rows`."""
        if self._valid is None:
            self._valid = self._dataset.valid.read(self.valid_rows)
        return self._valid

    def train(self, patches: int, seed: int, balance: Balance = "equal") -> TrainingPatches:
        """The nested subset chosen by seed and balance: its patches are at the beginning of what returns.

        Raises:
            TrainingError: if a class has too few.
        """
        choice = (seed, balance)
        if self._train is None or self._train[0] != choice or len(self._train[1].labels) < patches:
            self._train = None  # the old subset's memory is free before the new one is read
            try:
                rows = nested_subset(self._dataset.train.labels, patches, seed, balance)
            except DataError as error:
                raise TrainingError(f"training patches: {error}") from error
            labels = np.asarray(self._dataset.train.labels)[rows]
            with tf.device(self._home):
                resident = tf.constant(self._dataset.train.read(rows))
                targets = tf.constant(_targets(labels, class_count(self._dataset.train.labels)))
            self._train = (choice, TrainingPatches(resident, targets, labels))
        return self._train[1]
