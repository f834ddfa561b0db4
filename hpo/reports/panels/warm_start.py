"""The worth of warm weights over the epochs: the tuned configuration from stage 1's weights and from random ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.objective import Curve, gain
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.band import add_band
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell, few_whole_ticks, label_axes, plot_grid
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from hpo.results.words import capital, count, listed, metric_words, number, plural

_LOOKS: dict[Role, tuple[str, str, float]] = {
    "after": ("tuned, warm start", "solid", 2.4),
    "cold_control": ("tuned, cold start", "dash", 2.0),
    "before": ("before tuning", "dot", 1.5),
}
_MOST_EPOCHS = 200


class Curves(NamedTuple):
    """One role of one architecture: mean, smallest and largest value over the seeds, one per epoch shown."""

    role: Role
    seeds: int
    mean: list[float]
    low: list[float]
    high: list[float]


class Start(NamedTuple):
    """One architecture.

    ``caught_up`` is the epoch from which the cold start is level with the warm one, or None; ``lead`` is what the
    warm start has more at the end (negative if less), in the metric's own direction.
    """

    architecture: str
    epochs: list[int]
    curves: list[Curves]
    caught_up: int | None
    lead: float
    donor_epochs: int | None


class WarmStart(NamedTuple):
    """Facts of the figure; ``is_thin`` is whether only some epochs of long trainings are drawn."""

    metric: str
    starts: list[Start]
    is_thin: bool


def title(results: StudyResults, options: PanelSettings) -> str:
    """Names the metric."""
    return f"Warm against cold start: validation {metric_words(_metric(results, options))} over the epochs"


def read(results: StudyResults, options: PanelSettings) -> WarmStart:
    """Architectures whose tuned configuration has been trained from warm and from random weights.

    Raises:
        NotThereError: if there is none.
    """
    if not results.settings.stage2.may_start_warm:
        raise NotThereError("Stage 2 of this study starts from random weights (stage2.warm_start: cold).")
    metric = _metric(results, options)
    starts = []
    for architecture in results.settings.architectures:
        found = {role: _finished_curves(results, architecture, role, metric) for role in _LOOKS}
        if found["after"].size and found["cold_control"].size:
            starts.append(_start(results, architecture, found, sign=gain(metric, 1.0)))
    if not starts and results.only_cold_chosen:
        raise NotThereError("Every configuration that stage 2 chose starts from random weights (warm_start: cold).")
    if not starts:
        asked = results.settings.confirm.cold_control
        later = "has not been trained yet" if asked else "is not part of this study (confirm.cold_control)"
        raise NotThereError(f"The cold-start control {later}.")
    return WarmStart(metric, starts, any(len(start.epochs) < start.epochs[-1] for start in starts))


def draw(data: WarmStart, looks: Looks) -> go.Figure:
    """One plot per architecture: mean curves, and bands over the seeds of the two starts."""
    shown = plot_grid([figure_text(start.architecture, line=24) for start in data.starts], 190, 66, same_x=True)
    for number_of_plot, start in enumerate(data.starts):
        place, colour = cell(number_of_plot), looks.colour(start.architecture)
        for curves in start.curves:
            name, dash, width = _LOOKS[curves.role]
            epochs = start.epochs[: len(curves.mean)]
            if curves.role != "before":
                add_band(shown, epochs, curves.low, curves.high, name, faded(colour, 0.16), **place)
            shown.add_scatter(
                x=epochs,
                y=curves.mean,
                mode="lines" if len(epochs) > 1 else "markers",
                name=name,
                showlegend=False,
                line={"color": colour, "dash": dash, "width": width},
                hovertemplate="epoch %{x}: %{y:.4f}",
                **place,
            )
        if start.caught_up is not None:
            shown.add_vline(start.caught_up, line={"color": NEUTRAL, "width": 1, "dash": "dot"}, **place)
    for role in dict.fromkeys(curves.role for start in data.starts for curves in start.curves):
        name, dash, width = _LOOKS[role]
        line = {"color": NEUTRAL, "dash": dash, "width": width}
        shown.add_scatter(x=[None], y=[None], mode="lines", name=name, line=line)
    shown.update_xaxes(**few_whole_ticks(max(start.epochs[-1] for start in data.starts)))
    label_axes(shown, "Epoch", f"Validation {metric_words(data.metric)}")
    return shown


def finding(data: WarmStart) -> str:
    """The epochs at which the cold start catches up, or how far it stays behind."""
    caught = [f"{start.architecture} from epoch {count(start.caught_up)}" for start in data.starts if start.caught_up]
    behind = [start for start in data.starts if start.caught_up is None]
    leads = listed(f"{start.architecture} by {number(abs(start.lead))}" for start in behind)
    epochs = plural(max(start.epochs[-1] for start in data.starts), "epoch")
    metric = metric_words(data.metric)
    late = f"is still behind the warm start after {epochs}, in validation {metric}: {leads}"
    if not caught:
        return f"The cold start {late}."
    early = f"catches up with the warm start in validation {metric}: {listed(caught)}"
    if not behind:
        return f"The cold start {early}."
    return f"The cold start {early}; it is still behind after {epochs}: {leads}."


def explain(data: WarmStart) -> str:
    """The meaning of lines and bands, and what the comparison leaves out."""
    seeds = max(curves.seeds for start in data.starts for curves in start.curves)
    band = f"Means over {plural(seeds, 'seed')}, with bands from the lowest to the highest; " if seeds > 1 else ""
    earlier = sorted({start.donor_epochs for start in data.starts if start.donor_epochs})
    before = (
        f" The weights of the warm start had been trained for {listed(map(count, earlier))} epochs in stage 1 before "
        "its first epoch here."
        if earlier
        else ""
    )
    thin = " Of long trainings, only some epochs are drawn." if data.is_thin else ""
    return (
        f"{capital(band)}{'the' if band else 'The'} upright line is where the cold start has caught up: from there "
        f"on its mean is within what the warm start's seeds reach, or better, on average to the end.{before}{thin}"
    )


def _metric(results: StudyResults, options: PanelSettings) -> str:
    return options.metric or results.settings.objective.metric


def _finished_curves(results: StudyResults, architecture: str, role: Role, metric: str) -> NDArray[np.float64]:
    """``(S, E)`` values of finished trainings, as many epochs as all of them have; empty where there is none."""
    curves: list[Curve] = [training.curve for training in results.trained_finals(architecture, role)]
    columns = [[epoch[f"valid_{metric}"] for epoch in curve if f"valid_{metric}" in epoch] for curve in curves]
    shortest = min(map(len, columns), default=0)
    return np.array([values[:shortest] for values in columns], np.float64)


def _start(
    results: StudyResults, architecture: str, found: Mapping[Role, NDArray[np.float64]], *, sign: float
) -> Start:
    last = min(found[role].shape[1] for role in ("after", "cold_control"))
    warm, cold = (sign * found[role][:, :last] for role in ("after", "cold_control"))
    shown = np.unique(np.linspace(0, last - 1, min(last, _MOST_EPOCHS)).round().astype(int))
    donors = [training.donor[1] for training in results.finals(architecture, "after") if training.donor is not None]
    return Start(
        architecture,
        [int(index) + 1 for index in shown],
        [_curves(role, values[:, shown[shown < values.shape[1]]]) for role, values in found.items() if values.size],
        _caught_up(cold.mean(axis=0) - warm.min(axis=0)),
        float(warm.mean(axis=0)[-1] - cold.mean(axis=0)[-1]),
        donors[0] if donors else None,
    )


def _curves(role: Role, values: NDArray[np.float64]) -> Curves:
    mean, low, high = (
        [float(value) for value in np.round(line, 5)]
        for line in (values.mean(axis=0), values.min(axis=0), values.max(axis=0))
    )
    return Curves(role, len(values), mean, low, high)


def _caught_up(ahead: NDArray[np.float64]) -> int | None:
    """The first epoch at which the cold start is level, and from which on it is so on average to the end, or None.

    Args:
        ahead: ``(E,)``, its mean minus the smallest of the warm start's seeds.
    """
    remaining = np.cumsum(ahead[::-1])[::-1]
    level = np.flatnonzero((ahead >= 0) & (remaining >= 0))
    return int(level[0]) + 1 if len(level) else None


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = ("metric",)
