"""Optimism of validation: the chosen trial, the same settings with other seeds, and their test results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal, NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.scores import KNOWN, score
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure, figure_text
from hpo.reports.plot.legend import LEGEND_ABOVE
from hpo.reports.plot.looks import NEUTRAL, Looks, faded
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation, TrialResult
from hpo.results.words import capital, count, listed, metric_words, number, plural

Step = Literal["chosen", "fresh", "repeated", "final", "test"]
_LOOKS: dict[Step, tuple[str, str]] = {
    "chosen": ("chosen trial, validation", "circle-open"),
    "fresh": ("recheck: same training, fresh seeds, validation", "circle"),
    "repeated": ("same training, other seeds, validation", "diamond-open"),
    "final": ("final trainings, validation", "diamond"),
    "test": ("final trainings, test", "square"),
}
_SPREAD = 0.21
"""Rows between the steps of one architecture, so that equal values do not hide each other."""


class Reached(NamedTuple):
    """A value of the objective's metric, with the ends of its 95% interval where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


class Gap(NamedTuple):
    """One architecture: what was reached in each step that is there, in the order of `_LOOKS`.

    ``first`` is what a recheck found of stage 2's own best: its value there, and the mean over the fresh seeds.
    """

    architecture: str
    steps: dict[Step, Reached]
    first: tuple[float, float] | None = None
    is_first_chosen: bool = True


class Optimism(NamedTuple):
    """Facts of the figure; ``sign`` is -1 where less is better."""

    metric: str
    sign: float
    gaps: list[Gap]
    trials: int
    trial_epochs: int
    final_epochs: int


def title(results: StudyResults, _options: PanelSettings) -> str:
    """Names the objective."""
    return f"From the chosen trial to the test split: {metric_words(results.settings.objective.metric)}"


def read(results: StudyResults, _options: PanelSettings) -> Optimism:
    """Architectures whose stage 2 has chosen, and whose choice has been trained with the final seeds.

    Raises:
        NotThereError: if there is none.
    """
    settings = results.settings
    gaps = []
    for architecture in settings.architectures:
        finals = results.trained_finals(architecture, "after")
        chosen = results.chosen_trial(architecture)
        if finals and chosen is not None:
            gaps.append(_gap(results, chosen, finals))
    if not gaps:
        raise NotThereError("No tuned configuration has been trained with the final seeds yet.")
    return Optimism(
        metric=settings.objective.metric,
        sign=settings.objective.gain(1.0),
        gaps=gaps,
        trials=max(len(results.finished("stage2", gap.architecture)) for gap in gaps),
        trial_epochs=settings.stage2.epochs,
        final_epochs=settings.confirm.epochs,
    )


def draw(data: Optimism, looks: Looks) -> go.Figure:
    """One stair per architecture, read from top to bottom; each step's value stands beside its mark."""
    rows = len(data.gaps)
    shown = figure(
        150 + 96 * rows,
        legend=LEGEND_ABOVE,
        xaxis={
            "title": {"text": metric_words(data.metric)},
            "tickformat": ".3~f",
            "nticks": 6,
            "range": _axis_range(data),
        },
        yaxis={
            "tickvals": list(range(rows)),
            "ticktext": [figure_text(gap.architecture, line=12) for gap in data.gaps],
            "range": [rows - 0.4, -0.55],
            "showgrid": False,
            "zeroline": False,
        },
    )
    for row, gap in enumerate(data.gaps):
        colour = looks.colour(gap.architecture)
        reached = list(gap.steps.values())
        places = [row + _SPREAD * (index - (len(reached) - 1) / 2) for index in range(len(reached))]
        for one, place in zip(reached, places, strict=True):
            if one.low is not None:
                line = {"color": faded(colour, 0.35), "width": 5}
                shown.add_scatter(x=[one.low, one.high], y=[place] * 2, mode="lines", line=line, showlegend=False)
        shown.add_scatter(
            x=[one.value for one in reached],
            y=places,
            mode="lines+markers+text",
            name=figure_text(gap.architecture),
            showlegend=False,
            line={"color": colour, "width": 1.5},
            marker={
                "symbol": [_LOOKS[step][1] for step in gap.steps],
                "size": 10,
                "color": colour,
                "line": {"width": 2, "color": colour},
            },
            text=[f" {number(one.value)} " for one in reached],
            cliponaxis=False,
            textposition=_text_positions(reached),
            hovertemplate="%{x:.4f}",
        )
    for step in dict.fromkeys(step for gap in data.gaps for step in gap.steps):
        name, symbol = _LOOKS[step]
        marker = {"symbol": symbol, "size": 10, "color": NEUTRAL, "line": {"width": 2, "color": NEUTRAL}}
        shown.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker)
    return shown


def finding(data: Optimism) -> str:
    """The optimism of validation for the chosen trial and the final models."""
    metric = metric_words(data.metric)
    parts = []
    curse = {gap.architecture: data.sign * (gap.first[0] - gap.first[1]) for gap in data.gaps if gap.first is not None}
    if curse:
        parts.append(f"the validation {metric} of stage 2's best trial is {_words(curse)} than fresh seeds repeat it")
        changed = [gap.architecture for gap in data.gaps if not gap.is_first_chosen]
        parts.append(
            f"the recheck chose another for {listed(changed)}" if changed else "the recheck chose it all the same"
        )
    rest = _differences(data, "fresh", "repeated")
    if rest:
        parts.append(f"the mean that chose is {_words(rest)} than the final seeds repeat it")
    search = _differences(data, "chosen", "repeated") or _differences(data, "chosen", "final")
    if (
        not curse
        and search
        and (data.trial_epochs == data.final_epochs or any("repeated" in gap.steps for gap in data.gaps))
    ):
        parts.append(f"the chosen trial's validation {metric} is {_words(search)} than other seeds repeat it")
    tested = _differences(data, "final", "test")
    if tested:
        parts.append(f"the final models' validation {metric} is {_words(tested)} than their test {metric}")
    if not parts:
        return f"The final models of {listed(gap.architecture for gap in data.gaps)} have not been tested yet."
    return f"{capital(('; ' if curse else ', and ').join(parts))}."


def explain(data: Optimism) -> str:
    """The reasons for the differences."""
    repeated = any("repeated" in gap.steps for gap in data.gaps)
    lengths = (
        f" The trial was trained for {plural(data.trial_epochs, 'epoch')} and so is what repeats it; the final "
        f"trainings take {count(data.final_epochs)}."
        if repeated
        else ""
    )
    recheck = (
        " So the best few were trained again with fresh seeds, and their means chose: a mean of several seeds that is "
        "chosen among few is nearer to what other seeds repeat."
        if any("fresh" in gap.steps for gap in data.gaps)
        else ""
    )
    return (
        f"The best of up to {plural(data.trials, 'trial')} is lucky on average, so its own validation value tends to "
        f"promise too much: other seeds, and patches that nothing was chosen on, show what is left of it.{lengths}"
        f"{recheck} The bar at the test value is its 95% interval."
    )


def _gap(results: StudyResults, chosen: TrialResult, finals: Sequence[Confirmation]) -> Gap:
    architecture = chosen.architecture
    best = next((one for one in results.candidates if (one.architecture, one.place) == (architecture, 1)), None)
    return Gap(
        architecture,
        _steps(results, chosen, finals),
        None if best is None or best.repeated is None else (best.searched, best.repeated),
        best is None or best.is_chosen,
    )


def _steps(results: StudyResults, chosen: TrialResult, finals: Sequence[Confirmation]) -> dict[Step, Reached]:
    """Values of the trial, its repetitions of equal length, the final trainings, and these on the test split."""
    settings = results.settings
    epochs = int(chosen.point.get("epochs", settings.stage2.epochs))
    steps: dict[Step, Reached] = {"chosen": Reached(chosen.objective or 0.0)}
    candidate = results.chosen(chosen.architecture)
    if candidate is not None and candidate.repeated is not None:
        steps["fresh"] = Reached(candidate.repeated)
    others = [
        training.curve[:epochs]
        for training in finals
        # The final training with the search's own seed is the chosen trial once more.
        if training.recipe_key != chosen.recipe_key and epochs < training.epochs and len(training.curve) >= epochs
    ]
    if others:
        steps["repeated"] = Reached(fmean(settings.objective.value(curve) for curve in others))
    steps["final"] = Reached(fmean(training.objective for training in finals if training.objective is not None))
    tested = _tested(results, chosen.architecture)
    if tested is not None:
        steps["test"] = tested
    return steps


def _tested(results: StudyResults, architecture: str) -> Reached | None:
    """The mean over seeds on the test split; the loss has no interval."""
    metric = results.settings.objective.metric
    rows = results.predictions(architecture).get("after")
    if rows is None or results.test_labels is None:
        return None
    if metric in METRICS:
        estimate = results.comparison[architecture].measured["after"].metrics[metric]
        return Reached(estimate.value, estimate.low, estimate.high)
    if metric not in KNOWN:  # a function of the user's own, which reports do not run
        return None
    return Reached(fmean(score(metric, results.test_labels, row) for row in rows))


def _text_positions(reached: Sequence[Reached]) -> list[str]:
    """Places clear of lines: beyond the end of an interval, or else on the side away from its neighbours."""
    positions = []
    for index, one in enumerate(reached):
        around = [near.value for near in (*reached[max(0, index - 1) : index], *reached[index + 1 : index + 2])]
        side = "right" if one.value >= fmean(around) else "left"
        positions.append("bottom center" if one.low is not None else f"middle {side}")
    return positions


def _axis_range(data: Optimism) -> list[float]:
    """All values and intervals, with room for the numbers beside them."""
    ends = [
        end
        for gap in data.gaps
        for one in gap.steps.values()
        for end in (one.value, one.low, one.high)
        if end is not None
    ]
    room = 0.25 * (max(ends) - min(ends)) or 0.05
    return [min(ends) - room, max(ends) + room]


def _differences(data: Optimism, first: Step, second: Step) -> dict[str, float]:
    """By how much the first is better, by architecture."""
    return {
        gap.architecture: data.sign * (gap.steps[first].value - gap.steps[second].value)
        for gap in data.gaps
        if first in gap.steps and second in gap.steps
    }


def _words(differences: Mapping[str, float]) -> str:
    """Such as ``0.012 better``, or ``0.001 worse (model2) to 0.012 better (model1)``."""
    worst, best = (pick(differences, key=differences.__getitem__) for pick in (min, max))
    if _better(differences[worst]) == _better(differences[best]):
        return _better(differences[best])
    return f"{_better(differences[worst])} ({worst}) to {_better(differences[best])} ({best})"


def _better(by: float) -> str:
    return f"{number(abs(by))} {'better' if by >= 0 else 'worse'}"


PANEL = Panel(title, read, draw, finding, explain)
