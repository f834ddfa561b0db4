"""Initial weights taken from a donor (stage 2 starts from stage 1's weights)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from hpo.models.build import RANDOM_STATE, Arrays
from hpo.recipe.recipe import WarmStart
from hpo.recipe.taken import Taken

_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


class Started(NamedTuple):
    """The initial weights of a warm-started model.

    Args:
        weights: a value for every variable of the model, by path.
        taken: how many of its variables have the donor's values.
        is_partial: whether donor and model differ in more than inserted BatchNormalization and Dropout.
    """

    weights: Arrays
    taken: Taken
    is_partial: bool


def warm_start(fresh: Arrays, donor: Arrays, start: WarmStart, frozen: Collection[str] = ()) -> Started:
    """The initial weights of a warm-started model.

    A layer keeps the donor's weights if the donor has all of its variables, by path, in the same shapes; any other
    starts fresh as a whole (an old bias means nothing beside a new kernel). So does a BatchNormalization that the donor
    lacks (scale 1, shift 0), and the random state of a Dropout may come or go. ``warm`` takes the donor's values;
    ``shrink_perturb`` takes ``shrink * donor + perturb * fresh`` for kernels and biases, and the donor's values for
    BatchNormalization. Whether a study may start from a donor of other shapes is decided before
    (``stage2.other_shapes``).

    Args:
        fresh: the new model's random initial weights, by path.
        donor: the donor's trained weights, by path.
        start: mode and factors.
        frozen: paths of variables that are not trained, and so are taken as they are in either mode.

    Returns:
        A value for every path in ``fresh``, of its dtype and shape, and how many are the donor's.

    Source: Ash and Adams 2020, "On Warm-Starting Neural Network Training", section 4.
    """
    names = {path for path in fresh if _kind(path) != RANDOM_STATE}
    unfit = {path for path in names if path not in donor or donor[path].shape != fresh[path].shape}
    unfit_layers = {_layer(path) for path in unfit}
    taken = {path for path in names if _layer(path) not in unfit_layers}
    initial: Arrays = {}
    for path, value in fresh.items():
        kind = _kind(path)
        kept = path in taken or (kind == RANDOM_STATE and path in donor and donor[path].shape == value.shape)
        given = donor[path] if kept else value
        shrinks = start.mode == "shrink_perturb" and path not in frozen
        if kept and shrinks and (kind == "bias" or kind.endswith("kernel")):  # depthwise_kernel and the like too
            given = np.float32(start.shrink) * given + np.float32(start.perturb) * value
        initial[path] = given.astype(value.dtype, copy=False)
    surplus = any(path not in fresh and _kind(path) != RANDOM_STATE for path in donor)
    inserted = {path for path in unfit if path not in donor and _kind(path) in _NORMALIZATION}
    return Started(initial, Taken(len(taken), len(names)), is_partial=surplus or unfit != inserted)


def _kind(path: str) -> str:
    return path.rpartition("/")[2]


def _layer(path: str) -> str:
    return path.rpartition("/")[0]
