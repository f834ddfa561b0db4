"""Rows of the comparison table for the single classes, each against the rest."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hpo.evaluation.compare import Comparison
from hpo.evaluation.delong import AucDifference
from hpo.evaluation.holm import holm
from hpo.evaluation.many import by_class
from hpo.reports.table import Cell
from hpo.results.words import number, p_value, signed


class ClassSide(NamedTuple):
    """One class against the rest on one side: means over the seeds."""

    precision: float
    recall: float
    f1: float
    auc: float


class ClassRow(NamedTuple):
    """One class on both sides, DeLong's test of its area, and that test's p-value adjusted by Holm over the classes."""

    name: str
    before: ClassSide
    after: ClassSide
    test: AucDifference
    adjusted: float


def class_rows(
    classes: Sequence[str],
    comparison: Comparison,
    labels: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
) -> tuple[ClassRow, ...]:
    """The rows of an architecture.

    Args:
        classes: their names, in the order of the labels.
        comparison: of the two sides; it has a test for each of more than two classes.
        labels: ``(N,)``.
        before: ``(S, N, K)``.
        after: likewise.
    """
    adjusted = holm([one.p_value for one in comparison.class_tests])
    sides = zip(_sides(labels, before), _sides(labels, after), strict=True)
    return tuple(
        ClassRow(name, *both, test, p)
        for name, both, test, p in zip(classes, sides, comparison.class_tests, adjusted, strict=True)
    )


def _sides(labels: NDArray[Any], rows: NDArray[Any]) -> list[ClassSide]:
    found = [by_class(labels, row) for row in rows]
    return [
        ClassSide(*(fmean(getattr(seed, field) for seed in of_class) for field in ClassSide._fields))
        for of_class in zip(*found, strict=True)
    ]


def class_cells(row: ClassRow) -> list[Cell | str]:
    """The cells from the metric's name on: the area of both sides, and below it precision, recall and F1."""
    test = row.test
    kind = ("strong up" if test.difference > 0 else "strong down") if test.low > 0 or test.high < 0 else ""
    return [
        Cell(f"AUC of {row.name}", "precision, recall, F1"),
        *(_side_cell(side) for side in (row.before, row.after)),
        Cell(signed(test.difference), "", kind),
        f"{signed(test.low)} to {signed(test.high)}",
        "",
        Cell(p_value(row.adjusted), "DeLong, by class"),
    ]


def _side_cell(side: ClassSide) -> Cell:
    return Cell(number(side.auc), ", ".join(number(one, 2) for one in (side.precision, side.recall, side.f1)))
