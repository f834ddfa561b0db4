"""Donors of stage 2's initial weights."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.recipe.recipe import StartName
from hpo.recipe.taken import taken_words
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.decisions import Donor
from hpo.results.study import StudyResults
from hpo.results.words import capital, count, listed, metric_words, number, point_words

_MODES: dict[StartName, str] = {
    "warm": "taken as they are",
    "shrink_perturb": "shrunk and perturbed (Ash and Adams 2020)",
}


class DonorsTable(NamedTuple):
    """Facts of the table; ``mode`` is None where each trial has its own start."""

    metric: str
    mode: StartName | None
    batch_normalization: bool
    donors: list[Donor]
    taken: dict[str, str]


def read(results: StudyResults, _options: PanelSettings) -> DonorsTable:
    """The donors that stage 2 has begun from.

    Raises:
        NotThereError: if stage 2 starts cold, or has not begun.
    """
    settings = results.settings
    if not settings.stage2.may_start_warm:
        raise NotThereError("Stage 2 of this study starts from random weights (stage2.warm_start: cold).")
    if not results.donors:
        raise NotThereError("No architecture has started stage 2 yet; its donor is chosen then.")
    donors = [donor for name in settings.architectures if (donor := results.donor(name)) is not None]
    taken = {
        name: words
        for name in settings.architectures
        if (words := taken_words(trial.curve for trial in results.finished("stage2", name)))
    }
    mode = None if settings.stage2.tunes_start else settings.stage2.warm_start
    return DonorsTable(settings.objective.metric, mode, settings.stage2.batch_normalization, donors, taken)


def draw(data: DonorsTable, looks: Looks) -> Table:
    """One row per architecture."""
    columns = [
        Column("Model"),
        Column("Stage-1 design point"),
        Column("Epoch", numeric=True),
        Column(f"Validation {metric_words(data.metric)}", numeric=True),
        Column("Patch-visits", numeric=True),
        Column("Recipe"),
    ]
    rows: list[list[Cell | str]] = [
        [
            Cell(donor.architecture, swatch=looks.colour(donor.architecture)),
            Cell(capital(point_words(donor.point)), kind="wide"),
            count(donor.epoch),
            number(donor.objective),
            count(donor.patch_visits),
            Cell(donor.recipe_key[:12], kind="code"),
        ]
        for donor in data.donors
    ]
    return Table(columns, rows)


def finding(data: DonorsTable) -> str:
    """Epoch and value of each donor."""
    shown = (f"{donor.architecture} from epoch {donor.epoch} at {number(donor.objective)}" for donor in data.donors)
    starts = "Stage 2 starts" if data.mode is not None else "Stage 2's warm starts begin"
    return f"{starts} at validation {metric_words(data.metric)}: {listed(shown)}."


def explain(data: DonorsTable) -> str:
    """The use of the donors' weights."""
    inserted = ", with BatchNormalization inserted between the layers that keep theirs" * data.batch_normalization
    partly = "".join(f" Of {name}, {words}; other layers began at random values." for name, words in data.taken.items())
    if data.mode is None:
        ways = f"{_MODES['warm']} (warm) or {_MODES['shrink_perturb']}"
        return f"Trials of stage 2 that are not cold start from these stage-1 weights, {ways}{inserted}.{partly}"
    return f"Stage 2 starts from these stage-1 weights, {_MODES[data.mode]}{inserted}.{partly}"


PANEL = Panel("Donors of the initial weights", read, draw, finding, explain)
