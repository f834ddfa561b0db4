"""The timeline of the trainings: one row per worker, one bar per training, one cross per fault."""

from __future__ import annotations

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.activity import (
    PARTS,
    Part,
    Purpose,
)
from hpo.results.study import StudyResults
from hpo.results.timeline import Mark, Timeline, find_timeline
from hpo.results.words import count, duration, plural

_PART_WORDS = {
    "stage1": "stage 1",
    "stage2": "stage 2",
    "recheck": "recheck",
    "confirm": "final training",
    "test": "test",
}
_LOOKS: dict[Part, tuple[float, str]] = {
    "stage1": (0.3, ""),
    "stage2": (0.3, "/"),
    "recheck": (0.5, "\\"),
    "confirm": (0.75, ""),
    "": (0.5, "x"),
}
_FAULT_COLOUR = "#d1242f"
_BAR_HEIGHT = 0.6  # of a row
_MOST_BARS = 3000
_MOST_FAULTS = 300
_NUMBERED = 6
_REASON_LENGTH = 120


def read(results: StudyResults, _options: PanelSettings) -> Timeline:
    """The ledger, the workers and the faults, on one time axis that begins with the first of them.

    Raises:
        NotThereError: if no epoch has been trained yet.
    """
    if not results.epochs:
        raise NotThereError("No epoch has been trained yet.")
    return find_timeline(results, most_bars=_MOST_BARS, most_marks=_MOST_FAULTS)


def draw(data: Timeline, looks: Looks) -> go.Figure:
    """Bars over thin lines that show from when to when a worker was there."""
    rows = len(data.lanes)
    shown = figure(
        190 + max(16, 40 - rows) * rows,
        barmode="overlay",
        legend={**LEGEND_ABOVE, "traceorder": "normal"},
        xaxis={"title": {"text": f"{data.axis.unit} since the beginning"}, "rangemode": "tozero"},
        yaxis={
            "tickvals": list(range(rows)),
            "ticktext": [figure_text(label).replace(", ", "<br>") for label in data.lanes],
            "range": [rows - 0.4, -0.75],
            "showgrid": False,
            "zeroline": False,
        },
    )
    _add_presences(shown, data)
    for of in data.bars:
        colour = looks.colour(of.purpose.architecture)
        named = _purpose_words(of.purpose)
        shown.add_bar(
            base=of.begins,
            x=of.lengths,
            y=of.rows,
            orientation="h",
            width=_BAR_HEIGHT,
            name=named,
            showlegend=False,
            zorder=1,
            marker=_look(colour, of.purpose.part),
            hovertemplate=f"{named}<br>from %{{base:.2f}} {data.axis.unit.lower()}<extra></extra>",
        )
    _add_legend(shown, data, looks)
    _add_marks(shown, data)
    return shown


def finding(data: Timeline) -> str:
    """Time, workload, and the most frequent fault."""
    faults = "without a fault"
    if data.reasons:
        ((reason, times),) = data.reasons.most_common(1)
        total = data.reasons.total()
        often = "" if times == total else f", {count(times)} of them"
        faults = f"with {plural(total, 'fault')}{often}: {_cut(reason)}"
    return (
        f"In {duration(data.seconds)} {plural(len(data.presences), 'worker')} trained {plural(data.epochs, 'epoch')} "
        f"and spent {data.busy:.0%} of their time training, {faults}."
    )


def explain(data: Timeline) -> str:
    """The meaning of the bars, and the numbered faults."""
    bars = "a bar is a training without interruption"
    if data.is_coarse:
        bars = "a bar's colour is what filled most of that time, since there are too many trainings to show each"
    text = (
        f"A row is a worker, or several that followed each other on one device; {bars}; a thin line is time in which "
        "the worker was there."
    )
    if not data.marks:
        return text
    listing = "; ".join(f"({place}) {_fault_words(data, mark)}" for place, mark in _numbered(data))
    more = data.reasons.total() - len(_numbered(data))
    rest = f"; {count(more)} more without a number" if more > 0 else ""
    return f"{text} Crosses are attempts that ended badly, where that was noted: {listing}{rest}."


def _add_presences(shown: go.Figure, data: Timeline) -> None:
    """One trace with gaps; an upright stroke marks each end."""
    x: list[float | None] = []
    y: list[int | None] = []
    for presence in data.presences:
        x += (presence.began, presence.ended, None)
        y += (presence.row, presence.row, None)
    line = {"color": NEUTRAL, "width": 1.5}
    marker = {"symbol": "line-ns", "size": 12, "line": {"color": NEUTRAL, "width": 1.5}}
    shown.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        name="worker there",
        legendrank=1001,
        line=line,
        marker=marker,
        hoverinfo="skip",
    )


def _add_legend(shown: go.Figure, data: Timeline, looks: Looks) -> None:
    """One entry per architecture and one per part of the study: the bars' traces are one for each pair of them."""
    parts = {of.purpose.part for of in data.bars}
    entries = [(figure_text(name), _look(looks.colour(name), "confirm")) for name in data.architectures]
    entries += [(_PART_WORDS[part], _look(NEUTRAL, part)) for part in PARTS if part in parts]
    entries += [("unknown", _look(NEUTRAL, ""))] * ("" in parts)
    for name, look in entries:
        shown.add_bar(x=[None], y=[None], orientation="h", name=name, marker=look)


def _add_marks(shown: go.Figure, data: Timeline) -> None:
    if not data.marks:
        return
    numbers = {id(mark): str(place) for place, mark in _numbered(data)}
    shown.add_scatter(
        x=[mark.at for mark in data.marks],
        y=[mark.row - 0.42 for mark in data.marks],
        mode="markers+text",
        name="fault",
        legendrank=1002,
        zorder=2,
        marker={"symbol": "x", "size": 9, "color": _FAULT_COLOUR},
        text=[numbers.get(id(mark), "") for mark in data.marks],
        textposition="middle right",
        hovertext=[figure_text(_fault_words(data, mark)) for mark in data.marks],
        hoverinfo="text",
    )


def _numbered(data: Timeline) -> list[tuple[int, Mark]]:
    return list(enumerate(data.marks[:_NUMBERED], 1))


def _fault_words(data: Timeline, mark: Mark) -> str:
    """Such as ``0.4 hours, lab-2, GPU 1: stage 2 of model1, attempt 1: the worker died``."""
    fault = mark.fault
    what = f"{_PART_WORDS.get(fault.stage, fault.stage)} of {fault.architecture}, attempt {fault.attempt}"
    return f"{mark.at:.1f} {data.axis.unit.lower()}, {data.lanes[mark.row]}: {what}: {_cut(fault.reason)}"


def _cut(reason: str) -> str:
    reason = reason.rstrip(".")
    return reason if len(reason) <= _REASON_LENGTH else f"{reason[:_REASON_LENGTH]}\N{HORIZONTAL ELLIPSIS}"


def _purpose_words(purpose: Purpose) -> str:
    if not purpose.part:
        return "unknown"
    return f"{figure_text(purpose.architecture)}, {_PART_WORDS[purpose.part]}"


def _look(colour: str, part: Part) -> dict[str, object]:
    opacity, pattern = _LOOKS[part]
    return {
        "color": faded(colour, opacity),
        "line": {"color": colour, "width": 0.6},
        "pattern": {"shape": pattern, "size": 5, "fgcolor": colour, "fgopacity": 0.8},
    }


PANEL = Panel("Who trained what, and when", read, draw, finding, explain)
