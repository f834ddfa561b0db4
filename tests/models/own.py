"""Modules of users, with functions that make models."""

from __future__ import annotations

from collections.abc import Callable

from hpo.recipe.architecture import FunctionSpec

Maker = Callable[[str], FunctionSpec]

HEADER = "import keras\nfrom keras import layers\n\n\ndef make(shape):\n"
GOOD = HEADER + (
    "    return keras.Sequential([keras.Input(shape), layers.Conv2D(2, 3), layers.Dropout(0.5), layers.Flatten(),"
    " layers.Dense(3), layers.Dense(1)])\n"
)
