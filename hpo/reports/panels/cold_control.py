"""Is it the tuning, or only more training? The tuned configuration trained from random weights."""

from __future__ import annotations

from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.estimate import Estimate
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.panels.comparison_table import difference_cell
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.comparison import Sides
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from hpo.results.words import DASH, interval, listed, metric_words, number, signed


class ControlRow(NamedTuple):
    """One architecture: the three sides, and the paired differences that are there."""

    name: str
    sides: dict[Role, Estimate]
    tuned_cold: Estimate | None
    warm_start: Estimate | None
    longer: Estimate | None = None


class ColdControl(NamedTuple):
    """Facts of the table."""

    metric: str
    rows: list[ControlRow]


def title(results: StudyResults, _options: PanelSettings) -> str:
    """Names the metric."""
    return f"Cold-start control: test {metric_words(results.settings.test_metric)}"


def read(results: StudyResults, _options: PanelSettings) -> ColdControl:
    """Architectures whose cold-start control has been tested.

    Raises:
        NotThereError: if there is none.
    """
    metric = results.settings.test_metric
    rows = [_row(name, found, metric) for name, found in results.comparison.items() if "cold_control" in found.measured]
    if not rows and (results.only_cold_chosen or not results.settings.stage2.may_start_warm):
        raise NotThereError("Every tuned configuration starts from random weights, and is its own control.")
    if not rows:
        asked = results.settings.confirm.cold_control
        later = "has not been tested yet" if asked else "is not part of this study (confirm.cold_control)"
        raise NotThereError(f"The cold-start control {later}.")
    return ColdControl(metric, rows)


def draw(data: ColdControl, looks: Looks) -> Table:
    """One row per architecture."""
    is_equal = any("equal" in row.sides for row in data.rows)
    roles: list[Role] = ["before", *(("equal",) if is_equal else ()), "cold_control", "after"]
    headings: dict[Role, str] = {
        "before": "Before tuning",
        "equal": "Reference, equally trained",
        "cold_control": "Tuned, random weights",
        "after": "Tuned, as chosen",
    }
    columns = [
        Column("Model"),
        *(Column(headings[role], numeric=True) for role in roles),
        *((Column("More training alone", numeric=True),) if is_equal else ()),
        Column("Settings alone", numeric=True),
        Column("Initial weights alone", numeric=True),
    ]
    rows = []
    for row in data.rows:
        cells: list[Cell | str] = [Cell(row.name, swatch=looks.colour(row.name))]
        for role in roles:
            estimate = row.sides.get(role)
            cells.append(DASH if estimate is None else Cell(number(estimate.value), interval(estimate)))
        differences = (*((row.longer,) if is_equal else ()), row.tuned_cold, row.warm_start)
        cells += [DASH if one is None else difference_cell(one) for one in differences]
        rows.append(cells)
    return Table(columns, rows)


def finding(data: ColdControl) -> str:
    """The gain by the settings alone, and by the initial weights."""
    settings = [f"{signed(row.tuned_cold.value)} for {row.name}" for row in data.rows if row.tuned_cold is not None]
    weights = [f"{signed(row.warm_start.value)} for {row.name}" for row in data.rows if row.warm_start is not None]
    changes = f"change the test {metric_words(data.metric)} by"
    if settings:
        added = f"; the initial weights {changes} {listed(weights)}" if weights else ""
        return f"The tuned settings alone {changes} {listed(settings)}{added}."
    if weights:
        return f"The initial weights {changes} {listed(weights)}."
    return f"Only the control has been tested so far, for {listed(row.name for row in data.rows)}."


def explain(_data: ColdControl) -> str:
    """The meaning of each difference."""
    return (
        "The tuned configuration may start from stage 1's weights, and so has been trained for longer. Trained from "
        "random weights with the same seeds, it shows what the settings alone are worth (tuned from random weights "
        "minus before) and what the initial weights add (as chosen minus tuned from random weights). More training "
        "alone is the reference, trained for as many patch-visits as the tuned model and its donors, minus before."
    )


def _row(name: str, found: Sides, metric: str) -> ControlRow:
    def difference(pair: tuple[Role, Role]) -> Estimate | None:
        comparison = found.pairs.get(pair)
        return None if comparison is None else comparison.metrics[metric].difference

    return ControlRow(
        name,
        {role: measured.metrics[metric] for role, measured in found.measured.items()},
        difference(("before", "cold_control")),
        difference(("cold_control", "after")),
        difference(("before", "equal")),
    )


PANEL = Panel(title, read, draw, finding, explain)
