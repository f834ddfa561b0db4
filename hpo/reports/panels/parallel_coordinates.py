"""Every trial of one architecture as a line through its factors to its objective; the axes lie below one another.

Lying axes leave room for their values on a phone, where upright ones side by side would not. The lines are ordinary
ones: plotly.js draws its own ``parcoords`` with WebGL, which printers and headless browsers often do without.
"""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.recipe.point import Point, Value
from hpo.reports.panel import NotThereError, Panel, shown_trials, stage_of
from hpo.reports.plot.figure import broken, figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.axis import FactorAxis, factor_axis
from hpo.results.study import StudyResults
from hpo.results.trainings import TrialResult
from hpo.results.trials import STAGES, from_best, thinned, value_of, varied_factors
from hpo.results.words import capital, factor_words, listed, metric_words, number, plural, range_words, value_words

MOST_TRIALS = 250
"""Lines drawn."""

_FIFTHS = ("best fifth", "", "", "", "worst fifth")  # the legend needs no more to be read
# From orange to blue over grey: told apart by people of every colour vision, on light paper and on dark.
_COLOURS = ("#e67e00", "#c48b4a", "#8f959c", "#7f97c4", "#5f8ad3")
_OPACITIES = (0.95, 0.85, 0.75, 0.7, 0.7)
_WIDTHS = (2.4, 1.7, 1.3, 1.2, 1.2)


class Path(NamedTuple):
    """One trial: its place on each axis from 0 to 1 (None where it has no such factor), the objective's last."""

    number: int
    places: list[float | None]
    fifth: int


class Narrowest(NamedTuple):
    """The factor that the best fifth of the trials agree on most.

    Args:
        factor: by name.
        values: those that all of them have, or all but the outermost tenth to either side.
        share: of the axis that these values take up.
        trials: how many the best fifth are.
        trimmed: whether outermost ones were left aside.
        worst: the least good objective among them.
    """

    factor: str
    values: str
    share: float
    trials: int
    trimmed: bool
    worst: float


class ParallelCoordinates(NamedTuple):
    """Facts of the figure: axes from top to bottom, the objective's last, and the trials, the best one first."""

    architecture: str
    stage: str
    metric: str
    axes: list[FactorAxis]
    paths: list[Path]
    trials: int
    narrowest: Narrowest | None
    """None where no factor applies to all of the best."""


def title(_results: StudyResults, options: PanelSettings) -> str:
    """Names the stage, and the architecture if the options do."""
    of = "" if options.architecture is None else f" of {options.architecture}"
    return f"{capital(STAGES[stage_of(options)])}'s trials{of} as lines through their factors"


def read(results: StudyResults, options: PanelSettings) -> ParallelCoordinates:
    """A stage's finished trials of one architecture, through the factors that they vary.

    Raises:
        NotThereError: if none has finished yet, none differs from another, or the study has no such architecture.
    """
    settings, stage = results.settings, stage_of(options)
    architecture, trials = shown_trials(results, options)
    varied = varied_factors(trials)
    if not varied:
        raise NotThereError(f"The finished trials of {architecture} in {STAGES[stage]} do not differ in any factor.")
    points: list[tuple[TrialResult, Point]] = [
        (trial, {**trial.point, "": value_of(trial)}) for trial in from_best(settings.objective, trials)
    ]
    axes = [
        factor_axis(settings, name, (point[name] for _, point in points if name in point)) for name in [*varied, ""]
    ]
    paths = [
        Path(
            trial.number,
            [round(axis.share(point[axis.factor]), 4) if axis.factor in point else None for axis in axes],
            5 * rank // len(points),
        )
        for rank, (trial, point) in enumerate(points)
    ]
    best = [point for _, point in points[: -(-len(points) // 5)]]
    # A factor that does not apply to some of them is nothing that they agree on.
    shared = [axis for axis in axes[:-1] if all(axis.factor in point for point in best)]
    kept = [_kept(axis, [point[axis.factor] for point in best]) for axis in shared]
    worst = float(best[-1][""])
    narrowest = min(
        (Narrowest(*one, len(best), len(best) // 10 > 0, worst) for one in kept),
        key=lambda one: one.share,
        default=None,
    )
    return ParallelCoordinates(
        architecture,
        STAGES[stage],
        settings.objective.metric,
        axes,
        thinned(paths, MOST_TRIALS),
        len(trials),
        narrowest,
    )


def draw(data: ParallelCoordinates, looks: Looks) -> go.Figure:
    """One row per axis, one line per trial; better ones are thicker, more orange, and on top."""
    names = [capital(factor_words(axis.factor)) for axis in data.axes[:-1]] + [capital(metric_words(data.metric))]
    rows = list(range(len(names)))
    shown = figure(
        110 + 62 * len(rows),
        legend=LEGEND_ABOVE | {"traceorder": "reversed"},
        margin={"l": 62, "r": 18, "t": 18, "b": 18},
        xaxis={"range": [-0.05, 1.05], "showgrid": False, "zeroline": False, "showline": False, "ticks": ""},
        yaxis={
            "range": [rows[-1] + 0.45, -0.3],
            "tickvals": rows,
            "ticktext": [broken(name, 14) for name in names],
            "zeroline": False,
            "showline": False,
            "ticks": "",
        },
    )
    shown.update_xaxes(showticklabels=False)
    for fifth in reversed(range(len(_FIFTHS))):
        paths = [path for path in data.paths if path.fifth == fifth and path is not data.paths[0]]
        _draw_paths(shown, paths, rows, _FIFTHS[fifth], faded(_COLOURS[fifth], _OPACITIES[fifth]), _WIDTHS[fifth])
    best = data.paths[0]
    _draw_paths(shown, [best], rows, f"best: trial {best.number}", looks.colour(data.architecture), 3)
    shown.data[-1].update(mode="lines+markers", marker={"symbol": looks.symbol(data.architecture), "size": 10})
    for row, axis in enumerate(data.axes):
        ticks = [(axis.share(axis.words[int(at)] if axis.words else at), text) for at, text in axis.ticks()]
        shown.add_scatter(
            x=[share for share, _ in ticks],
            y=[row] * len(ticks),
            # Words would touch their neighbours on a phone: every other one stands a line lower.
            text=[
                "<br>" * (bool(axis.words) and place % 2) + figure_text(text) for place, (_, text) in enumerate(ticks)
            ],
            mode="markers+text",
            # At an end, towards the middle: a word would be cut off, or stand on the axis' name.
            textposition=[_side(share) for share, _ in ticks],
            textfont={"size": 11},
            marker={"symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": NEUTRAL}},
            showlegend=False,
            hoverinfo="skip",
        )
    return shown


def finding(data: ParallelCoordinates) -> str:
    """The factor that the best trials agree on most."""
    one, metric = data.narrowest, metric_words(data.metric)
    if one is None:
        return (
            f"The best fifth of {data.architecture}'s {plural(data.trials, 'trial')} have no varied factor in common."
        )
    if one.trials < 2:
        return f"{data.architecture} has {plural(data.trials, 'trial')}: too few to tell what the best ones share."
    trials = f"{data.architecture}'s {plural(data.trials, 'trial')}"
    who = "four in five of them have" if one.trimmed else "all have"
    share = f", {one.share:.0%} of the axis" if one.share else ""
    return (
        f"The best fifth of {trials} ({metric} {number(one.worst)} or better) agree most on "
        f"{factor_words(one.factor)}: {who} {one.values}{share}."
    )


def explain(data: ParallelCoordinates) -> str:
    """The meaning of a line."""
    few = len(data.paths)
    thin = f" {few} of {plural(data.trials, 'trial')} are drawn, spread evenly by rank." if few < data.trials else ""
    return (
        f"One line per trial of {data.architecture} in {data.stage}, from its first factor at the top to its objective "
        f"at the bottom; better trials are thicker and more orange. Factors that do not vary are left out.{thin}"
    )


def _kept(axis: FactorAxis, values: list[Value]) -> tuple[str, str, float]:
    ordered = sorted(values, key=axis.place)
    aside = len(ordered) // 10
    ordered = ordered[aside : len(ordered) - aside]
    if axis.words:
        words = [word for word in axis.words if word in ordered]
        return axis.factor, listed(value_words(word) for word in words), (len(words) - 1) / (len(axis.words) - 1)
    low, high = ordered[0], ordered[-1]
    return axis.factor, range_words(low, high), axis.share(high) - axis.share(low)


def _side(share: float) -> str:
    return "bottom right" if share < 0.1 else "bottom left" if share > 0.9 else "bottom center"


def _draw_paths(shown: go.Figure, paths: list[Path], rows: list[int], name: str, colour: str, width: float) -> None:
    """Several lines as one trace, with a gap after each: a trace costs more than a gap."""
    shown.add_scatter(
        x=[place for path in paths for place in (*path.places, None)],
        y=[row for _ in paths for row in (*rows, None)],
        mode="lines",
        name=name,
        showlegend=bool(name),
        connectgaps=False,
        line={"color": colour, "width": width},
        hoverinfo="skip",
    )


PANEL = Panel(title, read, draw, finding, explain)
OPTIONS = (
    "architecture",
    "stage",
)
