"""The cost of either side of the comparison, donors and search included, and the saving by sharing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.cost import TUNING, ComputeEntry, ComputeRole, total_cost, visits_of
from hpo.results.study import StudyResults
from hpo.results.words import DASH, count, duration

_COLUMNS: tuple[tuple[str, tuple[ComputeRole, ...]], ...] = (
    ("Before", ("before",)),
    ("Equally trained", ("equal",)),
    ("Stage 1", ("stage1",)),
    ("Stage 2", ("stage2",)),
    ("Recheck", ("recheck",)),
    ("Final, tuned", ("after",)),
    ("All for 'after'", TUNING),
    ("Cold control", ("cold_control",)),
    ("Folds", ("folds",)),
)
_OPTIONAL: frozenset[ComputeRole] = frozenset({"equal", "recheck", "folds"})
"""Parts that a study need not have."""


class ComputeRow(NamedTuple):
    """One architecture's entries."""

    name: str
    entries: list[ComputeEntry]


class ComputeTable(NamedTuple):
    """Facts of the table."""

    rows: list[ComputeRow]


def read(results: StudyResults, _options: PanelSettings) -> ComputeTable:
    """The compute ledger by architecture.

    Raises:
        NotThereError: if nothing has been trained yet.
    """
    rows = []
    for name in results.settings.architectures:
        entries = results.compute_of(name)
        if entries:
            rows.append(ComputeRow(name, entries))
    if not rows:
        raise NotThereError("Nothing has been trained yet.")
    return ComputeTable(rows)


def draw(data: ComputeTable, looks: Looks) -> Table:
    """One row per architecture: patch-visits of each part, and its time below them."""
    found = {entry.role for row in data.rows for entry in row.entries}
    shown = [(heading, roles) for heading, roles in _COLUMNS if found & set(roles) or not set(roles) & _OPTIONAL]
    columns = [Column("Model"), *(Column(heading, numeric=True) for heading, _ in shown)]
    columns += [Column("Tuning / reference", numeric=True), Column("All, without sharing", numeric=True)]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        cost = total_cost(row.entries)
        cells: list[Cell | str] = [Cell(row.name, swatch=looks.colour(row.name))]
        cells += [_spent(row.entries, roles) for _, roles in shown]
        cells.append(DASH if cost.ratio is None else f"{cost.ratio:.1f} times")
        cells.append(count(cost.unshared))
        rows.append(cells)
    return Table(columns, rows)


def finding(data: ComputeTable) -> str:
    """The cost of tuning against the reference alone, and the saving by sharing."""
    cost = total_cost([entry for row in data.rows for entry in row.entries])
    where = "" if cost.compared == (cost.before, cost.tuning) else " where both are trained"
    against = "" if cost.ratio is None else f", {cost.ratio:.1f} times the reference's final trainings{where}"
    saved = f"; sharing saved {cost.saved:.0%} of all" if cost.saved else ""
    return (
        f"Tuning took {count(cost.tuning)} patch-visits{against}{saved}; everything together trained for "
        f"{duration(cost.seconds)}."
    )


def explain(_data: ComputeTable) -> str:
    """The training that counts."""
    return (
        "Patch-visits: patches seen in training, each as often as it was seen. 'After' includes the whole search: "
        "stage 1 with the donors of the warm start, stage 2, its recheck, and the final trainings. The equally trained "
        "reference goes on from the end of the reference's own trainings. Without sharing, every design "
        "point would have been trained on its own from its first epoch; a training that several parts share "
        "counts once, and what the reference needs is the reference's."
    )


def _spent(entries: Sequence[ComputeEntry], roles: Sequence[ComputeRole]) -> Cell:
    kind = "sum" if roles is TUNING else ""
    parts = [entry for entry in entries if entry.role in roles]
    if not parts:
        return Cell(DASH, kind=kind)
    return Cell(count(visits_of(parts, roles)), duration(sum(entry.spent.seconds for entry in parts)), kind)


PANEL = Panel("What it cost", read, draw, finding, explain)
