"""Design points that failed, with their reasons."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Html, paragraph
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.words import STAGE_WORDS, capital, count, plural, point_words


class Failures(NamedTuple):
    """Facts of the table."""

    finished: int
    trials: list[TrialResult]


def read(results: StudyResults, _options: PanelSettings) -> Failures:
    """Failed trials of both stages.

    Raises:
        NotThereError: if no trial has ended yet, well or badly.
    """
    failed = [trial for trial in results.trials if trial.state == "failed"]
    finished = sum(trial.state in ("complete", "pruned") for trial in results.trials)
    if not failed and not finished:
        raise NotThereError("No trial has ended yet.")
    return Failures(finished, failed)


def draw(data: Failures, looks: Looks) -> Html | Table:
    """One row per failed trial, or one sentence where none failed."""
    if not data.trials:
        return paragraph("None.", "quiet")
    columns = [
        Column("Model"),
        Column("Stage"),
        Column("Trial", numeric=True),
        Column("Design point"),
        Column("Reason"),
    ]
    rows: list[list[Cell | str]] = [
        [
            Cell(trial.architecture, swatch=looks.colour(trial.architecture)),
            capital(STAGE_WORDS[trial.stage]),
            count(trial.number),
            Cell(capital(point_words(trial.point)), kind="wide"),
            Cell(trial.failure or "unknown", kind="wide"),
        ]
        for trial in data.trials
    ]
    return Table(columns, rows)


def finding(data: Failures) -> str:
    """Numbers of failed and finished trials."""
    return f"{plural(len(data.trials), 'trial')} failed, {count(data.finished)} finished."


def explain(_data: Failures) -> str:
    """The meaning of a failure."""
    return "A failed trial has no objective, and takes no part in ranges and choices."


PANEL = Panel("Failed trials", read, draw, finding, explain)
