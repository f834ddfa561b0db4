"""What a trial is judged by: which metric, and which epoch speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from statistics import fmean
from typing import Literal

from hpo.config.study import StudyFile
from hpo.evaluation.scores import LESS_IS_BETTER

Direction = Literal["maximize", "minimize"]

Curve = Sequence[Mapping[str, float]]
"""Metrics of each epoch, from epoch 1."""


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better."""
    return metric in LESS_IS_BETTER


def gain(metric: str, value: float) -> float:
    """A metric's value with its sign turned so that larger is better."""
    return -value if lower_is_better(metric) else value


@dataclass(frozen=True)
class Objective:
    """The rule of a study file.

    Args:
        metric: of `hpo.evaluation.scores.KNOWN`, or a user's own ``module:name#digest``, on the validation split.
        epoch: ``last``, ``best``, or ``mean_last`` (the mean of the last few: single epochs swing by points).
        last: how many epochs ``mean_last`` averages; fewer where the training is shorter.
    """

    metric: str = "auc"
    epoch: Literal["last", "best", "mean_last"] = "last"
    last: int = 3

    @property
    def direction(self) -> Direction:
        """Whether more is better."""
        return "minimize" if lower_is_better(self.metric) else "maximize"

    @property
    def column(self) -> str:
        """The metric's name in a curve."""
        return f"valid_{self.metric}"

    def gain(self, value: float) -> float:
        """The value with its sign turned so that larger is better."""
        return gain(self.metric, value)

    def running_best(self, values: Iterable[float]) -> list[float]:
        """The best of the values up to each of them."""
        return list(accumulate(values, partial(max, key=self.gain)))

    def speaking_epoch(self, curve: Curve) -> int:
        """The epoch (from 1) whose weights the objective stands for: the best one, or else the last.

        Raises:
            ValueError: if the curve is empty.
        """
        if not curve:
            raise ValueError("a curve without epochs has no objective")
        if self.epoch != "best":
            return len(curve)
        return 1 + max(range(len(curve)), key=lambda index: self.gain(curve[index][self.column]))

    def value(self, curve: Curve) -> float:
        """The objective of a training that stopped where the curve ends."""
        if self.epoch == "mean_last":
            return fmean(metrics[self.column] for metrics in curve[-self.last :])
        return curve[self.speaking_epoch(curve) - 1][self.column]

    def has_ended(self, curve: Curve, patience: int) -> bool:
        """Whether so many epochs have passed since the metric was best: a function of the curve alone.

        Of equal epochs the first counts as the best.
        """
        best = replace(self, epoch="best").speaking_epoch(curve)
        return len(curve) - best >= patience


def final_objective_of(study: StudyFile) -> Objective:
    """The rule of the final trainings: with patience the best epoch speaks, as the last is one that brought nothing."""
    objective = objective_of(study)
    return objective if study.confirm.patience is None else replace(objective, epoch="best")


def objective_of(study: StudyFile) -> Objective:
    """The rule that a study file names."""
    return Objective(study.objective_metric, study.objective.epoch, study.objective.last)
