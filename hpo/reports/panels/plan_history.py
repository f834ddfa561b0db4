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

    plans: list[AcceptedPlan]
    outdated: list[str]


def read(results: StudyResults, _options: PanelSettings) -> History:
    """Every plan, the first one first.

    Raises:
        NotThereError: if the study has not started.
    """
    if not results.plans:
        raise NotThereError("The study has not started.")
    outdated = dict.fromkeys(one.architecture for one in results.ranges if one.outdated)
    return History(list(results.plans), list(outdated))


def draw(data: History, _looks: Looks) -> Table:
    """A row for the first plan, and one for each change."""
    rows: list[list[Cell | str]] = [[moment(data.plans[0].at), "first plan", "", "none"]]
    rows += [
        [moment(plan.at), Cell(change.text, kind="code"), change.effect, listed(plan.tested) if plan.tested else "none"]
        for plan in data.plans[1:]
        for change in plan.changes
    ]
    return Table([Column("When"), Column("Change"), Column("Effect"), Column("Tested before")], rows)


def finding(data: History) -> str:
    """How often, and whether a test split had been opened before."""
    changed = data.plans[1:]
    if not changed:
        return "The study is as it was first planned."
    changes = f"The plan was changed {plural(len(changed), 'time')}"
    tested = [name for plan in changed for name in plan.tested]
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
