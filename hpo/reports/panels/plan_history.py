"""How the plan of the study was changed while it lived."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from hpo.results.words import listed, moment, plural
from hpo.storage.plans import AcceptedPlan


class History(NamedTuple):
    """What the table shows."""

    changed: list[AcceptedPlan]
    outdated: list[str]


def read(results: StudyResults, _options: PanelSettings) -> History:
    """Every plan but the first.

    Raises:
        NotThereError: if the plan was never changed.
    """
    if len(results.plans) < 2:
        raise NotThereError("The study is as it was first planned.")
    outdated = dict.fromkeys(one.architecture for one in results.ranges if one.outdated)
    return History(list(results.plans[1:]), list(outdated))


def draw(data: History, _looks: Looks) -> Table:
    """A row a change."""
    rows: list[list[Cell | str]] = [
        [moment(plan.at), Cell(change.text, kind="code"), change.effect, listed(plan.tested) if plan.tested else "none"]
        for plan in data.changed
        for change in plan.changes
    ]
    return Table([Column("When"), Column("Change"), Column("Effect"), Column("Tested before")], rows)


def finding(data: History) -> str:
    """How often, and whether a test split had been opened before."""
    changes = f"The plan was changed {plural(len(data.changed), 'time')}"
    tested = [name for plan in data.changed for name in plan.tested]
    if tested:
        return f"{changes}, also after the test split of {listed(dict.fromkeys(tested))} had been opened."
    return f"{changes}, each time before the test split was opened."


def explain(data: History) -> str:
    """What a changed plan means."""
    text = "Apart from what is said here, a changed study equals one that was planned so from the start."
    if data.outdated:
        text += f" Stage 2 of {listed(data.outdated)} keeps the ranges that it was opened with; stage 1 has others now."
    return text


PANEL = Panel("How the plan was changed", read, draw, finding, explain)
