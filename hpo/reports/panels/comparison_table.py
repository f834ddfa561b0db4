"""The five metrics before and after tuning, with paired differences (the paper's Table 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.compare import Comparison, Sampling
from hpo.evaluation.estimate import Estimate
from hpo.evaluation.improvement import Improvement
from hpo.evaluation.metrics import METRICS
from hpo.reports.classes.rows import ClassRow, class_cells, class_rows
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table, difference_kind
from hpo.results.comparison import Tested
from hpo.results.paper import TABLE_3
from hpo.results.study import StudyResults
from hpo.results.words import (
    DASH,
    before_note,
    capital,
    count,
    interval,
    listed,
    metric_words,
    number,
    p_value,
    plural,
    resampled_words,
    signed,
    signed_interval,
)


class ComparedArchitecture(NamedTuple):
    """One architecture with both sides tested; ``classes`` has a row for each of more than two."""

    name: str
    comparison: Comparison
    adjusted_p: Mapping[Tested, float]
    classes: tuple[ClassRow, ...] = ()


class ComparisonTable(NamedTuple):
    """Facts of the table."""

    metric: str
    rows: list[ComparedArchitecture]
    missing: list[str]
    paper: bool
    note: str = ""


def read(results: StudyResults, options: PanelSettings) -> ComparisonTable:
    """Architectures with test predictions of both sides.

    Raises:
        NotThereError: if there is none yet.
    """
    rows = []
    for name, found in results.comparison.items():
        if found.before_after is not None:
            classes = _classes(results, name, found.before_after)
            rows.append(ComparedArchitecture(name, found.before_after, found.adjusted_p, classes))
    if not rows:
        raise NotThereError("No architecture has been tested before and after tuning yet.")
    present = {row.name for row in rows}
    missing = [name for name in results.settings.architectures if name not in present]
    paper = options.paper and bool(present & TABLE_3.keys())
    return ComparisonTable(
        results.settings.test_metric,
        rows,
        missing,
        paper,
        before_note(results.settings.confirm.equal_training),
    )


def _classes(results: StudyResults, name: str, comparison: Comparison) -> tuple[ClassRow, ...]:
    """A row for each of more than two classes."""
    if not comparison.class_tests or results.test_labels is None:
        return ()
    sides = results.headline_predictions(name)
    return class_rows(results.classes, comparison, results.test_labels, sides["before"], sides["after"])


def draw(data: ComparisonTable, looks: Looks) -> Table:
    """One row per metric, grouped by architecture."""
    columns = [
        Column("Model"),
        Column("Metric"),
        Column("Before", numeric=True),
        Column("After", numeric=True),
        Column("Difference", numeric=True),
        Column("These networks", numeric=True),
        Column("A training gains", numeric=True),
        Column("Adjusted p", numeric=True),
    ]
    if data.paper:
        columns.append(Column("Paper: before, after", numeric=True))
    return Table(columns, [cells for row in data.rows for cells in _rows(row, looks, data)])


def finding(data: ComparisonTable) -> str:
    """The changes by tuning, and which of them may be chance."""
    differences = {row.name: row.comparison.metrics[data.metric].difference for row in data.rows}
    changes = listed(f"{signed(one.value)} for {name}" for name, one in differences.items())
    unsure = [name for name, one in differences.items() if not one.excludes_zero]
    verdict = f"0 is within the interval of {listed(unsure)}" if unsure else "0 is outside every interval"
    return f"Tuning changed the test {metric_words(data.metric)} by {changes}; {verdict}."


def explain(data: ComparisonTable) -> str:
    """The base of the intervals, and the architectures that are missing."""
    missing = f" Not tested on both sides yet: {', '.join(data.missing)}." if data.missing else ""
    paper = " The paper's column is as printed there: other data, other epochs, no intervals." if data.paper else ""
    return (
        "Means over seeds with 95% intervals for other seeds and other test data; the difference is paired, and bold "
        f"where its interval excludes 0. {resting_on(data.rows[0].comparison.sampling)} 'These networks' is the "
        "interval for these trained networks on other test data; 'a training gains' the chance that one new training "
        "with the tuned settings beats one with the reference's on this test split. DeLong's and McNemar's tests take "
        "patches as independent and the networks as given; their p-values are adjusted by Holm over "
        f"{plural(len(data.rows), 'architecture')}.{_macro_words(data)}{data.note}{missing}{paper}"
    )


def _macro_words(data: ComparisonTable) -> str:
    if not data.rows[0].classes:
        return ""
    return (
        " Precision, recall, F1 and AUC are means over the classes, each against the rest; McNemar's test is of right "
        "calls. The rows of single classes are DeLong's test of that class against the rest, with p-values adjusted "
        "by Holm over the classes."
    )


def resting_on(sampling: Sampling) -> str:
    """The resampling in a sentence."""
    slides = (
        ""
        if sampling.unit == "slides"
        else " Patches are taken as independent, since slides are unknown or fewer than three, or a class is on one "
        "only: intervals are too narrow where patches of a slide are alike."
    )
    return f"Bootstrap over {resampled_words(sampling)}; {count(sampling.resamples)} resamples.{slides}"


def _rows(row: ComparedArchitecture, looks: Looks, data: ComparisonTable) -> list[list[Cell | str]]:
    rows: list[list[Cell | str]] = []
    for index, name in enumerate(METRICS):
        found = row.comparison.metrics[name]
        cells: list[Cell | str] = [
            capital(metric_words(name)),
            Cell(number(found.before.value), interval(found.before)),
            Cell(number(found.after.value), interval(found.after)),
            difference_cell(found.difference),
            signed_interval(found.difference.networks),
            _chance_cell(found.improvement),
            _p_cell(row, name),
        ]
        if index == 0:
            cells.insert(0, Cell(row.name, swatch=looks.colour(row.name), rows=len(METRICS) + len(row.classes)))
        if data.paper:
            printed = TABLE_3.get(row.name)
            text = f"{printed[0][index]:.3f}, {printed[1][index]:.3f}" if printed else DASH
            cells.append(Cell(text, kind="dim"))
        rows.append(cells)
    return rows + [[*class_cells(one), *([""] if data.paper else [])] for one in row.classes]


def _chance_cell(improvement: Improvement) -> Cell:
    return Cell(f"{improvement.probability:.0%}", f"{improvement.low:.0%} to {improvement.high:.0%}")


def _p_cell(row: ComparedArchitecture, metric: str) -> Cell | str:
    if metric == "auc":
        return Cell(p_value(row.adjusted_p["auc"]), "DeLong")
    if metric == "accuracy":
        return Cell(p_value(row.adjusted_p["accuracy"]), "McNemar")
    return ""


def difference_cell(difference: Estimate) -> Cell:
    """A difference with its interval."""
    return Cell(signed(difference.value), signed_interval(difference), difference_kind(difference))


PANEL = Panel("Test metrics before and after tuning", read, draw, finding, explain)
OPTIONS = ("paper",)
