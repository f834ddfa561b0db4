"""More than one split: before against after over folds of the training and validation patches."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.folds import FoldComparison
from hpo.reports.panel import NotAskedError, NotThereError, Panel
from hpo.reports.panels.comparison_table import difference_cell
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from hpo.results.words import capital, interval, listed, metric_words, number, plural, signed


class Folds(NamedTuple):
    """Facts of the table; ``is_of_many`` where there are more than two classes."""

    metric: str
    rows: dict[str, FoldComparison]
    is_of_many: bool


def title(results: StudyResults, _options: PanelSettings) -> str:
    """Names the metric."""
    return f"Over folds: test {metric_words(results.settings.test_metric)} before and after tuning"


def read(results: StudyResults, _options: PanelSettings) -> Folds:
    """Architectures with two tested folds or more.

    Raises:
        NotAskedError: if the study has no folds.
        NotThereError: if none is tested yet.
    """
    if results.settings.confirm.folds is None:
        raise NotAskedError("This study has no folds.")
    if not results.over_folds:
        raise NotThereError("The folds have not been tested yet.")
    return Folds(results.settings.test_metric, results.over_folds, len(results.classes) > 2)


def draw(data: Folds, looks: Looks) -> Table:
    """One row per architecture."""
    columns = [
        Column("Model"),
        Column("Folds", numeric=True),
        Column("Before", numeric=True),
        Column("After", numeric=True),
        Column("Difference", numeric=True),
        Column("By fold", numeric=True),
    ]
    rows: list[list[Cell | str]] = []
    for name, found in data.rows.items():
        metric = found.metrics[data.metric]
        rows.append(
            [
                Cell(name, swatch=looks.colour(name)),
                Cell(str(found.folds), f"{plural(found.seeds, 'seed')} each"),
                Cell(number(metric.before.value), interval(metric.before)),
                Cell(number(metric.after.value), interval(metric.after)),
                difference_cell(metric.difference),
                ", ".join(signed(value) for value in metric.by_fold),
            ]
        )
    return Table(columns, rows)


def finding(data: Folds) -> str:
    """The mean difference, and in how many folds it is a gain."""
    parts = []
    for name, found in data.rows.items():
        metric = found.metrics[data.metric]
        gains = sum(value > 0 for value in metric.by_fold)
        parts.append(f"{signed(metric.difference.value)} for {name} ({gains} of {found.folds} folds gain)")
    return f"{capital(metric_words(data.metric))} changes by {listed(parts)}."


def explain(data: Folds) -> str:
    """What a fold is, and what the intervals are of."""
    found = next(iter(data.rows.values()))
    is_mean = data.is_of_many and data.metric != "accuracy"
    means = f" {capital(metric_words(data.metric))} is the mean over the classes, each against the rest."
    return (
        "Training and validation patches are split anew, whole slides in one fold; either side is trained once without "
        f"each fold, and tested on the same test split. Intervals (95%) are for other test {found.unit} and other "
        f"seeds, over the folds of these training patches.{means if is_mean else ''}"
    )


PANEL = Panel(title, read, draw, finding, explain)
