"""ROC curves with their areas, one an architecture and side (the paper's Fig. 9)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.compare import Estimate
from hpo.evaluation.roc import mean_roc, roc_curve
from hpo.reports.comparison import compare_architectures, predictions_by_role
from hpo.reports.panel import NotThereError
from hpo.reports.results import StudyResults
from hpo.reports.style import NEUTRAL, architecture_style, figure, figure_text
from hpo.reports.words import listed, number

Side = Literal["before", "after"]
_SIDES: tuple[Side, ...] = ("after", "before")


class RocLine(NamedTuple):
    """The mean curve over the seeds of one side of one architecture."""

    architecture: str
    colour: str
    side: Side
    area: Estimate
    false_positive_rate: list[float]
    true_positive_rate: list[float]


class Roc(NamedTuple):
    """What the figure shows."""

    seeds: int
    lines: list[RocLine]


def title(_results: StudyResults, _options: PanelSettings) -> str:
    """The same for every study."""
    return "ROC curves on the test split"


def read(results: StudyResults, _options: PanelSettings) -> Roc:
    """The sides that have test predictions.

    Raises:
        NotThereError: if none has, or the test split holds one class only.
    """
    compared = compare_architectures(results)
    if not compared or results.test_labels is None:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    if len(set(results.test_labels.tolist())) < 2:
        raise NotThereError("The test split holds patches of one class only: there is no ROC curve.")
    lines, seeds = [], 0
    for architecture, found in compared.items():
        predictions = predictions_by_role(results, architecture)
        for side in _SIDES:
            if side in predictions:
                alarms, hits = mean_roc([roc_curve(results.test_labels, row) for row in predictions[side]])
                area = found.measured[side].metrics["auc"]
                colour = architecture_style(results.settings, architecture).colour
                lines.append(RocLine(architecture, colour, side, area, _rounded(alarms), _rounded(hits)))
                seeds = max(seeds, len(predictions[side]))
    if not lines:
        raise NotThereError("Neither side of an architecture has been tested yet.")
    return Roc(seeds, lines)


def draw(data: Roc) -> go.Figure:
    """After tuning solid, before tuning dotted, in the architecture's colour."""
    shown = figure(
        460,
        xaxis={"title": {"text": "False positive rate"}, "range": [-0.01, 1.01], "constrain": "domain", "dtick": 0.2},
        yaxis={"title": {"text": "True positive rate"}, "range": [-0.01, 1.01], "dtick": 0.2},
        legend={"x": 1.02, "xanchor": "left", "y": 0.5, "yanchor": "middle", "groupclick": "toggleitem"},
    )
    shown.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": NEUTRAL, "width": 1, "dash": "dash"},
        name="chance",
        hoverinfo="skip",
    )
    for line in data.lines:
        shown.add_scatter(
            x=line.false_positive_rate,
            y=line.true_positive_rate,
            mode="lines",
            name=f"{figure_text(line.architecture)} {line.side}: AUC {number(line.area.value)}",
            legendgroup=line.architecture,
            line={"color": line.colour, "width": 2.4 if line.side == "after" else 1.5, "dash": _dash(line.side)},
            hovertemplate="%{x:.3f}, %{y:.3f}",
        )
    return shown


def finding(data: Roc) -> str:
    """The areas after tuning, with those before."""
    areas: dict[str, dict[str, float]] = {}
    for line in data.lines:
        areas.setdefault(line.architecture, {})[line.side] = line.area.value
    shown = (
        f"{name} {number(found['after'])} ({number(found['before'])} before)"
        if len(found) == len(_SIDES)
        else f"{name} {number(next(iter(found.values())))} ({next(iter(found))} tuning only)"
        for name, found in areas.items()
    )
    return f"Areas under the curves: {listed(shown)}."


def explain(data: Roc) -> str:
    """What the curves and areas are."""
    average = (
        f"Vertical averages of {data.seeds} seeds' curves; AUC is the mean of their areas. " if data.seeds > 1 else ""
    )
    return f"{average}Solid after tuning, dotted before. Click a name to hide its curve."


def _dash(side: Side) -> str:
    return "solid" if side == "after" else "dot"


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.round(values, 5)]
