"""What either side of the comparison cost, donors and search included, and what sharing saved."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Cell, Column, Html, table
from hpo.reports.panel import NotThereError
from hpo.reports.results import ComputeEntry, StudyResults
from hpo.reports.style import architecture_style
from hpo.reports.words import DASH, ROLE_WORDS, capital, count, duration

_ORDER = ("before", "stage1", "stage2", "after", "cold_control")
_TUNING = ("stage1", "stage2", "after")


class ComputeRow(NamedTuple):
    """One architecture: its entries in `_ORDER`."""

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
            entries.sort(key=lambda entry: _ORDER.index(entry.role))
            rows.append(ComputeRow(name, architecture_style(results.settings, name).colour, entries))
    if not rows:
        raise NotThereError("Nothing has been trained yet.")
    return ComputeTable(rows)


def draw(data: ComputeTable) -> Html:
    """A row a part of the work, grouped by architecture, with a sum of either side."""
    columns = [
        Column("Model"),
        Column("Part"),
        Column("Epochs", numeric=True),
        Column("Patch-visits", numeric=True),
        Column("Without sharing", numeric=True),
        Column("Time", numeric=True),
    ]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        lines = [_entry_cells(entry) for entry in row.entries]
        lines.append(_sum_cells("All for 'before'", [entry for entry in row.entries if entry.role == "before"]))
        lines.append(_sum_cells("All for 'after'", [entry for entry in row.entries if entry.role in _TUNING]))
        first, *rest = lines
        rows += [[Cell(row.name, swatch=row.colour, rows=len(lines)), *first], *rest]
    return table(columns, rows)


def explain(data: ComputeTable) -> str:
    """What counts, and what sharing saved altogether."""
    entries = [entry for row in data.rows for entry in row.entries]
    spent = sum(entry.spent.patch_visits for entry in entries)
    unshared = sum(entry.unshared_patch_visits for entry in entries)
    saved = f" Sharing made it {unshared / spent:.1f} times cheaper." if spent and unshared > spent else ""
    return (
        "A patch-visit is one patch seen once in training. 'After' includes the whole search: stage 1 with the donors "
        "of the warm start, stage 2, and the final trainings. Without sharing, every design point would have been "
        f"trained on its own from its first epoch; a training that several parts share counts once.{saved}"
    )


def _entry_cells(entry: ComputeEntry) -> list[Cell | str]:
    spent = entry.spent
    return [
        capital(ROLE_WORDS[entry.role]),
        count(spent.epochs),
        count(spent.patch_visits),
        count(entry.unshared_patch_visits),
        duration(spent.seconds),
    ]


def _sum_cells(name: str, entries: list[ComputeEntry]) -> list[Cell | str]:
    if not entries:
        return [Cell(name, kind="sum"), *(Cell(DASH, kind="sum") for _ in range(4))]
    texts = (
        name,
        count(sum(entry.spent.epochs for entry in entries)),
        count(sum(entry.spent.patch_visits for entry in entries)),
        count(sum(entry.unshared_patch_visits for entry in entries)),
        duration(sum(entry.spent.seconds for entry in entries)),
    )
    return [Cell(text, kind="sum") for text in texts]
