"""The best objective so far against the compute spent on it, from the reference point through both stages."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import gain
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks
from hpo.results.search import search_epochs
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import STAGES, others_at_reference, value_of
from hpo.results.words import count, metric_words, number, plural

_MOST = 0.9
"""The finding tells when so much of the gain was there."""


class Step(NamedTuple):
    """From so many patch-visits on, this was the best; ``stage`` is where it was found."""

    spent: int
    value: float
    stage: str


class Progress(NamedTuple):
    """One architecture: its steps, and patch-visits at stage 1's end (None before it) and in all.

    ``reference`` is the reference point's value, where the line begins; None where it has not finished.
    """

    architecture: str
    reference: float | None
    steps: list[Step]
    stage1_spent: int | None
    spent: int


class BestSoFar(NamedTuple):
    """Facts of the figure."""

    metric: str
    lines: list[Progress]


def title(results: StudyResults, _options: PanelSettings) -> str:
    """Names the objective."""
    return f"Best validation {metric_words(results.settings.objective.metric)} so far against compute spent"


def read(results: StudyResults, _options: PanelSettings) -> BestSoFar:
    """The moments at which the best trial changed, by the patch-visits that the ledger had then.

    Raises:
        NotThereError: if no trial has finished yet, or the ledger is empty.
    """
    if not results.epochs:
        raise NotThereError("No epoch has been entered in the compute ledger yet.")
    lines = [_progress(results, name) for name in results.settings.architectures]
    found = [line for line in lines if line is not None]
    if not found:
        raise NotThereError("No trial whose end is known has finished yet.")
    return BestSoFar(results.settings.objective.metric, found)


def draw(data: BestSoFar, looks: Looks) -> go.Figure:
    """One stepped line per architecture: dotted in stage 1, solid in stage 2, with a mark at either end."""
    shown = figure(
        360,
        legend=LEGEND_ABOVE,
        xaxis={
            "title": {"text": "Patch-visits of the architecture's trials"},
            "tickformat": "~s",
            "rangemode": "tozero",
        },
        yaxis={"title": {"text": f"Validation {metric_words(data.metric)}"}, "tickformat": ".3~f"},
    )
    for line in data.lines:
        first = [(step.spent, step.value) for step in line.steps if step.stage == STAGES["stage1"]]
        second = [(step.spent, step.value) for step in line.steps if step.stage == STAGES["stage2"]]
        if first:
            end = line.spent if line.stage1_spent is None else line.stage1_spent
            first.append((end, first[-1][1]))
            second = [first[-1], *second]
        second.append((line.spent, line.steps[-1].value))
        name, colour, symbol = (
            figure_text(line.architecture),
            looks.colour(line.architecture),
            looks.symbol(line.architecture),
        )
        for points, dash in ((first, "dot"), (second, "solid")):
            shown.add_scatter(
                x=[spent for spent, _ in points],
                y=[value for _, value in points],
                mode="lines",
                showlegend=False,
                line={"color": colour, "width": 2.2, "shape": "hv", "dash": dash},
                hovertemplate=f"{name} after %{{x:.3s}} patch-visits: %{{y:.4f}}<extra></extra>",
            )
        shown.add_scatter(
            x=[line.steps[0].spent, line.spent],
            y=[line.steps[0].value, line.steps[-1].value],
            name=name,
            mode="markers",
            cliponaxis=False,
            marker={
                "color": colour,
                "symbol": [f"{symbol}-open", symbol],
                "size": 10,
            },
            hovertemplate="%{y:.4f}",
        )
    for name, dash in (("stage 1", "dot"), ("stage 2", "solid")):
        shown.add_scatter(x=[None], y=[None], mode="lines", name=name, line={"color": NEUTRAL, "dash": dash})
    return shown


def finding(data: BestSoFar) -> str:
    """The best architecture's gain, and how early it came."""
    best = max(data.lines, key=lambda line: gain(data.metric, line.steps[-1].value))
    start, end = best.steps[0].value, best.steps[-1].value
    metric, visits = metric_words(data.metric), plural(best.spent, "patch-visit")
    begin = "at the reference point" if best.reference is not None else "at its first trial"
    if start == end:
        return f"{best.architecture}'s {metric} of {number(end)} {begin} was not surpassed in {visits}."
    enough = next(step for step in best.steps if abs(step.value - start) >= _MOST * abs(end - start))
    share = enough.spent / best.spent
    return (
        f"{best.architecture} went from {metric} {number(start)} {begin} to {number(end)}; {_MOST:.0%} of that was "
        f"there after {count(enough.spent)} of {visits} ({'less than 1%' if share < 0.01 else f'{share:.0%}'})."
    )


def explain(data: BestSoFar) -> str:
    """The meaning of a line, and the compute that it counts."""
    late = [line.architecture for line in data.lines if line.reference is None]
    start = " Lines without a reference point that has finished begin at their first trial." if late else ""
    return (
        "A line begins (hollow mark) with the reference point's value and steps to each better trial of stage 1 "
        "(dotted) and 2 (solid) when the ledger shows what had been trained by then; final trainings are not counted."
        f"{start}"
    )


def _progress(results: StudyResults, architecture: str) -> Progress | None:
    objective = results.settings.objective
    trials = [trial for stage in STAGES for trial in results.finished(stage, architecture)]
    timed = sorted(
        ((trial.finished_at, trial) for trial in trials if trial.finished_at is not None), key=lambda pair: pair[0]
    )
    mine = search_epochs(results, architecture)
    if not timed or not mine:
        return None
    times = [entry.at for entry in mine]
    totals = [0, *accumulate(entry.patch_visits for entry in mine)]
    reference = next((value_of(trial) for _, trial in timed if _is_reference(results, trial)), None)
    steps = [] if reference is None else [Step(0, reference, STAGES["stage1"])]
    for at, trial in timed:
        if not steps or objective.gain(value_of(trial)) > objective.gain(steps[-1].value):
            steps.append(Step(totals[bisect_right(times, at)], value_of(trial), STAGES[trial.stage]))
    begun = [at for at, trial in timed if trial.stage == "stage2"]
    first = [at for at, trial in timed if trial.stage == "stage1"]
    stage1_spent = totals[bisect_right(times, max(first))] if begun and first else (0 if begun else None)
    return Progress(architecture, reference, steps, stage1_spent, totals[-1])


def _is_reference(results: StudyResults, trial: TrialResult) -> bool:
    return trial.stage == "stage1" and others_at_reference(results.settings, trial, ())


PANEL = Panel(title, read, draw, finding, explain)
