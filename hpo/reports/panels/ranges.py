"""Ranges that stage 1 leaves to stage 2, for each factor and architecture."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.recipe.point import FACTORS, Value
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.decisions import FactorRange
from hpo.results.study import StudyResults
from hpo.results.words import DASH, capital, factor_words, listed, range_words, value_words


class RangeRow(NamedTuple):
    """One factor: its reference, and the range of each architecture that has one."""

    factor: str
    reference: Value | None
    ranges: dict[str, FactorRange]


class RangesTable(NamedTuple):
    """Facts of the table: architectures from left to right."""

    architectures: list[str]
    rows: list[RangeRow]
    edited: bool
    outdated: bool
    missing: list[str]


def read(results: StudyResults, _options: PanelSettings) -> RangesTable:
    """Ranges of the architectures whose stage 1 is closed.

    Raises:
        NotThereError: if there is none yet.
    """
    if not results.ranges:
        raise NotThereError("Stage 1 is not complete for any architecture yet; ranges follow once it is.")
    settings = results.settings
    found = {(one.factor, one.architecture): one for one in results.ranges}
    have = [name for name in settings.architectures if any(one.architecture == name for one in results.ranges)]
    rows = [
        RangeRow(
            factor,
            settings.reference.get(factor),
            {name: found[factor, name] for name in have if (factor, name) in found},
        )
        for factor in dict.fromkeys(one.factor for one in results.ranges)
    ]
    return RangesTable(
        have,
        rows,
        any(one.edited for one in results.ranges),
        any(one.outdated for one in results.ranges),
        [name for name in settings.architectures if name not in have],
    )


def draw(data: RangesTable, _looks: Looks) -> Table:
    """One row per factor, one column per architecture."""
    columns = [Column("Factor"), Column("Reference", numeric=True)]
    columns += [Column(name, numeric=True) for name in data.architectures]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        reference = DASH if row.reference is None else value_words(row.reference)
        cells: list[Cell | str] = [capital(factor_words(row.factor)), reference]
        cells += [range_cell(row.ranges.get(name)) for name in data.architectures]
        rows.append(cells)
    return Table(columns, rows)


def finding(data: RangesTable) -> str:
    """The best levels over all architectures."""
    parts = []
    for row in data.rows:
        best = sorted({found.best for found in row.ranges.values()}, key=lambda level: (isinstance(level, str), level))
        shown = [value_words(level) for level in best]
        numeric = len(best) > 2 and not any(isinstance(level, str | bool) for level in best)
        parts.append(f"{factor_words(row.factor)} {f'{shown[0]} to {shown[-1]}' if numeric else ' or '.join(shown)}")
    return f"Stage 1's best levels: {', '.join(parts)}."


def explain(data: RangesTable) -> str:
    """The meaning of a range."""
    edited = " Ranges marked as edited were changed by a person." if data.edited else ""
    if data.outdated:
        edited += " Stage 2 was opened with those marked outdated; stage 1 was decided again since then."
    missing = f" Stage 1 is not complete for {listed(data.missing)}." if data.missing else ""
    return (
        "The levels that are statistically level with the best of their axis on the validation split, widened by half "
        f"a step to where levels go on; below them the best level itself.{edited}{missing}"
    )


def range_cell(found: FactorRange | None) -> Cell:
    """A range in words, and the best level below it; a dash without one."""
    if found is None:
        return Cell(DASH)
    if found.low is not None and found.high is not None:
        whole = FACTORS.get(found.factor) is int
        low, high = (round(end) if whole else end for end in (found.low, found.high))
        text = range_words(low, high)
    else:
        text = listed(value_words(value) for value in found.values)
    mark = ", edited" if found.edited else ", outdated" if found.outdated else ""
    return Cell(text, f"best {value_words(found.best)}{mark}")


PANEL = Panel("Ranges that stage 1 leaves to stage 2", read, draw, finding, explain)
