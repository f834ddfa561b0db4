"""Tables of several studies: ranges, tuned configurations and compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from hpo.recipe.point import FACTORS, Point
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.panels.ranges import range_cell
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.reports.versus.study import NO_OPTIONS, ComparedStudy, Options, Studies, architectures_of
from hpo.results.cost import Cost, total_cost
from hpo.results.decisions import FactorRange
from hpo.results.words import DASH, capital, count, duration, factor_words, listed, plural, value_words


class Row(NamedTuple):
    """Something of one architecture, as every study has it; None where a study has not."""

    architecture: str
    what: str
    values: tuple[object, ...]


class SideBySide(NamedTuple):
    """Rows of one table, and the studies from left to right."""

    labels: tuple[str, ...]
    rows: list[Row]


def read_ranges(studies: Studies, _options: Options = NO_OPTIONS) -> SideBySide:
    """Ranges that stage 1 leaves to stage 2.

    Raises:
        NotThereError: if no study's stage 1 is complete.
    """

    def ranges(study: ComparedStudy, architecture: str) -> dict[str, FactorRange]:
        return study.results.ranges_of(architecture)

    return _side_by_side(studies, ranges, "Stage 1 is not complete in any of the studies.")


def draw_ranges(data: SideBySide, looks: Looks) -> Table:
    """One row per factor, grouped by architecture."""
    return _table(data, looks, lambda value: range_cell(value if isinstance(value, FactorRange) else None))


def finding_ranges(data: SideBySide) -> str:
    """The factors whose best levels differ."""
    apart = [
        f"{row.architecture}'s {factor_words(row.what)}"
        for row in data.rows
        if len({one.best for one in row.values if isinstance(one, FactorRange)}) > 1
    ]
    return (
        f"Stage 1's best levels differ for {listed(apart)}." if apart else "Stage 1 found the same best levels in all."
    )


def explain_ranges(_data: SideBySide) -> str:
    """The meaning of a range."""
    return "What stage 1 leaves to stage 2 of each factor, and its best level below."


def read_configurations(studies: Studies, _options: Options = NO_OPTIONS) -> SideBySide:
    """The tuned configurations.

    Raises:
        NotThereError: if no study has chosen one.
    """

    def point(study: ComparedStudy, architecture: str) -> Point:
        found = study.results.finals(architecture, "after")
        return {**found[0].point, "epochs": found[0].epochs} if found else {}

    return _side_by_side(studies, point, "No study has chosen a tuned configuration yet.")


def draw_configurations(data: SideBySide, looks: Looks) -> Table:
    """One row per factor, grouped by architecture; in bold where the studies differ."""

    def cell(value: object, kind: str) -> Cell:
        return Cell(value_words(value) if isinstance(value, bool | int | float | str) else DASH, kind=kind)

    rows = [
        row._replace(values=tuple(cell(value, "strong" if _differs(row) else "") for value in row.values))
        for row in data.rows
    ]
    return _table(SideBySide(data.labels, rows), looks, lambda value: value if isinstance(value, Cell) else Cell(DASH))


def finding_configurations(data: SideBySide) -> str:
    """The number of values that differ."""
    apart, several = sum(_differs(row) for row in data.rows), sum(len(_chosen(row)) > 1 for row in data.rows)
    if not several:
        return "No architecture has been tuned in more than one study."
    verb = "differs" if apart == 1 else "differ"
    return f"{count(apart)} of {plural(several, 'value')} that more than one study chose {verb}."


def explain_configurations(_data: SideBySide) -> str:
    """The rule of the choice, and the meaning of bold."""
    return (
        "What stage 2 chose on the validation split, and how long the final models were trained. In bold where the "
        "studies do not agree."
    )


def read_compute(studies: Studies, _options: Options = NO_OPTIONS) -> SideBySide:
    """The cost of each architecture in each study.

    Raises:
        NotThereError: if nothing has been trained in any.
    """

    def cost(study: ComparedStudy, architecture: str) -> dict[str, Cost]:
        entries = study.results.compute_of(architecture)
        return {"": total_cost(entries)} if entries else {}

    return _side_by_side(studies, cost, "Nothing has been trained in any of the studies.")


def draw_compute(data: SideBySide, looks: Looks) -> Table:
    """One row per architecture: tuning, and everything, of every study."""
    columns = [Column("Model")]
    for heading in ("tuning", "all training"):
        columns += [Column(f"{label}: {heading}", numeric=True) for label in data.labels]
    rows: list[list[Cell | str]] = []
    for row in data.rows:
        costs = [one if isinstance(one, Cost) else None for one in row.values]
        cells: list[Cell | str] = [Cell(row.architecture, swatch=looks.colour(row.architecture))]
        cells += [DASH if one is None else count(one.tuning) for one in costs]
        cells += [DASH if one is None else Cell(count(one.spent), duration(one.seconds)) for one in costs]
        rows.append(cells)
    return Table(columns, rows)


def finding_compute(data: SideBySide) -> str:
    """The sums."""
    parts = []
    for place, label in enumerate(data.labels):
        costs = [one for row in data.rows if isinstance(one := row.values[place], Cost)]
        visits, seconds = sum(one.spent for one in costs), sum(one.seconds for one in costs)
        parts.append(f"{label} {count(visits)} ({duration(seconds)})")
    return f"Patch-visits of all training: {listed(parts)}."


def explain_compute(_data: SideBySide) -> str:
    """The training that counts."""
    return (
        "Patch-visits: patches seen in training, each as often as it was seen. Tuning is the whole search and the "
        "final trainings of the tuned configuration; all training counts the reference's and the control's too. Times "
        "are sums over the workers, on whatever machine each study ran."
    )


def _side_by_side(
    studies: Studies, contents: Callable[[ComparedStudy, str], Mapping[str, object]], nothing: str
) -> SideBySide:
    rows = []
    for architecture in architectures_of(studies):
        found = [contents(study, architecture) for study in studies]
        names = {name for one in found for name in one}
        ordered = [name for name in FACTORS if name in names] + sorted(names - FACTORS.keys())
        rows += [Row(architecture, name, tuple(one.get(name) for one in found)) for name in ordered]
    if not rows:
        raise NotThereError(nothing)
    return SideBySide(tuple(study.label for study in studies), rows)


def _chosen(row: Row) -> list[object]:
    return [value for value in row.values if value is not None]


def _differs(row: Row) -> bool:
    return len(set(_chosen(row))) > 1


def _table(data: SideBySide, looks: Looks, cell: Callable[[object], Cell]) -> Table:
    columns = [Column("Model"), Column("Factor"), *(Column(label, numeric=True) for label in data.labels)]
    rows: list[list[Cell | str]] = []
    for index, row in enumerate(data.rows):
        cells: list[Cell | str] = [capital(factor_words(row.what)), *(cell(value) for value in row.values)]
        if index == 0 or data.rows[index - 1].architecture != row.architecture:
            together = sum(other.architecture == row.architecture for other in data.rows)
            cells.insert(0, Cell(row.architecture, swatch=looks.colour(row.architecture), rows=together))
        rows.append(cells)
    return Table(columns, rows)


RANGES = Panel("Ranges that stage 1 leaves to stage 2", read_ranges, draw_ranges, finding_ranges, explain_ranges)
CONFIGURATIONS = Panel(
    "Tuned configurations", read_configurations, draw_configurations, finding_configurations, explain_configurations
)
COMPUTE = Panel("Training compute", read_compute, draw_compute, finding_compute, explain_compute)
