"""How much of a donor's weights a training took, as the first epoch of its curve has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_TAKEN, _VARIABLES = "warm_taken", "warm_variables"


class Taken(NamedTuple):
    """Variables of a model that began at a donor's values.

    Args:
        taken: how many.
        variables: of the model, random states apart.
    """

    taken: int
    variables: int

    def to_metrics(self) -> dict[str, float]:
        """What the first epoch's metrics say of it."""
        return {_TAKEN: self.taken, _VARIABLES: self.variables}


def taken_of(curve: Sequence[Mapping[str, float]]) -> Taken | None:
    """What a training took from a donor of other shapes; None if all shapes were the same, or there was no donor.

    Args:
        curve: the metrics of each epoch, from epoch 1.
    """
    if not curve or _TAKEN not in curve[0]:
        return None
    return Taken(int(curve[0][_TAKEN]), int(curve[0][_VARIABLES]))


def taken_words(curves: Iterable[Sequence[Mapping[str, float]]]) -> str:
    """Such as ``3 of 8 trainings took only part of the donor's variables: 6 of 16 to 12 of 16``; empty if none did."""
    trained = [curve for curve in curves if curve]
    partly = sorted({found for curve in trained if (found := taken_of(curve)) is not None})
    if not partly:
        return ""
    count = sum(taken_of(curve) is not None for curve in trained)
    ends = dict.fromkeys(f"{one.taken} of {one.variables}" for one in (partly[0], partly[-1]))
    trainings = "training" if len(trained) == 1 else "trainings"
    return f"{count} of {len(trained)} {trainings} took only part of the donor's variables: {' to '.join(ends)}"
