"""The tuned configuration of every architecture and what it reaches (the paper's Table 4)."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.estimate import Estimate
from hpo.evaluation.metrics import METRICS
from hpo.recipe.point import Point
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.paper import TABLE_4
from hpo.results.records import Confirmation
from hpo.results.study import StudyResults
from hpo.results.words import DASH, METRIC_WORDS, capital, interval, number, plural, point_words


class BestRow(NamedTuple):
    """One architecture after tuning."""

    name: str
    point: Point
    epochs: int
    validation: float
    metrics: dict[str, Estimate]


class BestTable(NamedTuple):
    """Facts of the table."""

    objective: str
    test_metric: str
    best: str
    rows: list[BestRow]
    paper: bool


def read(results: StudyResults, options: PanelSettings) -> BestTable:
    """Architectures whose tuned configuration has been tested.

    Raises:
        NotThereError: if there is none yet.
    """
    objective = results.settings.objective
    rows = []
    for name, found in results.comparison.items():
        trainings = [one for one in results.finals(name, "after") if one.curve]
        if "after" in found.measured and trainings:
            validation = fmean(objective.value(one.curve) for one in trainings)
            first: Confirmation = trainings[0]
            rows.append(BestRow(name, first.point, first.epochs, validation, dict(found.measured["after"].metrics)))
    if not rows:
        raise NotThereError("No tuned configuration has been tested yet.")
    tested = {row.name for row in rows}
    best = results.best_of(tested) or rows[0].name
    paper = options.paper and any(row.name in TABLE_4 for row in rows)
    return BestTable(objective.metric, results.settings.test_metric, best, rows, paper)


def draw(data: BestTable, looks: Looks) -> Table:
    """One row per architecture; the one chosen on the validation split is marked."""
    columns = [
        Column("Model"),
        Column(f"Validation {METRIC_WORDS[data.objective]}", numeric=True),
        *(Column(f"Test {METRIC_WORDS[name]}", numeric=True) for name in METRICS),
        Column("Tuned configuration"),
    ]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        chosen = row.name == data.best
        mark = "best on validation" if chosen else ""
        rows.append(
            [
                Cell(row.name, mark, "strong" if chosen else "", looks.colour(row.name)),
                number(row.validation),
                *(Cell(number(row.metrics[name].value), interval(row.metrics[name])) for name in METRICS),
                Cell(capital(point_words(row.point, leave_out=("epochs",))), plural(row.epochs, "epoch"), "wide"),
            ]
        )
        if data.paper and row.name in TABLE_4:
            printed = (f"{value:.3f}" for value in TABLE_4[row.name])
            cells = (Cell(text, kind="dim") for text in (f"{row.name} in the paper", DASH, *printed))
            rows.append([*cells, Cell("1,000 epochs, full PCam", kind="dim")])
    return Table(columns, rows)


def finding(data: BestTable) -> str:
    """The best on validation, and its result on the test split."""
    best = next(row for row in data.rows if row.name == data.best)
    tested = best.metrics[data.test_metric]
    return (
        f"{best.name} is best on validation ({METRIC_WORDS[data.objective]} {number(best.validation)}); its test "
        f"{METRIC_WORDS[data.test_metric]} is {number(tested.value)} ({interval(tested)})."
    )


def explain(data: BestTable) -> str:
    """The rule by which the best is chosen."""
    paper = " Rows of the paper are as printed in its Table 4." if data.paper else ""
    return (
        "Test metrics of the tuned configuration, means over seeds with 95% intervals. The best model is chosen by its "
        f"validation {METRIC_WORDS[data.objective]}, never by the test split.{paper}"
    )


PANEL = Panel("Best results of every model", read, draw, finding, explain)
OPTIONS = ("paper",)
