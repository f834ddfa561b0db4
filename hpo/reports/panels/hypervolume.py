"""How much of all objectives stage 2 covers, against the compute spent on it."""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.front import hypervolume, scaled_gains
from hpo.reports.panel import Panel
from hpo.reports.panels.front import front_of
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import Looks
from hpo.results.front import objective_words
from hpo.results.study import StudyResults
from hpo.results.words import count, listed, number, plural


class Covered(NamedTuple):
    """One architecture: patch-visits of its trials after each, and the share that these cover."""

    architecture: str
    spent: list[int]
    shares: list[float]


class Hypervolume(NamedTuple):
    """Facts of the figure."""

    names: tuple[str, ...]
    lines: list[Covered]


def read(results: StudyResults, _options: PanelSettings) -> Hypervolume:
    """The share that the trials cover after each of them; raises as `front_of`."""
    front = front_of(results)
    of_trial = {
        id(trial): gains
        for trial, gains in zip(
            front.trials, scaled_gains(front.objectives, [one.values for one in front.trials]), strict=True
        )
    }
    worst = [0.0] * len(front.objectives.names)
    lines = []
    for architecture in dict.fromkeys(trial.architecture for trial in front.trials):
        mine = [trial for trial in front.trials if trial.architecture == architecture]
        mine.sort(key=lambda trial: (trial.finished_at or 0.0, trial.number))
        gains, spent, shares, total = [], [], [], 0
        for trial in mine:
            total += trial.patch_visits
            gains.append(of_trial[id(trial)])
            spent.append(total)
            shares.append(hypervolume(gains, worst))
        lines.append(Covered(architecture, spent, shares))
    return Hypervolume(front.objectives.names, lines)


def draw(data: Hypervolume, looks: Looks) -> go.Figure:
    """One stepped line per architecture."""
    shown = figure(
        320,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": "Patch-visits of stage 2's trials"}, "tickformat": "~s", "rangemode": "tozero"},
        yaxis={"title": {"text": "Hypervolume"}, "tickformat": ".2~f", "range": [0, 1.05]},
    )
    for line in data.lines:
        shown.add_scatter(
            x=line.spent,
            y=line.shares,
            name=figure_text(line.architecture),
            mode="lines+markers",
            line={"color": looks.colour(line.architecture), "width": 2, "shape": "hv"},
            marker={"symbol": looks.symbol(line.architecture), "size": 6},
            hovertemplate="after %{x:.3s} patch-visits: %{y:.3f}",
        )
    return shown


def finding(data: Hypervolume) -> str:
    """The most that is covered, and when half of it was."""
    best = max(data.lines, key=lambda line: line.shares[-1])
    end = best.shares[-1]
    half = next(spent for spent, share in zip(best.spent, best.shares, strict=True) if share >= end / 2)
    return (
        f"{best.architecture} covers {number(end)} of the space between the worst and the best values after "
        f"{plural(best.spent[-1], 'patch-visit')}; half of that was there after {count(half)}."
    )


def explain(data: Hypervolume) -> str:
    """What is covered."""
    return (
        f"The share of the space of {listed(map(objective_words, data.names))} that some network beats: 0 is the worst "
        "value of every objective in the study, 1 the best of all at once. Quantities count on a logarithmic scale."
    )


PANEL = Panel("Hypervolume of the front against compute", read, draw, finding, explain)
