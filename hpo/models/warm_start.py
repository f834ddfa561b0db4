"""Initial weights taken from a donor (stage 2 starts from stage 1's weights)."""

from __future__ import annotations

import numpy as np

from hpo.errors import TrainingError
from hpo.models.build import RANDOM_STATE, Arrays
from hpo.recipe.recipe import WarmStart

_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


def warm_start(fresh: Arrays, donor: Arrays, start: WarmStart) -> Arrays:
    """The initial weights of a warm-started model.

    A BatchNormalization that the donor lacks starts fresh (scale 1, shift 0), the random state of a Dropout may come or
    go, and all other layers keep the donor's weights by name. ``warm`` takes the donor's values; ``shrink_perturb``
    takes ``shrink * donor + perturb * fresh`` for kernels and biases, and the donor's values for BatchNormalization.

    Args:
        fresh: the new model's random initial weights, by path.
        donor: the donor's trained weights, by path.
        start: mode and factors.

    Returns:
        A value for every path in ``fresh``, of its dtype and shape.

    Raises:
        TrainingError: if the donor lacks a layer, has one too many, or has one of another shape.

    Source: Ash and Adams 2020, "On Warm-Starting Neural Network Training", section 4.
    """
    surplus = sorted(path for path in donor.keys() - fresh.keys() if _kind(path) != RANDOM_STATE)
    if surplus:
        raise TrainingError(f"warm start: the donor has {', '.join(surplus)}, which this architecture lacks")
    initial: Arrays = {}
    for path, value in fresh.items():
        kind = _kind(path)
        given = donor.get(path)
        if given is None:
            if kind not in (*_NORMALIZATION, RANDOM_STATE):
                raise TrainingError(f"warm start: the donor lacks {path}; donor and architecture must agree")
            initial[path] = value
            continue
        if given.shape != value.shape:
            raise TrainingError(f"warm start: {path} has shape {given.shape} in the donor, {value.shape} here")
        if start.mode == "shrink_perturb" and kind in ("kernel", "bias"):
            given = np.float32(start.shrink) * given + np.float32(start.perturb) * value
        initial[path] = given.astype(value.dtype, copy=False)
    return initial


def _kind(path: str) -> str:
    return path.rpartition("/")[2]
