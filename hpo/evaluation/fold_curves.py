"""A trial that is trained in several folds: one curve, the mean of theirs, which holds each fold's values too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, takewhile
from statistics import fmean

from hpo.evaluation.objective import Curve, Objective


def fold_name(number: int) -> str:
    """A fold in tables, from 0: ``fold_1`` is the first."""
    return f"fold_{number + 1}"


def mean_curve(curves: Sequence[Curve], column: str) -> list[dict[str, float]]:
    """The means over the folds, epoch by epoch, as far as every fold has come.

    Args:
        curves: of each fold, in the folds' order.
        column: of the objective's metric: its value in each fold stays beside the mean, as ``fold_1_valid_auc``.

    Returns:
        Metrics of each epoch that all folds have.
    """
    found = []
    for epochs in zip(*curves, strict=False):
        names = [name for name in epochs[0] if all(name in metrics for metrics in epochs)]
        means = {name: fmean(metrics[name] for metrics in epochs) for name in names}
        each = {_column(number, column): metrics[column] for number, metrics in enumerate(epochs)}
        found.append(means | each)
    return found


def fold_values(objective: Objective, curve: Curve) -> tuple[float, ...]:
    """The objective in each fold, whose mean is the curve's objective; none for a curve of one training."""
    if not curve:
        return ()
    end = objective.speaking_epoch(curve)
    spoken = curve[max(0, end - (objective.last if objective.epoch == "mean_last" else 1)) : end]
    columns = takewhile(lambda name: name in spoken[0], (_column(number, objective.column) for number in count()))
    return tuple(fmean(metrics[name] for metrics in spoken) for name in columns)


def _column(number: int, column: str) -> str:
    return f"{fold_name(number)}_{column}"
