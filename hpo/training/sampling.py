"""Classes of unequal size: what each patch counts, or how often it comes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.models.seeds import random_words


def balanced_weights(labels: NDArray[np.uint8], classes: int) -> NDArray[np.float32]:
    """Weights with which every class counts as much as any other: ``N / (K * patches of the class)``.

    Args:
        labels: number of each training patch's class, ``(N,)``.
        classes: how many there are, ``K``.

    Returns:
        float32 ``(K,)``, whose mean over patches is 1 if every class has one; 0 for a class that has none.

    Source: King and Zeng 2001; scikit-learn's ``class_weight="balanced"``.
    """
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, len(labels) / (classes * np.maximum(counts, 1)), 0.0).astype(np.float32)


def balanced_rows(labels: NDArray[np.uint8], count: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The patches of an epoch in which every class comes equally often, in random order.

    Each class is shuffled and gone through, and again as often as needed: patches of a large class may be left out,
    and those of a small one come several times, none more than once oftener than another.

    Args:
        labels: number of each training patch's class, ``(N,)``.
        count: patches of the epoch.
        seed: of the training.
        epoch: counted from 1; with the seed, all that the choice depends on.

    Returns:
        Rows of ``labels``, ``(count,)``. Where ``count`` does not come out even, chance gives one more to some classes.
    """
    present = np.unique(labels)
    turns = np.argsort(random_words(len(present), seed, epoch, "class turns"), kind="stable")
    chosen = []
    for turn, label in zip(np.argsort(turns), present, strict=True):
        rows = np.flatnonzero(labels == label)
        due = (count + len(present) - 1 - int(turn)) // len(present)
        for round_ in range(-(-due // len(rows))):
            words = random_words(len(rows), seed, epoch, "class", int(label), round_)
            chosen.append(rows[np.argsort(words, kind="stable")][: due - round_ * len(rows)])
    rows = np.concatenate(chosen)
    return rows[np.argsort(random_words(count, seed, epoch, "order"), kind="stable")]
