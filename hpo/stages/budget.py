"""The remaining budget of a stage 2 (in trials, patch-visits or minutes), and whether spending it would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hpo.config.study import StudyFile
from hpo.evaluation.objective import objective_of
from hpo.recipe.folds import in_folds
from hpo.recipe.recipe import recipe_from_json
from hpo.storage.ledger import seconds_by_epoch
from hpo.storage.tables import PointRow

FREE_IN_A_ROW = 20
"""Consecutive free points that end a budget in patch-visits or minutes, which would otherwise never be spent. Points
are free if they failed at once or were trained before this database was made."""

_FINISHED = ("complete", "failed")


@dataclass(frozen=True)
class Spending:
    """The cost of a stage's steps, in the unit of its budget.

    Args:
        costs: of each step.
        budget: of the whole stage.
        is_free: whether the last `FREE_IN_A_ROW` steps cost nothing, so that the budget would never be spent.
        per_epoch: the mean cost of an epoch so far; 0 before any, and for a budget in trials.
    """

    costs: tuple[float, ...]
    budget: float
    is_free: bool = False
    per_epoch: float = 0.0

    @property
    def share(self) -> float:
        """The share of the budget that is spent; 1 or more is all of it."""
        return 1.0 if self.is_free else sum(self.costs) / self.budget

    def is_ending(self, longest: int) -> bool:
        """Whether the rest pays for one whole training at most: it is for the best of those that paused.

        Without it, a pool whose budget pays for a few whole trainings often ends before any of them is whole. It is
        never more than half of the budget: the other half opens trainings to choose from.

        Args:
            longest: epochs of a whole training.
        """
        rest = self.budget - sum(self.costs)
        return rest <= min(longest * self.per_epoch, self.budget / 2)


def budget_of(study: StudyFile) -> float:
    """A stage 2's budget as a number."""
    settings = study.stage2
    return settings.trials or settings.patch_visits or settings.minutes or 0


def spending(session: Session, study: StudyFile, steps: Sequence[PointRow], folds: Sequence[str] = ()) -> Spending:
    """Add up a stage 2's spending; a step costs all epochs that it adds, because sharing saves time, not budget.

    Args:
        session: reads the duration of epochs, for a budget in minutes.
        study: the study file.
        steps: the stage's own points, in the order in which they were planned.
        folds: in which each step is trained; their donors cost no budget, like any other donor.
    """
    if study.stage2.trials is not None:
        return Spending(tuple(float("from" not in row.label) for row in steps), float(study.stage2.trials))
    visits = [_visits(row) * max(1, len(folds)) for row in steps]
    if study.stage2.patch_visits is not None:
        costs, budget = visits, float(study.stage2.patch_visits)
    else:
        costs, budget = _seconds(session, study, steps, folds), 60.0 * (study.stage2.minutes or 0.0)
    finished = [cost for row, cost in zip(steps, costs, strict=True) if row.state != "running"]
    is_free = len(finished) >= FREE_IN_A_ROW and not any(finished[-FREE_IN_A_ROW:])
    foreseen = _foreseen(steps, costs, visits)
    epochs = sum((row.epochs or 0) - known_epochs(row) for row in steps)
    return Spending(foreseen, budget, is_free, sum(foreseen) / epochs if epochs else 0.0)


def has_stalled(study: StudyFile, steps: Sequence[PointRow], spent: Spending) -> bool:
    """Whether the last share of the budget that ``stage2.stop.no_gain`` names brought no gain beyond noise.

    A step gains if it is better than the best before it by more than its own standard error. What still runs has
    brought nothing yet.
    """
    stop = study.stage2.stop
    if stop is None:
        return False
    gain = objective_of(study).gain
    best, since = None, 0.0
    for row, cost in zip(steps, spent.costs, strict=True):
        since += cost if row.state in _FINISHED else 0.0
        if row.state == "complete" and row.objective is not None:
            value = gain(row.objective)
            if best is None or value > best + (row.standard_error or 0.0):
                best, since = value, 0.0
    return best is not None and since >= stop.no_gain * spent.budget


def known_epochs(row: PointRow) -> int:
    """The epochs that a training had before a step."""
    return int(row.label.get("from", 0))


def _visits(row: PointRow) -> float:
    if row.recipe is None:
        return 0.0
    return float(recipe_from_json(row.recipe).patch_visits((row.epochs or 0) - known_epochs(row)))


def _keys(row: PointRow, folds: Sequence[str]) -> list[str]:
    """Of the trainings of a step; none whose values are not chosen."""
    if row.recipe is None or not folds:
        return [row.recipe_key or ""]
    return [one.key for one in in_folds(recipe_from_json(row.recipe), folds)]


def _seconds(session: Session, study: StudyFile, steps: Sequence[PointRow], folds: Sequence[str]) -> list[float]:
    keys = [_keys(row, folds) for row in steps]
    seconds = seconds_by_epoch(session, study.name, {key for of_step in keys for key in of_step})
    return [
        sum(
            seconds.get((key, epoch), 0.0)
            for key in of_step
            for epoch in range(known_epochs(row) + 1, (row.epochs or 0) + 1)
        )
        for row, of_step in zip(steps, keys, strict=True)
    ]


def _foreseen(steps: Sequence[PointRow], costs: Sequence[float], visits: Sequence[float]) -> tuple[float, ...]:
    """The costs of steps, those that still run at the price of the complete ones: else each worker would begin another.

    Args:
        steps: in the order in which they were planned.
        costs: of each step so far.
        visits: patch-visits of each step; none of one whose values are not chosen yet, which counts as a usual one.
    """
    complete = [number for number, row in enumerate(steps) if row.state == "complete" and visits[number]]
    if not complete:
        return tuple(costs)
    all_visits = sum(visits[number] for number in complete)
    price, usual = sum(costs[number] for number in complete) / all_visits, all_visits / len(complete)
    return tuple(
        cost if row.state in _FINISHED else max(cost, price * (visited or usual))
        for row, cost, visited in zip(steps, costs, visits, strict=True)
    )
