"""What either side of the comparison cost, donors and search included, and what sharing saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Cell, Column, Table
from hpo.reports.panel import NotThereError
from hpo.reports.records import ComputeEntry, ComputeRole
from hpo.reports.results import StudyResults
from hpo.reports.style import architecture_style
from hpo.reports.words import DASH, count, duration

_TUNING: tuple[ComputeRole, ...] = ("stage1", "stage2", "after")
_COLUMNS: tuple[tuple[str, tuple[ComputeRole, ...]], ...] = (
    ("Before", ("before",)),
    ("Stage 1", ("stage1",)),
    ("Stage 2", ("stage2",)),
    ("Final, tuned", ("after",)),
    ("All for 'after'", _TUNING),
    ("Cold control", ("cold_control",)),
)


class ComputeRow(NamedTuple):
    """One architecture's entries."""

    name: str
    colour: str
    entries: list[ComputeEntry]


class ComputeTable(NamedTuple):
    """What the table shows."""

    rows: list[ComputeRow]


def title(_results: StudyResults, _options: PanelSettings) -> str:
    """The same for every study."""
    return "What it cost"


def read(results: StudyResults, _options: PanelSettings) -> ComputeTable:
    """The compute ledger by architecture.

    Raises:
        NotThereError: if nothing has been trained yet.
    """
    rows = []
    for name in results.settings.architectures:
        entries = [entry for entry in results.compute if entry.architecture == name]
        if entries:
            rows.append(ComputeRow(name, architecture_style(results.settings, name).colour, entries))
    if not rows:
        raise NotThereError("Nothing has been trained yet.")
    return ComputeTable(rows)


def draw(data: ComputeTable) -> Table:
    """A row an architecture: patch-visits of each part, and its time below them."""
    columns = [Column("Model"), *(Column(heading, numeric=True) for heading, _ in _COLUMNS)]
    columns += [Column("Tuning / before", numeric=True), Column("All, without sharing", numeric=True)]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        cells: list[Cell | str] = [Cell(row.name, swatch=row.colour)]
        cells += [_spent(_of(row.entries, roles), "sum" if roles is _TUNING else "") for _, roles in _COLUMNS]
        before, tuning = (_visits(_of(row.entries, roles)) for roles in (("before",), _TUNING))
        cells.append(f"{tuning / before:.1f} times" if before and tuning else DASH)
        cells.append(count(sum(entry.unshared_patch_visits for entry in row.entries)))
        rows.append(cells)
    return Table(columns, rows)


def finding(data: ComputeTable) -> str:
    """What tuning cost against the reference alone, and what sharing saved."""
    entries = [entry for row in data.rows for entry in row.entries]
    spent, unshared = _visits(entries), sum(entry.unshared_patch_visits for entry in entries)
    before, tuning = (_visits(_of(entries, roles)) for roles in (("before",), _TUNING))
    seconds = sum(entry.spent.seconds for entry in entries)
    against = f", {tuning / before:.1f} times the reference's final trainings" if before else ""
    saved = f"; sharing saved {1 - spent / unshared:.0%} of all" if spent and unshared > spent else ""
    return f"Tuning took {count(tuning)} patch-visits{against}{saved}; everything together took {duration(seconds)}."


def explain(_data: ComputeTable) -> str:
    """What counts."""
    return (
        "Patch-visits: patches seen in training, each as often as it was seen. 'After' includes the whole search: "
        "stage 1 with the donors of the warm start, stage 2, and the final trainings. Without sharing, every design "
        "point would have been trained on its own from its first epoch; a training that several parts share "
        "counts once."
    )


def _of(entries: Sequence[ComputeEntry], roles: Sequence[str]) -> list[ComputeEntry]:
    return [entry for entry in entries if entry.role in roles]


def _visits(entries: Sequence[ComputeEntry]) -> int:
    return sum(entry.spent.patch_visits for entry in entries)


def _spent(entries: Sequence[ComputeEntry], kind: str) -> Cell:
    if not entries:
        return Cell(DASH, kind=kind)
    seconds = sum(entry.spent.seconds for entry in entries)
    return Cell(count(_visits(entries)), duration(seconds), kind)
