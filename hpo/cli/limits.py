"""Upper limits of numbers on the command line: far more than anybody needs."""

from __future__ import annotations

import math

import typer

MOST_WORKERS = 4096
MOST_THREADS = 4096
MOST_PROCESSES = 1024
MOST_GIGABYTES = 1_000_000
LARGEST_SEED = 2**31 - 1
MOST_PATCHES = 10_000_000

LONGEST_WAIT = 86_400
"""Seconds between two looks at a study: a day."""


def finite(value: float | None) -> float | None:
    """An option's number, if it is one.

    Raises:
        typer.BadParameter: for ``nan`` and ``inf``, which no limit refuses.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number.")
    return value
