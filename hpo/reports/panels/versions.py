"""The versions with which the report was made."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from hpo.results.words import listed

_NAMED = ("hpo", "tensorflow", "keras", "optuna", "python")


class Versions(NamedTuple):
    """Facts of the table."""

    versions: dict[str, str]


def read(results: StudyResults, _options: PanelSettings) -> Versions:
    """The versions where the results were read; those of each worker are not recorded.

    Raises:
        NotThereError: if they are not known.
    """
    if not results.versions:
        raise NotThereError("The versions are not known.")
    return Versions(dict(results.versions))


def draw(data: Versions, _looks: Looks) -> Table:
    """One row per package."""
    rows: list[list[Cell | str]] = [[name, Cell(version, kind="code")] for name, version in data.versions.items()]
    return Table([Column("What"), Column("Version")], rows, compact=True)


def finding(data: Versions) -> str:
    """The packages that matter most."""
    shown = [f"{name} {data.versions[name]}" for name in _NAMED if name in data.versions]
    every = [f"{name} {version}" for name, version in data.versions.items()]
    return f"This report was made with {listed(shown or every)}."


def explain(_data: Versions) -> str:
    """The use of versions, and whose they are."""
    return (
        "The same data, study file, versions, kind of CPU and number of threads give the same weights. Workers may "
        "have run elsewhere, or before an upgrade: their versions are not recorded."
    )


PANEL = Panel("Versions", read, draw, finding, explain)
