"""Openings of the test split, with the frozen configuration of each."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.decisions import TestOpening
from hpo.results.study import StudyResults
from hpo.results.words import listed, moment, plural


class Openings(NamedTuple):
    """Facts of the table."""

    openings: list[TestOpening]
    changes: list[str]
    repeated: list[str]


def read(results: StudyResults, _options: PanelSettings) -> Openings:
    """The database's register of openings.

    Raises:
        NotThereError: if the test split is still closed.
    """
    if not results.test_openings:
        raise NotThereError("The test split has not been opened: every choice so far used train and validation only.")
    names = [opening.architecture for opening in results.test_openings]
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    return Openings(list(results.test_openings), _changes(results), repeated)


def _changes(results: StudyResults) -> list[str]:
    """Of each opening, what was changed of the plan since the same architecture was opened before."""
    last: dict[str, float] = {}
    found = []
    for opening in results.test_openings:
        since = last.get(opening.architecture)
        last[opening.architecture] = opening.opened_at
        plans = [plan for plan in results.plans if since is not None and since < plan.at <= opening.opened_at]
        found.append("; ".join(change.text for plan in plans for change in plan.changes))
    return found


def draw(data: Openings, looks: Looks) -> Table:
    """One row per opening."""
    columns = [Column("Model"), Column("Opened"), Column("By"), Column("Configuration"), Column("Test split")]
    is_changed = any(data.changes)
    if is_changed:
        columns.append(Column("After a change of the plan"))
    rows: list[list[Cell | str]] = [
        [
            Cell(opening.architecture, swatch=looks.colour(opening.architecture)),
            moment(opening.opened_at),
            opening.owner,
            Cell(opening.configuration[:12], kind="code"),
            Cell(opening.test_digest[:12], kind="code"),
            *([change] if is_changed else []),
        ]
        for opening, change in zip(data.openings, data.changes, strict=True)
    ]
    return Table(columns, rows)


def finding(data: Openings) -> str:
    """The number of openings, and architectures with more than one."""
    openings = f"{plural(len(data.openings), 'opening')} of the test split"
    if data.repeated:
        why = ", after the plan was changed" if any(data.changes) else ""
        return f"{openings}; more than once: {listed(data.repeated)}{why}."
    return f"{openings}, once for each architecture, after its configuration was frozen."


def explain(data: Openings) -> str:
    """The meaning of an opening."""
    repeated = " Later results are no longer those of an unseen test split." if data.repeated else ""
    return f"Each look at the test split is a row in the study database.{repeated}"


PANEL = Panel("Where the test split was opened", read, draw, finding, explain)
