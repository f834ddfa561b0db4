"""Rungs: after how many epochs a training of stage 2 pauses."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from hpo.config.explain import Problem
from hpo.config.fields import Settings, Whole

_PARTS = 16
"""The first pause comes after one part in so many, and at least one epoch (`docs/search.md`)."""


class GrowingRungs(Settings):
    """Rungs that lie a factor apart."""

    first: Whole | None = Field(default=None, ge=1, description="epochs of the first rung; by default a sixteenth")
    factor: Whole = Field(default=3, ge=2, description="the next rung has so many times as many epochs")


def _form(value: Any) -> str:
    return "<GrowingRungs>" if isinstance(value, dict | GrowingRungs) else "<tuple>"


Rungs = Annotated[
    Annotated[GrowingRungs, Tag("<GrowingRungs>")]
    | Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(min_length=1), Tag("<tuple>")],
    Discriminator(_form),
]
"""A list of epochs, or the first and a factor."""


def first_rung(rungs: GrowingRungs | tuple[int, ...] | None, longest: int) -> int:
    """Epochs after which a training first pauses, where the longest takes so many."""
    if isinstance(rungs, tuple):
        return rungs[0]
    asked = None if rungs is None else rungs.first
    return asked or max(1, longest // _PARTS)


def rung_problems(rungs: GrowingRungs | tuple[int, ...] | None, longest: int) -> list[Problem]:
    """What is wrong with rungs of trainings of at most so many epochs."""
    if rungs is None:
        return []
    if isinstance(rungs, GrowingRungs):
        if rungs.first is None or rungs.first <= longest:
            return []
        return [Problem(("rungs", "first"), f"must be at most epochs, {longest}; found {rungs.first}")]
    problems = [
        Problem(("rungs", index), f"must be greater than the rung before it, {before}; found {rung}")
        for index, (before, rung) in enumerate(pairwise(rungs), 1)
        if rung <= before
    ]
    if not problems and rungs[-1] != longest:
        problems.append(Problem(("rungs",), f"the last rung must be epochs, {longest}; found {rungs[-1]}"))
    return problems
