"""Design points: one setting of the hyper-parameters, and the recipe and epochs it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from hpo.recipe.architecture import Argument, own_factors, with_own_factors
from hpo.recipe.augmentations import Augmentations
from hpo.recipe.fitting import Fitting
from hpo.recipe.groups import factors_of
from hpo.recipe.key import digest
from hpo.recipe.recipe import OptimizerName, Recipe, StartName, WarmStart
from hpo.recipe.schedule import STRATEGIES

Value = Argument
"""What a factor can be set to."""

_FITTING, _AUGMENTATIONS = factors_of(Fitting), factors_of(Augmentations)

Point = Mapping[str, Value]
"""A design point: from factor names, `epochs` among them, to values."""

FACTORS: dict[str, type | tuple[str, ...]] = {
    "epochs": int,
    "batch_size": int,
    "patches": int,
    "learning_rate": float,
    "strategy": STRATEGIES,
    "optimizer": get_args(OptimizerName),
    "momentum": float,
    "weight_decay": float,
    "batch_normalization": bool,
    "augmentation": bool,
    "stain_jitter": float,
    "frozen_layers": str,
    "warm_start": get_args(StartName),
    **_FITTING,
    **_AUGMENTATIONS,
}
"""The factors that a recipe has fields for: the type of each, or the words it may take.

A search space may also name what an architecture has of its own (`hpo.recipe.architecture.own_factors`).
"""

NEWER_FACTORS = ("frozen_layers", "warm_start", *_FITTING, *_AUGMENTATIONS)
"""Factors whose names the arguments of older functions may have, which were varied by that name then."""

NUMBER_OR_WORD = ("frozen_layers",)
"""Factors that a search space may give as whole numbers or as words."""

PAPER_FACTORS = ("epochs", "batch_size", "patches", "learning_rate", "strategy")
"""The five factors of stage 1 in Johny et al. 2021, section 3."""


def point_key(point: Point) -> str:
    """SHA-256 of the point's canonical JSON: 32 and 32.0 are one value."""
    return digest(dict(point))


def apply_point(template: Recipe, point: Point) -> tuple[Recipe, int]:
    """The recipe and the number of epochs that a design point stands for.

    Args:
        template: supplies every field that the point does not set, the strategies' parameters, and the donor of a point
            whose ``warm_start`` is not ``cold``.
        point: must contain ``epochs``; what is no field of a recipe goes into the own augmentation, the own loss or
            the architecture, whichever has it.

    Returns:
        The recipe, and the epochs to train it.

    Raises:
        KeyError: if the point lacks ``epochs``, or names a factor that the architecture does not have.
        ValueError: if the point is to start from a donor's weights, and the template has no donor.
    """
    fields: dict[str, Any] = {}
    own = {name: value for name, value in point.items() if name not in FACTORS}
    for field, function in (("augment", template.augment), ("own_loss", template.own_loss)):
        if function is not None:
            of_function = {name: own.pop(name) for name in own_factors(function) if name in own}
            fields[field] = with_own_factors(function, of_function)
    if own:
        fields["architecture"] = with_own_factors(template.architecture, own)
    for name in [name for name in point if name in FACTORS]:
        kind, value = FACTORS[name], point[name]
        fields[name] = value if isinstance(kind, tuple) or name in NUMBER_OR_WORD else kind(value)
    epochs = fields.pop("epochs")
    if "strategy" in fields:
        fields["strategy"] = replace(template.strategy, name=fields["strategy"])
    if "warm_start" in fields:
        fields["initial"] = _initial(template.initial, fields.pop("warm_start"))
    if fitting := {name: fields.pop(name) for name in _FITTING if name in fields}:
        fields["fitting"] = replace(template.fitting, **fitting)
    if augmentations := {name: fields.pop(name) for name in _AUGMENTATIONS if name in fields}:
        fields["augmentations"] = replace(template.augmentations, **augmentations)
    return replace(template, **fields), epochs


def _initial(offered: WarmStart | None, start: StartName) -> WarmStart | None:
    """A training's own start; a cold one has no donor, so that it is the training that it is in any other study."""
    if start == "cold":
        return None
    if offered is None:
        raise ValueError(f"warm_start {start} needs a donor, and the template has none")
    return replace(offered, mode=start)
