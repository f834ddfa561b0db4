"""Design points: one setting of the hyper-parameters, and the recipe and epochs it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpo.recipe.key import digest
from hpo.recipe.recipe import Recipe
from hpo.recipe.schedule import STRATEGIES

Value = int | float | str | bool
"""What a factor can be set to."""

Point = Mapping[str, Value]
"""A design point: from factor names, `epochs` among them, to values."""

FACTORS: dict[str, type | tuple[str, ...]] = {
    "epochs": int,
    "batch_size": int,
    "patches": int,
    "learning_rate": float,
    "strategy": STRATEGIES,
    "optimizer": ("sgd", "adam", "adamw"),
    "momentum": float,
    "weight_decay": float,
    "batch_normalization": bool,
    "augmentation": bool,
    "stain_jitter": float,
}
"""Every factor a search space may name: its type, or the words it may take."""

PAPER_FACTORS = ("epochs", "batch_size", "patches", "learning_rate", "strategy")
"""The five factors of stage 1 in Johny et al. 2021, section 3."""


def point_key(point: Point) -> str:
    """SHA-256 of the point's canonical JSON: 32 and 32.0 are one value."""
    return digest(dict(point))


def apply_point(template: Recipe, point: Point) -> tuple[Recipe, int]:
    """The recipe and the number of epochs that a design point stands for.

    Args:
        template: supplies every field that the point does not set, and the strategies' parameters.
        point: must contain ``epochs``.

    Returns:
        The recipe, and the epochs to train it.

    Raises:
        KeyError: if the point lacks ``epochs`` or names no factor.
    """
    fields: dict[str, Any] = {}
    for name, value in point.items():
        kind = FACTORS[name]
        fields[name] = value if isinstance(kind, tuple) else kind(value)
    epochs = fields.pop("epochs")
    if "strategy" in fields:
        fields["strategy"] = replace(template.strategy, name=fields["strategy"])
    return replace(template, **fields), epochs
