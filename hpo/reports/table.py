"""A table, as a page and a CSV file have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.evaluation.estimate import Estimate


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Args:
        text: its content, not yet escaped.
        note: a second, smaller line.
        kind: CSS classes: ``strong``, ``dim``, ``up``, ``down``, ``sum``, ``wide``, ``code``.
        swatch: colour of a dot in front of the text.
        rows: how many rows it spans.
    """

    text: str
    note: str = ""
    kind: str = ""
    swatch: str = ""
    rows: int = 1


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        heading: not yet escaped.
        numeric: whether its cells stand to the right.
    """

    heading: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """A table, as a page and a CSV file have it.

    Args:
        columns: from left to right.
        rows: cells by column; a row below a cell that spans several rows leaves that column out.
        compact: only as wide as its contents.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | str]]
    compact: bool = False

    def full_rows(self) -> list[list[tuple[Cell, bool]]]:
        """Every row with a cell for every column; False beside those that span down from a row above."""
        above: list[Cell | None] = [None] * len(self.columns)
        left = [0] * len(self.columns)
        full = []
        for row in self.rows:
            cells = iter(row)
            written = []
            for index in range(len(self.columns)):
                spanning = above[index]
                if left[index] and spanning is not None:
                    left[index] -= 1
                    written.append((spanning, False))
                    continue
                given = next(cells)
                cell = given if isinstance(given, Cell) else Cell(given)
                above[index], left[index] = cell, cell.rows - 1
                written.append((cell, True))
            full.append(written)
        return full


def difference_kind(difference: Estimate) -> str:
    """CSS classes of a difference's cell: bold and marked up or down where its interval excludes 0."""
    if not difference.excludes_zero:
        return ""
    return "strong up" if difference.value > 0 else "strong down"
