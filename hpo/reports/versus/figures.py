"""The main figures of several studies in one plot each: colours are architectures', symbols and dashes are studies'."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.evaluation.compare import Measurement
from hpo.evaluation.estimate import Estimate
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.reports.versus.study import ComparedStudy, Options, Studies, listed_labels, look_of
from hpo.reports.versus.tested import Tested
from hpo.reports.versus.tested import read as read_tested
from hpo.results.search import search_epochs
from hpo.results.trainings import Role
from hpo.results.words import count, listed, metric_words, number


class SearchLine(NamedTuple):
    """One study: the best validation objective so far, each time it rose, against the patch-visits until then."""

    label: str
    place: int
    visits: list[int]
    best: list[float]


class Search(NamedTuple):
    """What the figure of one architecture shows."""

    architecture: str
    metric: str
    lines: list[SearchLine]


def draw_tested(data: Tested, looks: Looks) -> go.Figure:
    """Each study's models beside one another: hollow before tuning, filled after it, with 95% intervals."""
    shown = figure(
        350,
        legend=LEGEND_ABOVE,
        scattermode="group",
        scattergap=0.4,
        xaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [row.name for row in data.rows],
            "range": [-0.5, len(data.rows) - 0.5],
            "tickvals": [row.name for row in data.rows],
            "ticktext": [figure_text(row.name, line=12) for row in data.rows],
        },
        # Plotly would have scatters that stand in groups begin at 0, as bars do.
        yaxis={"title": {"text": f"Test {metric_words(data.metric)}"}, "tickformat": ".3~f", "range": _range(data)},
    )
    for place, label in enumerate(data.labels):
        for role in ("before", "after"):
            sides = {row.name: _measured(row.measured[place], role) for row in data.rows}
            rows = [row for row in data.rows if sides[row.name] is not None]
            found = [side.metrics[data.metric] for side in sides.values() if side is not None]
            _add_dots(
                shown,
                place,
                f"{label} {role}",
                [(row.name, looks.colour(row.name)) for row in rows],
                found,
                role == "after",
            )
    return shown


def finding_tested(data: Tested) -> str:
    """The best tuned model of every study."""
    parts = []
    for place, label in enumerate(data.labels):
        tuned = [
            (row.measured[place]["after"].metrics[data.metric].value, row.name)
            for row in data.rows
            if "after" in row.measured[place]
        ]
        if tuned:
            value, name = max(tuned)
            parts.append(f"{label} reaches {number(value)} ({name})")
    return (
        f"Highest test {metric_words(data.metric)} after tuning: {listed(parts)}." if parts else "Nothing is tuned yet."
    )


def explain_tested(_data: Tested) -> str:
    """The meaning of symbols and colours."""
    return (
        "Means over seeds with 95% intervals; hollow before tuning, filled after it. Each study has its own symbol, "
        "each model its own colour. The axis does not begin at 0."
    )


def title_search(_studies: Studies, options: Options) -> str:
    """Names the architecture."""
    return f"{options.architecture}: best so far against compute"


def read_search(studies: Studies, options: Options) -> Search:
    """How far each study's search had come for what it had spent.

    Raises:
        NotThereError: if no trial has finished, or the studies do not judge trials alike.
    """
    architecture = options.architecture
    having = [study for study in studies if architecture in study.results.settings.architectures]
    objectives = {study.results.settings.objective for study in having}
    if len(objectives) > 1:
        raise NotThereError(f"{listed_labels(having)} judge trials by different objectives; one plot cannot show them.")
    lines = [line for place, study in enumerate(studies) if (line := _line(study, place, architecture)) is not None]
    if not lines:
        raise NotThereError(f"No trial of {architecture} has finished yet.")
    metric = having[0].results.settings.objective.metric
    return Search(architecture, metric, lines)


def draw_search(data: Search, looks: Looks) -> go.Figure:
    """One stepped line per study."""
    shown = figure(
        320,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": "Patch-visits of the search"}, "rangemode": "tozero"},
        yaxis={"title": {"text": f"Best validation {metric_words(data.metric)}"}, "tickformat": ".3~f"},
    )
    colour = looks.colour(data.architecture)
    for line in data.lines:
        look = look_of(line.place)
        shown.add_scatter(
            x=line.visits,
            y=line.best,
            name=figure_text(line.label),
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": look.dash, "shape": "hv"},
            marker={"color": colour, "symbol": look.symbol, "size": 7},
            hovertemplate="%{x:,} patch-visits: %{y:.4f}",
        )
    return shown


def finding_search(data: Search) -> str:
    """Where each search ended, and what it had spent."""
    ends = [f"{line.label} {number(line.best[-1])} after {count(line.visits[-1])}" for line in data.lines]
    return f"Best validation {metric_words(data.metric)} and the patch-visits of the whole search: {listed(ends)}."


def explain_search(_data: Search) -> str:
    """The meaning of the line."""
    return (
        "Stages 1 and 2, in the order in which trials finished; a step is a new best. A training that several trials "
        "share counts once."
    )


def _measured(sides: Mapping[Role, Measurement], role: str) -> Measurement | None:
    """A side of the headline: before tuning it is the reference that was trained as long, where there is one."""
    return sides.get("after") if role == "after" else sides.get("equal", sides.get("before"))


def _range(data: Tested) -> tuple[float, float]:
    found = [one.metrics[data.metric] for row in data.rows for sides in row.measured for one in sides.values()]
    low, high = min(one.low for one in found), max(one.high for one in found)
    margin = 0.08 * (high - low) or 0.05
    return max(0.0, low - margin), high + margin


def _line(study: ComparedStudy, place: int, architecture: str) -> SearchLine | None:
    results = study.results
    trials = [trial for trial in results.trials if trial.architecture == architecture]
    trained = search_epochs(results, architecture)
    moments, spent = [entry.at for entry in trained], [0, *accumulate(entry.patch_visits for entry in trained)]
    done = sorted(
        (trial.finished_at, trial.objective)
        for trial in trials
        if trial.state == "complete" and trial.objective is not None and trial.finished_at is not None
    )
    visits: list[int] = []
    best: list[float] = []
    risen = results.settings.objective.running_best(value for _, value in done)
    for (at, _), value in zip(done, risen, strict=True):
        if not best or value != best[-1]:
            visits.append(spent[bisect_right(moments, at)])
            best.append(value)
    if not best:
        return None
    return SearchLine(study.label, place, [*visits, spent[-1]], [*best, best[-1]])


def _add_dots(
    shown: go.Figure, place: int, name: str, models: Sequence[tuple[str, str]], found: Sequence[Estimate], filled: bool
) -> None:
    symbol = look_of(place).symbol + ("" if filled else "-open")
    shown.add_scatter(
        x=[model for model, _ in models],
        y=[one.value for one in found],
        error_y={
            "array": [one.high - one.value for one in found],
            "arrayminus": [one.value - one.low for one in found],
            "color": faded(NEUTRAL, 0.9 if filled else 0.5),
            "thickness": 1.4,
            "width": 4,
        },
        mode="markers",
        marker={"symbol": symbol, "size": 10, "color": [colour for _, colour in models], "line": {"width": 1.6}},
        name=figure_text(name),
        offsetgroup=name,
        legendgroup=name,
        showlegend=False,
        hovertemplate="%{x}: %{y:.4f}",
    )
    # The legend is about studies: its symbols have no model's colour.
    shown.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker={"symbol": symbol, "size": 10, "color": NEUTRAL, "line": {"width": 1.6}},
        name=figure_text(name),
        legendgroup=name,
    )


TESTED = Panel("Test metric before and after tuning", read_tested, draw_tested, finding_tested, explain_tested)
SEARCH = Panel(title_search, read_search, draw_search, finding_search, explain_search)
