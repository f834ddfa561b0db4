"""Folds of the training and validation patches, by address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpo.recipe.key import digest
from hpo.recipe.recipe import Recipe, reseeded

_PRIME = 1_000_003
"""Sets the seeds of the folds apart from each other, and from those of a study file."""


FOLD_ROLES = {"fold_before": "before", "fold_after": "after"}
"""Roles of trainings in folds, and the side that each is of."""


def fold_digest(data: str, held_out: str) -> str:
    """What a recipe holds of the data of a fold.

    Args:
        data: digest of the training and validation patches of the study's own split.
        held_out: digest of the rows that are held out, so that folds of another table of slides have other addresses.
    """
    return digest({"format": 2, "data": data, "held_out": held_out})


def earlier_fold_digest(data: str, folds: int, number: int) -> str:
    """The same as earlier versions had it, without the slides: studies that were planned by it keep it.

    Args:
        data: as above.
        folds: how many there are.
        number: of the fold that is held out, from 0.
    """
    return digest({"format": 1, "data": data, "folds": folds, "fold": number})


def fold_seed(seed: int, number: int) -> int:
    """The seed of a fold's training: each training of a comparison over folds has chance of its own."""
    return (seed + _PRIME * (number + 1)) % 2**31


def on_data(recipe: Recipe, data: str) -> Recipe:
    """The recipe on other data, and its donor likewise."""
    start = recipe.initial
    initial = None if start is None else replace(start, donor=on_data(start.donor, data))
    return replace(recipe, data=data, initial=initial)


def in_folds(recipe: Recipe, folds: Sequence[str]) -> tuple[Recipe, ...]:
    """The trainings by which a trial is judged: one in each fold, its donor trained in the same fold.

    Each has chance of its own, which no training of a comparison over folds has (`fold_seed` counts the other way).

    Args:
        recipe: on the study's own split.
        folds: addresses; of none the recipe itself is the only training.
    """
    if not folds:
        return (recipe,)
    seeds = [(recipe.seed - _PRIME * (number + 1)) % 2**31 for number in range(len(folds))]
    return tuple(on_data(reseeded(recipe, seed), data) for seed, data in zip(seeds, folds, strict=True))


def seeds_by_fold(folds: int, seeds: int) -> list[list[int]]:
    """The seeds of each fold's trainings, ``seeds`` in each of so many folds."""
    return [[fold_seed(seed, number) for seed in range(seeds)] for number in range(folds)]
