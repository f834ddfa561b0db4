"""Folds: the training and validation patches split anew, whole slides on one side."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hpo.data.dataset import Dataset, Patches
from hpo.data.digest import Hashes
from hpo.data.split import Rows, groups_of, split_rows
from hpo.errors import DataError
from hpo.recipe.folds import earlier_fold_digest, fold_digest

_SEED = 0
"""Of the order in which groups of equal size are placed: the folds of a data set are always the same."""


@dataclass(frozen=True, eq=False)
class FoldPatches:
    """Patches of a fold's side, from the files of training and validation split.

    Args:
        parts: the training and the validation patches of the study's own split.
        rows: which of both together they are, ``(N,)``, ascending.
    """

    parts: tuple[Patches, Patches]
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """``(N,)``."""
        return np.concatenate([part.labels for part in self.parts])[self.rows]

    @property
    def slides(self) -> npt.NDArray[np.str_] | None:
        """``(N,)``, where both splits know them."""
        slides = joint_slides(self.parts)
        return None if slides is None else slides[self.rows]

    @property
    def shape(self) -> tuple[int, ...]:
        """As of `Patches`."""
        return (len(self), *self.parts[0].shape[1:])

    def read(self, rows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The patches of these rows, in this order; raises as `Patches.read`."""
        wanted = self.rows[np.asarray(rows, dtype=np.int64).reshape(-1)]
        found = np.empty((len(wanted), *self.shape[1:]), dtype=np.uint8)
        first = len(self.parts[0])
        for part, places, begin in (
            (self.parts[0], np.flatnonzero(wanted < first), 0),
            (self.parts[1], np.flatnonzero(wanted >= first), first),
        ):
            if len(places):
                found[places] = part.read(wanted[places] - begin)
        return found


@dataclass(frozen=True, eq=False)
class FoldData:
    """One fold: what its trainings learn from, and what they are validated on.

    Args:
        train: all patches but those of the fold.
        valid: those of the fold.
        digest: as a recipe holds it.
        earlier_digest: as a recipe of a study that an earlier version planned holds it.
    """

    train: FoldPatches
    valid: FoldPatches
    digest: str
    earlier_digest: str


@lru_cache(maxsize=2)
def fold_data(dataset: Dataset, folds: int) -> tuple[FoldData, ...]:
    """The folds of a data set: stratified, whole slides and identical patches in one fold; computed once.

    Args:
        dataset: whose training and validation patches are split; the test patches have no part in it.
        folds: how many; at least 2.

    Raises:
        DataError: if there are fewer slides than folds, or a fold would lack a class.
    """
    parts = (dataset.train, dataset.valid)
    labels = np.concatenate([part.labels for part in parts])
    slides = joint_slides(parts)
    if slides is not None and (found := len(np.unique(slides))) < folds:
        raise DataError(
            f"{folds} folds of whole slides, and the training and validation patches are from {found} slides"
        )
    hashes: Hashes = np.concatenate([part.hashes for part in parts])
    groups = groups_of(hashes, slides)
    if (found := int(groups.max()) + 1) < folds:
        raise DataError(
            f"{folds} folds, and the training and validation patches are in {found} groups that have slides or "
            "identical patches in common"
        )
    held_out = split_rows(labels, groups, [1 / folds] * folds, _SEED)
    every = np.arange(len(labels))
    return tuple(
        FoldData(
            FoldPatches(parts, np.setdiff1d(every, rows)),
            FoldPatches(parts, rows),
            fold_digest(dataset.digest, hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()),
            earlier_fold_digest(dataset.digest, folds, number),
        )
        for number, rows in enumerate(held_out)
    )


def joint_slides(parts: tuple[Patches, Patches]) -> npt.NDArray[np.str_] | None:
    """The slide of each training and validation patch, where both splits know them."""
    first, second = (part.slides for part in parts)
    return None if first is None or second is None else np.concatenate([first, second])
