"""Several objectives at once: which networks none other beats, how much they cover, and which one is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from hpo.config.objectives import QUANTITIES
from hpo.config.study import StudyFile
from hpo.evaluation.objective import Curve, Direction, Objective, lower_is_better, objective_of

Values = Sequence[float]
"""A training's value of each objective, in the objectives' order."""


@dataclass(frozen=True)
class Rule:
    """Which network of a front is chosen.

    Args:
        best: the objective that is to be best.
        within: so much worse than the best, in its own unit, is as good.
        then: the objective that decides among those.
        at_least: bounds that a chosen network keeps, by objective.
        at_most: likewise.
    """

    best: str
    within: float
    then: str
    at_least: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Objectives:
    """A study's objectives.

    Args:
        names: metrics on the validation split, and `QUANTITIES`.
        rule: which network of the front is chosen.
        objective: the one that ranges and the final comparison are judged by; its rule says which epoch speaks.
    """

    names: tuple[str, ...]
    rule: Rule
    objective: Objective

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Whether more of each is better."""
        return tuple("minimize" if less_is_better(name) else "maximize" for name in self.names)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that are metrics."""
        return tuple(name for name in self.names if name not in QUANTITIES)

    def values(self, curve: Curve, quantities: Mapping[str, float]) -> tuple[float, ...]:
        """Each objective's value of a training.

        Args:
            curve: metrics of each epoch; the epoch that speaks is the objective's.
            quantities: by name.
        """
        return tuple(
            float(quantities[name]) if name in QUANTITIES else metric_value(self.objective, curve, name)
            for name in self.names
        )

    def gains(self, values: Values) -> tuple[float, ...]:
        """The values with signs turned so that larger is better."""
        return tuple(-value if less_is_better(name) else value for name, value in zip(self.names, values, strict=True))

    def violations(self, values: Values) -> dict[str, float]:
        """How far a network is from the bounds of the rule, by bound: above 0 is beyond it."""
        of = dict(zip(self.names, values, strict=True))
        least = {f"{name} at least {bound:g}": bound - of[name] for name, bound in self.rule.at_least.items()}
        return least | {f"{name} at most {bound:g}": of[name] - bound for name, bound in self.rule.at_most.items()}

    def front(self, found: Sequence[Values]) -> list[int]:
        """The numbers of those that no other beats: none is as good in all objectives and better in one.

        Of equals the first counts. Those beyond a bound of the rule are no part of it, unless all are.
        """
        gains = [self.gains(values) for values in found]
        rows = [number for number, one in enumerate(gains) if all(map(math.isfinite, one))]
        kept = [number for number in rows if not any(over > 0 for over in self.violations(found[number]).values())]
        rows = kept or rows
        return [
            number
            for number in rows
            if not any(_beats(gains[other], gains[number], is_earlier=other < number) for other in rows)
        ]

    def ranked(self, found: Sequence[Values]) -> list[int]:
        """The numbers of the front's networks in the order in which the rule would choose them.

        The rule chooses among those that are as good as the best; once one is taken, among the others, and so on. If
        every network is beyond a bound, those that are beyond it least come first.
        """
        left, order = self.front(found), []
        while left:
            chosen = self._chosen(left, found)
            order.append(chosen)
            left = [number for number in left if number != chosen]
        return order

    def order(self, found: Sequence[Values]) -> list[int]:
        """The numbers of all networks in the order in which the rule would choose from those that are left.

        What the front of those left does not have (values that are no number) comes last.
        """
        left, order = list(range(len(found))), []
        while left:
            ranked = self.ranked([found[number] for number in left])
            order.append(left.pop(ranked[0] if ranked else 0))
        return order

    def _chosen(self, numbers: Sequence[int], found: Sequence[Values]) -> int:
        beyond = {number: sum(max(0.0, over) for over in self.violations(found[number]).values()) for number in numbers}
        least = min(beyond.values())
        nearest = [number for number in numbers if beyond[number] <= least]
        first, second = self.names.index(self.rule.best), self.names.index(self.rule.then)
        gains = {number: self.gains(found[number]) for number in nearest}
        best = max(one[first] for one in gains.values())
        # What is within by the digits as written is within: 0.9 - 0.01 is not quite 0.89.
        good = [number for number in nearest if gains[number][first] >= best - self.rule.within - 1e-9 * abs(best)]
        return max(good, key=lambda number: (gains[number][second], gains[number][first], -number))


def objectives_of(study: StudyFile) -> Objectives | None:
    """The objectives that a study file names; None if it has a single one."""
    if not study.objectives or study.choose is None:
        return None
    choose = study.choose
    then = choose.then or next(name for name in study.objectives if name != choose.best)
    rule = Rule(choose.best, choose.within, then, dict(choose.at_least), dict(choose.at_most))
    return Objectives(study.objectives, rule, objective_of(study))


def less_is_better(name: str) -> bool:
    """Whether less of an objective is better."""
    return name in QUANTITIES or lower_is_better(name)


def metric_value(objective: Objective, curve: Curve, metric: str) -> float:
    """A metric of the epoch that speaks for a training, or the mean of the last few.

    Raises:
        ValueError: if the curve is empty.
    """
    column = f"valid_{metric}"
    if objective.epoch == "mean_last":
        return fmean(metrics[column] for metrics in curve[-objective.last :])
    return curve[objective.speaking_epoch(curve) - 1][column]


def hypervolume(gains: Sequence[Sequence[float]], worst: Sequence[float]) -> float:
    """The volume that is beaten by at least one of some points, down to a worst one.

    Args:
        gains: larger is better in each objective.
        worst: a point that counts as worthless; what is no better in some objective covers nothing.

    Source: Zitzler and Thiele 1998; by slices along the last objective (While et al. 2006).
    """
    points = [tuple(one) for one in gains if all(gain > low for gain, low in zip(one, worst, strict=True))]
    if not points:
        return 0.0
    if len(worst) == 1:
        return max(one[0] for one in points) - worst[0]
    heights = sorted({one[-1] for one in points}, reverse=True)
    volume = 0.0
    for height, below in zip(heights, [*heights[1:], worst[-1]], strict=True):
        slab = [one[:-1] for one in points if one[-1] >= height]
        volume += (height - below) * hypervolume(slab, worst[:-1])
    return volume


def scaled_gains(objectives: Objectives, found: Sequence[Values]) -> list[tuple[float, ...]]:
    """Gains of each training between 0, the worst of all, and 1, the best; quantities on a logarithmic scale."""
    scaled = [
        tuple(
            -math.log(max(value, 1e-12)) if name in QUANTITIES else gain
            for name, value, gain in zip(objectives.names, values, objectives.gains(values), strict=True)
        )
        for values in found
    ]
    columns = list(zip(*scaled, strict=True))
    spans = [(min(column), max(column)) for column in columns]
    return [
        tuple((gain - low) / (high - low) if high > low else 1.0 for gain, (low, high) in zip(one, spans, strict=True))
        for one in scaled
    ]


def _beats(one: Sequence[float], other: Sequence[float], *, is_earlier: bool) -> bool:
    """Whether one is as good in all objectives, and better in one or, where equal, earlier."""
    as_good = all(mine >= theirs for mine, theirs in zip(one, other, strict=True))
    return as_good and (tuple(one) != tuple(other) or is_earlier)
