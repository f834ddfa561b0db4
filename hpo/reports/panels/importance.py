"""Importance of the factors for being among the best trials: PED-ANOVA, by architecture."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError, Panel, finished_by_architecture
from hpo.reports.plot.figure import broken, figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import Looks, faded
from hpo.results.importance import ENOUGH_TRIALS, FEWEST_TRIALS, importances
from hpo.results.study import StudyResults
from hpo.results.trainings import StageName
from hpo.results.trials import STAGES
from hpo.results.words import capital, factor_words, listed, plural

_BAND = 0.7
"""Of a factor's row, filled by the architectures' lines."""


class Shares(NamedTuple):
    """One architecture: each varied factor's share of the importance, which sum to 1, from so many trials."""

    architecture: str
    trials: int
    shares: dict[str, float]


class Importance(NamedTuple):
    """Facts of the figure: factors with the greatest mean share first, and the architectures left out.

    ``conditional`` are the factors among them that do not apply in every trial.
    """

    stage: str
    factors: list[str]
    architectures: list[Shares]
    left_out: list[str]
    conditional: tuple[str, ...] = ()


def title(results: StudyResults, options: PanelSettings) -> str:
    """Names the stage."""
    return f"What mattered in {STAGES[_stage(results, options)]}: importance of the factors"


def read(results: StudyResults, options: PanelSettings) -> Importance:
    """PED-ANOVA of a stage's finished trials: if no stage is named, of stage 2's, or of stage 1's where those are few.

    Raises:
        NotThereError: if no architecture has enough finished trials that differ.
    """
    settings, stage = results.settings, _stage(results, options)
    found, left_out = [], []
    for name, trials in finished_by_architecture(results, stage).items():
        shares = importances(settings, trials)
        if shares:
            found.append(Shares(name, len(trials), shares))
        else:
            left_out.append(name)
    if not found:
        raise NotThereError(
            f"Importance needs {FEWEST_TRIALS} finished trials of an architecture whose factors and results differ; "
            f"no architecture has so many in {STAGES[stage]} yet."
        )
    factors = {factor for one in found for factor in one.shares}
    mean = {factor: fmean(one.shares.get(factor, 0.0) for one in found) for factor in factors}
    ordered = sorted(mean, key=lambda name: (-mean[name], name))
    conditional = tuple(name for name in ordered if name in settings.conditions)
    return Importance(STAGES[stage], ordered, found, left_out, conditional)


def _stage(results: StudyResults, options: PanelSettings) -> StageName:
    if options.stage is not None:
        return options.stage
    stages: tuple[StageName, ...] = ("stage2", "stage1")
    for stage in stages:
        if any(len(results.finished(stage, name)) >= FEWEST_TRIALS for name in results.settings.architectures):
            return stage
    return "stage2"


def draw(data: Importance, looks: Looks) -> go.Figure:
    """One row per factor, in it a line with a mark for each architecture."""
    step = _BAND / len(data.architectures)
    height = 110 + len(data.factors) * max(34, 15 * len(data.architectures))
    shown = figure(
        height,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": "Share of the importance"}, "tickformat": ".0%", "rangemode": "tozero", "nticks": 6},
        yaxis={
            "tickvals": list(range(len(data.factors))),
            "ticktext": [broken(capital(factor_words(factor)), 14) for factor in data.factors],
            "range": [len(data.factors) - 0.5, -0.5],
            "zeroline": False,
            "showgrid": False,
        },
    )
    for lane, one in enumerate(data.architectures):
        places = [
            row + (lane - (len(data.architectures) - 1) / 2) * step
            for row, factor in enumerate(data.factors)
            if factor in one.shares
        ]
        values = [one.shares[factor] for factor in data.factors if factor in one.shares]
        shown.add_scatter(
            x=[end for value in values for end in (0, value, None)],
            y=[end for place in places for end in (place, place, None)],
            mode="lines",
            line={"color": faded(looks.colour(one.architecture), 0.45), "width": 4},
            showlegend=False,
            hoverinfo="skip",
        )
        shown.add_scatter(
            x=values,
            y=places,
            mode="markers",
            name=figure_text(one.architecture),
            marker={"color": looks.colour(one.architecture), "symbol": looks.symbol(one.architecture), "size": 9},
            hovertemplate="%{x:.1%}",
        )
    return shown


def finding(data: Importance) -> str:
    """The most important factor, and for how many architectures."""
    first = data.factors[0]
    mean = fmean(one.shares.get(first, 0.0) for one in data.architectures)
    tops = sum(max(one.shares, key=one.shares.__getitem__) == first for one in data.architectures)
    total = len(data.architectures)
    where = f"for {data.architectures[0].architecture}" if total == 1 else f"first in {tops} of {total} architectures"
    few = min(one.trials for one in data.architectures)
    hint = f"; with as few as {plural(few, 'trial')} take it as a hint" if few < ENOUGH_TRIALS else ""
    return f"Most important: {factor_words(first)}, {where}, with {mean:.0%} of the importance on average{hint}."


def explain(data: Importance) -> str:
    """The meaning of importance."""
    missing = (
        f" {listed(data.left_out)} cannot be judged, with fewer than {FEWEST_TRIALS} finished trials that differ."
        if data.left_out
        else ""
    )
    names = listed(factor_words(name) for name in data.conditional)
    partly = f" Of {names} only the trials in which it applies count." if names else ""
    return (
        f"PED-ANOVA (Watanabe et al. 2023) of {data.stage}'s trials: how differently each factor is spread among the "
        "best tenth of them; factors that were not varied are left out, and an architecture's shares sum to 100%."
        f"{partly}{missing}"
    )


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = ("stage",)
