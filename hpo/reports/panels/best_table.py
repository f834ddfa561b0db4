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
from hpo.results.front import bare_value, objective_value, objective_words, rule_words
from hpo.results.paper import TABLE_4
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation
from hpo.results.words import DASH, capital, interval, listed, metric_words, number, plural, point_words


class BestRow(NamedTuple):
    """One architecture after tuning."""

    name: str
    point: Point
    epochs: int
    validation: float
    metrics: dict[str, Estimate]
    others: dict[str, float]
    """The other objectives, where there are several."""


class BestTable(NamedTuple):
    """Facts of the table."""

    objective: str
    test_metric: str
    best: str
    rows: list[BestRow]
    paper: bool
    best_words: str = "best on validation"
    rule: str = ""
    """Which network of several objectives' front is chosen; empty with one objective."""


def read(results: StudyResults, options: PanelSettings) -> BestTable:
    """Architectures whose tuned configuration has been tested.

    Raises:
        NotThereError: if there is none yet.
    """
    objective = results.settings.objective
    rows = []
    for name, found in results.comparison.items():
        trainings = results.trained_finals(name, "after")
        if "after" in found.measured and trainings:
            # As it was judged: with patience by another epoch than the study's objective says.
            validation = fmean(one.objective for one in trainings if one.objective is not None)
            first: Confirmation = trainings[0]
            others = {one: value for one, value in results.final_values(name).items() if one != objective.metric}
            measured = dict(found.measured["after"].metrics)
            rows.append(BestRow(name, first.point, first.epochs, validation, measured, others))
    if not rows:
        raise NotThereError("No tuned configuration has been tested yet.")
    tested = {row.name for row in rows}
    best = results.best_of(tested) or rows[0].name
    paper = options.paper and any(row.name in TABLE_4 for row in rows)
    settings = results.settings
    rule = "" if settings.objectives is None else rule_words(settings.objectives)
    return BestTable(objective.metric, settings.test_metric, best, rows, paper, settings.best_words, rule)


def draw(data: BestTable, looks: Looks) -> Table:
    """One row per architecture; the one chosen on the validation split is marked."""
    others = list(dict.fromkeys(name for row in data.rows for name in row.others))
    columns = [
        Column("Model"),
        Column(f"Validation {metric_words(data.objective)}", numeric=True),
        *(Column(capital(objective_words(name)), numeric=True) for name in others),
        *(Column(f"Test {metric_words(name)}", numeric=True) for name in METRICS),
        Column("Tuned configuration"),
    ]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        chosen = row.name == data.best
        mark = data.best_words if chosen else ""
        rows.append(
            [
                Cell(row.name, mark, "strong" if chosen else "", looks.colour(row.name)),
                number(row.validation),
                *(bare_value(name, row.others[name]) if name in row.others else DASH for name in others),
                *(Cell(number(row.metrics[name].value), interval(row.metrics[name])) for name in METRICS),
                Cell(capital(point_words(row.point, leave_out=("epochs",))), plural(row.epochs, "epoch"), "wide"),
            ]
        )
        if data.paper and row.name in TABLE_4:
            printed = (f"{value:.3f}" for value in TABLE_4[row.name])
            cells = (
                Cell(text, kind="dim") for text in (f"{row.name} in the paper", DASH, *(DASH for _ in others), *printed)
            )
            rows.append([*cells, Cell("1,000 epochs, full PCam", kind="dim")])
    return Table(columns, rows)


def finding(data: BestTable) -> str:
    """The best on validation, and its result on the test split."""
    best = next(row for row in data.rows if row.name == data.best)
    tested = best.metrics[data.test_metric]
    reached = [f"{metric_words(data.objective)} {number(best.validation)}"]
    reached += [objective_value(name, value) for name, value in best.others.items()]
    return (
        f"{best.name} is {data.best_words} ({listed(reached)}); its test "
        f"{metric_words(data.test_metric)} is {number(tested.value)} ({interval(tested)})."
    )


def explain(data: BestTable) -> str:
    """The rule by which the best is chosen."""
    paper = " Rows of the paper are as printed in its Table 4." if data.paper else ""
    by = f"its validation {metric_words(data.objective)}"
    if data.rule:
        by = f"the study's rule ({data.rule}; metrics of the final trainings, on the validation patches)"
    return (
        "Test metrics of the tuned configuration, means over seeds with 95% intervals. The best model is chosen by "
        f"{by}, never by the test split.{paper}"
    )


PANEL = Panel("Best results of every model", read, draw, finding, explain)
OPTIONS = ("paper",)
