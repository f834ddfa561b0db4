"""A validation metric against one factor of stage 1, one line per architecture (the paper's Figs. 3 and 4)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import gain
from hpo.recipe.point import Value
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks
from hpo.results.axis_effect import AxisLine, axis_lines, level_order
from hpo.results.study import StudyResults
from hpo.results.words import capital, factor_words, listed, metric_words, number, value_words


class FactorEffect(NamedTuple):
    """Facts of the figure."""

    factor: str
    metric: str
    numeric: bool
    log: bool
    reference: Value
    grid: bool
    lines: list[AxisLine]


def title(results: StudyResults, options: PanelSettings) -> str:
    """Such as ``Validation accuracy against batch size``."""
    return f"Validation {metric_words(_metric(results, options))} against {factor_words(options.factor or '')}"


def read(results: StudyResults, options: PanelSettings) -> FactorEffect:
    """Finished stage-1 trials along the factor's axis, the other factors at their reference.

    In a grid every trial counts: a level's value is the mean over the other factors' levels.

    Raises:
        NotThereError: if stage 1 does not vary the factor, or none of its trials has finished.
    """
    settings, metric = results.settings, _metric(results, options)
    factor = settings.factors.get(options.factor or "")
    if factor is None or factor.name not in settings.stage1.factors:
        raise NotThereError(f"Stage 1 of this study does not vary the {factor_words(options.factor or '')}.")
    lines = axis_lines(results, factor.name, metric)
    if not lines:
        raise NotThereError(f"No stage-1 trial along the {factor_words(factor.name)} has finished yet.")
    numeric = not isinstance(factor.reference, bool | str)
    return FactorEffect(
        factor.name,
        metric,
        numeric,
        numeric and factor.scale == "log",
        factor.reference,
        settings.stage1.design == "grid",
        lines,
    )


def draw(data: FactorEffect, looks: Looks) -> go.Figure:
    """One line an architecture, the reference value marked."""
    levels = sorted({level for line in data.lines for level in line.levels}, key=level_order)
    shown = figure(
        330,
        legend=LEGEND_ABOVE,
        xaxis={"title": {"text": capital(factor_words(data.factor))}, "type": "log" if data.log else None},
        yaxis={"title": {"text": f"Validation {metric_words(data.metric)}"}, "tickformat": ".3~f"},
    )
    place = (lambda level: level) if data.numeric else value_words
    if data.numeric:
        shown.update_xaxes(tickvals=levels, ticktext=[value_words(level) for level in levels], minor={"ticks": ""})
    else:
        shown.update_xaxes(type="category", categoryarray=[value_words(level) for level in levels])
    for line in data.lines:
        shown.add_scatter(
            x=[place(level) for level in line.levels],
            y=line.values,
            error_y={"array": line.half_widths, "width": 3, "thickness": 1.2} if line.half_widths else None,
            name=figure_text(line.architecture),
            mode="lines+markers" if data.numeric else "markers",
            line={"color": looks.colour(line.architecture), "width": 2},
            marker={"symbol": looks.symbol(line.architecture), "size": 8, "color": looks.colour(line.architecture)},
            hovertemplate="%{x}: %{y:.4f}",
        )
    shown.add_vline(x=place(data.reference), line={"color": NEUTRAL, "dash": "dot", "width": 1.2})
    return shown


def finding(data: FactorEffect) -> str:
    """The best level for each architecture, and its gain over the reference."""
    best: dict[Value, list[str]] = {}
    gained = []
    for line in data.lines:
        value = max(line.values, key=partial(gain, data.metric))
        level = line.levels[line.values.index(value)]
        if data.reference in line.levels:
            at_reference = line.values[line.levels.index(data.reference)]
            gained.append(abs(value - at_reference))
            level = data.reference if at_reference == value else level
        best.setdefault(level, []).append(line.architecture)
    where = listed(f"{value_words(level)} for {listed(best[level])}" for level in sorted(best, key=level_order))
    by = "" if not gained else f"; at most {number(max(gained))} better than at the reference"
    if set(best) == {data.reference}:
        by = ", which is the reference"
    elif gained and number(max(gained)) == number(0):
        by = "; less than 0.0005 better than at the reference"
    return f"Best {factor_words(data.factor)}: {where}{by}."


def explain(data: FactorEffect) -> str:
    """The choice of the trials, and the meaning of the bars."""
    others = "averaged over the levels of the other factors" if data.grid else "all other factors at their reference"
    bars = " Bars are 95% intervals over validation patches." if any(line.half_widths for line in data.lines) else ""
    return f"Stage-1 trials, {others}; the dotted line is the reference value.{bars}"


def _metric(results: StudyResults, options: PanelSettings) -> str:
    return options.metric or results.settings.objective.metric


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = (
    "factor",
    "metric",
)
NEEDS = ("factor",)
