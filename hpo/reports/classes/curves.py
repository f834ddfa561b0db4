"""ROC and precision-recall curves of K classes, one against the rest: one plot per architecture, a line a class."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any, Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hpo.evaluation.metrics import area_under_roc
from hpo.evaluation.precision_recall import average_precision, precision_recall_band
from hpo.evaluation.roc import mean_roc, roc_curve
from hpo.reports.panel import NotThereError
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell
from hpo.reports.plot.looks import Looks
from hpo.reports.plot.side_curves import SIDES, Side, add_reference, after_words, from_to, rounded, side_plots
from hpo.results.study import StudyResults
from hpo.results.words import before_note, listed, number

Kind = Literal["roc", "precision_recall"]

_SHOWN = 10
"""The most classes that a plot shows: those with the smallest areas."""

_AREA: dict[Kind, Callable[[NDArray[Any], NDArray[Any]], float]] = {
    "roc": area_under_roc,
    "precision_recall": average_precision,
}
_NAMES: dict[Kind, tuple[str, str, str]] = {
    "roc": ("AUC", "False positive rate", "True positive rate"),
    "precision_recall": ("AP", "Recall", "Precision"),
}


class ClassCurve(NamedTuple):
    """One class against the rest, of the tuned models of one architecture: the mean curve over the seeds.

    Args:
        architecture: by name.
        label: of the class.
        areas: what the curve is summed up by, mean over the seeds, by side.
        x, y: of the tuned side.
    """

    architecture: str
    label: int
    areas: dict[Side, float]
    x: list[float]
    y: list[float]


class ClassCurves(NamedTuple):
    """Facts of the figure; ``macro`` has each architecture's mean area over all classes, by side."""

    kind: Kind
    seeds: int
    classes: tuple[str, ...]
    curves: list[ClassCurve]
    macro: dict[str, dict[Side, float]]
    note: str = ""


def read_curves(results: StudyResults, kind: Kind) -> ClassCurves:
    """The architectures whose tuned models have been tested.

    Raises:
        NotThereError: if there is none, or the test split lacks a class.
    """
    labels = results.test_labels
    if labels is None:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    every = range(len(results.classes))
    if len(set(labels.tolist())) < len(every):
        raise NotThereError("The test split lacks a class: there is no curve of it.")
    curves, macro, seeds = [], {}, 0
    for architecture in results.settings.architectures:
        predictions = results.headline_predictions(architecture)
        if "after" not in predictions:
            continue
        rows = predictions["after"]
        seeds = max(seeds, len(rows))
        found = []
        for label in every:
            areas = {
                side: fmean(_AREA[kind](labels == label, row[:, label]) for row in predictions[side])
                for side in SIDES
                if side in predictions
            }
            x, y = _mean_curve(kind, labels == label, rows[..., label])
            found.append(ClassCurve(architecture, label, areas, rounded(x), rounded(y)))
        macro[architecture] = {side: fmean(one.areas[side] for one in found) for side in found[0].areas}
        hardest = sorted(found, key=lambda one: one.areas["after"])[:_SHOWN]
        curves += sorted(hardest, key=lambda one: one.label)
    if not curves:
        raise NotThereError("No tuned model has been tested yet: the test split is still closed.")
    note = before_note(results.settings.confirm.equal_training)
    return ClassCurves(kind, seeds, results.classes, curves, macro, note)


def _mean_curve(
    kind: Kind, own: NDArray[np.bool_], rows: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if kind == "roc":
        return mean_roc([roc_curve(own, row) for row in rows])
    band = precision_recall_band(own, rows, None, resamples=2)  # of which only the mean is drawn
    return band.x, band.mean


def draw_curves(data: ClassCurves, looks: Looks) -> go.Figure:
    """The tuned models' curves in the classes' colours; the mean areas stand above the plots."""
    area, x, y = _NAMES[data.kind]
    shown = side_plots({name: [from_to(f"mean {area}", areas)] for name, areas in data.macro.items()}, x, y)
    named: set[int] = set()
    for place, name in enumerate(data.macro):
        if data.kind == "roc":
            add_reference(shown, [(0, 0), (1, 1)], "chance", place)
        for curve in (one for one in data.curves if one.architecture == name):
            colour, dash = looks.of_class(curve.label)
            word = figure_text(data.classes[curve.label])
            shown.add_scatter(
                x=curve.x,
                y=curve.y,
                mode="lines",
                name=word,
                legendgroup=word,
                showlegend=curve.label not in named,
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate=f"{word}: {area} {number(curve.areas['after'])}<br>%{{x:.3f}}, %{{y:.3f}}<extra></extra>",
                **cell(place),
            )
            named.add(curve.label)
    return shown


def curves_finding(data: ClassCurves) -> str:
    """The mean area after tuning, with that before, and the class that is hardest."""
    area = _NAMES[data.kind][0]
    means = listed(f"{name} {after_words(areas)}" for name, areas in data.macro.items())
    hard = min(data.curves, key=lambda one: one.areas["after"])
    return (
        f"Mean {area} over the classes: {means}; the hardest class is {data.classes[hard.label]}, with "
        f"{number(hard.areas['after'])} ({hard.architecture})."
    )


def curves_explain(data: ClassCurves) -> str:
    """The meaning of curves and areas."""
    average = f" Means of {data.seeds} seeds' curves." if data.seeds > 1 else ""
    some = f" Shown are the {_SHOWN} classes with the smallest areas." if len(data.classes) > _SHOWN else ""
    area = "AUC is the area under a curve" if data.kind == "roc" else "AP is the average precision"
    return (
        f"Each line is one class against the rest, by its own probability, after tuning. {area}; its mean weighs all "
        f"classes alike.{average}{some}{data.note}"
    )
