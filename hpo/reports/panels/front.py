"""The front of several objectives: every network of stage 2, and those that no other beats."""

from __future__ import annotations

from typing import Any, NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.config.objectives import QUANTITIES
from hpo.evaluation.front import less_is_better
from hpo.reports.panel import NotAskedError, NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.grid import cell, plot_grid
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.front import Front, bound_lines, objective_value, objective_words, read_front, rule_words
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.words import capital, listed, plural

_DECADES = 3.0
"""Quantities that differ by more than this factor stand on a logarithmic axis."""


class FrontData(NamedTuple):
    """Facts of the figure: the front, and for each plot the objective on its x axis."""

    front: Front
    across: list[str]


def read(results: StudyResults, _options: PanelSettings) -> FrontData:
    """Finished stage-2 trials with all their values.

    Raises:
        NotAskedError: if the study has one objective.
        NotThereError: if no trial has finished yet.
    """
    front = front_of(results)
    return FrontData(front, [name for name in front.objectives.names if name != front.objectives.rule.best])


def front_of(results: StudyResults) -> Front:
    """The front of a study.

    Raises:
        NotAskedError: if the study has one objective.
        NotThereError: if no trial of stage 2 has finished yet.
    """
    front = read_front(results)
    if front is None:
        raise NotAskedError("This study has one objective; several have a front.")
    if not front.trials:
        raise NotThereError("No stage-2 trial has finished yet.")
    return front


def draw(data: FrontData, looks: Looks) -> go.Figure:
    """One plot for each other objective: a dot per network, those on the front filled, the chosen ones ringed."""
    objectives = data.front.objectives
    titles = [figure_text(capital(objective_words(name))) for name in data.across]
    many = len(titles) > 1
    shown = plot_grid(titles, 300, 70) if many else figure(400, legend=LEGEND_ABOVE)
    for place, name in enumerate(data.across):
        at = cell(place) if many else {}
        _plot(shown, data.front, name, looks, at, is_first=place == 0)
        shown.update_xaxes(**_axis(data.front, name), **({} if many else {"title_text": titles[place]}), **at)
    shown.update_yaxes(title_text=capital(objective_words(objectives.rule.best)), **({"col": 1} if many else {}))
    return shown


def _plot(shown: go.Figure, front: Front, name: str, looks: Looks, at: dict[str, Any], *, is_first: bool) -> None:
    """The dots of one plot; with two objectives a step joins the front."""
    names, of_front = front.objectives.names, {id(trial) for trial in front.best}
    x, y = names.index(name), names.index(front.objectives.rule.best)
    if len(names) == 2:
        line = sorted((trial.values[x], trial.values[y]) for trial in front.best)
        shown.add_scatter(
            x=[one[0] for one in line],
            y=[one[1] for one in line],
            mode="lines",
            name="front",
            # What is reached at a place is what the front has at no worse a place.
            line={"color": NEUTRAL, "width": 1.5, "shape": "hv" if less_is_better(name) else "vh", "dash": "dot"},
            hoverinfo="skip",
            showlegend=is_first,
            **at,
        )
    for architecture in dict.fromkeys(trial.architecture for trial in front.trials):
        colour, symbol = looks.colour(architecture), looks.symbol(architecture)
        mine = [trial for trial in front.trials if trial.architecture == architecture]
        for is_best in (False, True):
            trials = [trial for trial in mine if (id(trial) in of_front) is is_best]
            shown.add_scatter(
                x=[trial.values[x] for trial in trials],
                y=[trial.values[y] for trial in trials],
                mode="markers",
                name=figure_text(architecture),
                legendgroup=architecture,
                showlegend=is_first and is_best,
                text=[_words(front, trial) for trial in trials],
                hovertemplate="%{text}<extra></extra>",
                marker={
                    "color": colour if is_best else faded(colour, 0.35),
                    "symbol": symbol,
                    "size": 11 if is_best else 7,
                },
                **at,
            )
    chosen = list(front.chosen.values())
    shown.add_scatter(
        x=[trial.values[x] for trial in chosen],
        y=[trial.values[y] for trial in chosen],
        mode="markers",
        name="chosen",
        showlegend=is_first,
        hoverinfo="skip",
        marker={"symbol": "circle-open", "size": 19, "color": NEUTRAL, "line": {"width": 2}},
        **at,
    )


def _words(front: Front, trial: TrialResult) -> str:
    values = zip(front.objectives.names, trial.values, strict=True)
    told = ", ".join(objective_value(name, value) for name, value in values)
    return figure_text(f"{trial.architecture}, trial {trial.number}: {told}")


def _axis(front: Front, name: str) -> dict[str, Any]:
    values = [trial.values[front.objectives.names.index(name)] for trial in front.trials]
    if name not in QUANTITIES:
        return {"tickformat": ".3~f"}
    is_log = min(values) > 0 and max(values) > _DECADES * min(values)
    ticks = "~s" if name in ("parameters", "patch_visits") else "~g"  # 0.5 ms are no 500m
    return {"type": "log", "tickformat": ticks, "dtick": "D2"} if is_log else {"tickformat": ticks}


def finding(data: FrontData) -> str:
    """How many are on the front, its two ends, and what is chosen."""
    front = data.front
    first, last = front.best[0], front.best[-1]
    are = "is" if len(front.best) == 1 else "are"
    ends = f": {_ends(front, first)}" if first is last else f", from {_ends(front, first)} to {_ends(front, last)}"
    chosen = listed(f"{name}'s trial {trial.number} ({_ends(front, trial)})" for name, trial in front.chosen.items())
    beyond = "".join(f" {capital(line)}." for line in bound_lines(front))
    networks = plural(len(front.trials), "network")
    return f"Of {networks} {len(front.best)} {are} on the front{ends}. Chosen: {chosen}.{beyond}"


def _ends(front: Front, trial: TrialResult) -> str:
    first, *others = [
        objective_value(name, value) for name, value in zip(front.objectives.names, trial.values, strict=True)
    ]
    return f"{first} with {listed(others)}"


def explain(data: FrontData) -> str:
    """The meaning of dots, front and ring."""
    return (
        "One dot per trial of stage 2. Filled dots are the front: no other network is as good in all objectives and "
        "better in one. Ringed is what the study's rule chooses of each architecture: "
        f"{rule_words(data.front.objectives)}."
    )


PANEL = Panel("The front of all objectives", read, draw, finding, explain)
