"""References that were trained past their best, which makes them weaker opponents."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from hpo.results.study import StudyResults

MARGIN = 0.005
"""A metric that falls by at most this from its best epoch to the end merely fluctuates."""


class PastBest(NamedTuple):
    """Means over the seeds of the objective's metric on validation.

    Args:
        epoch: the epoch of the best mean, from 1.
        best: the mean there.
        end: the mean over the epochs that the objective uses.
    """

    epoch: int
    best: float
    end: float


def past_its_best(results: StudyResults, architecture: str) -> PastBest | None:
    """Where the equally trained reference did best on validation; None if its end is about as good.

    Each seed's own best epoch flatters it by chance, so the mean curve over the seeds is looked at. A best epoch
    among those that the objective uses is no fall, and with ``objective.epoch: best`` or patience there is
    never one.
    """
    objective = results.settings.objective
    curves = [one.curve for one in results.trained_finals(architecture, "equal") if one.curve]
    if not curves or objective.epoch == "best" or results.settings.confirm.patience is not None:
        return None
    means = [
        fmean(epoch[objective.column] for epoch in epochs if objective.column in epoch)
        for epochs in zip(*curves, strict=False)
    ]
    end = fmean(objective.value(curve) for curve in curves)
    place = max(range(len(means)), key=lambda index: objective.gain(means[index]))
    speaking = objective.last if objective.epoch == "mean_last" else 1
    if place >= len(means) - speaking or objective.gain(means[place]) - objective.gain(end) <= MARGIN:
        return None
    return PastBest(place + 1, means[place], end)
