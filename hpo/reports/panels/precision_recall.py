"""Precision-recall curves with their average precision, before and after tuning, one plot per architecture."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.estimate import Interval
from hpo.evaluation.precision_recall import average_precision, average_precision_interval, precision_recall_band
from hpo.reports.classes.curves import ClassCurves, curves_explain, curves_finding, read_curves
from hpo.reports.classes.curves import draw_curves as draw_classes
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.looks import Looks
from hpo.reports.plot.side_curves import SIDES, SideCurve, areas_in_words, draw_curves, rounded
from hpo.results.study import StudyResults
from hpo.results.words import before_note, capital, listed, number

_RESAMPLES = 500
_FEWEST = 2  # of the side before tuning only the mean is drawn, which does not come from resamples


class PrecisionRecall(NamedTuple):
    """Facts of the figure; ``share`` is that of label-1 patches, of class ``positive``."""

    seeds: int
    share: float
    positive: str
    lines: list[SideCurve]
    note: str = ""
    intervals: dict[str, Interval] = {}  # noqa: RUF012 - never changed
    """Of the average precision after tuning, by architecture."""


def read(results: StudyResults, _options: PanelSettings) -> PrecisionRecall | ClassCurves:
    """The sides that have test predictions.

    Raises:
        NotThereError: if none has, or the test split holds one class only.
    """
    if len(results.classes) > 2:
        return read_curves(results, "precision_recall")
    labels = results.test_labels
    if labels is None:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    if len(set(labels.tolist())) < 2:
        raise NotThereError("The test split holds patches of one class only: there is no precision-recall curve.")
    lines, intervals, seeds = [], {}, 0
    for architecture in results.settings.architectures:
        predictions = results.headline_predictions(architecture)
        for side in SIDES:
            if side in predictions:
                rows = predictions[side]
                resamples = _RESAMPLES if side == "after" else _FEWEST
                band = precision_recall_band(labels, rows, results.test_slides, resamples=resamples)
                if side == "after":
                    intervals[architecture] = average_precision_interval(labels, rows, results.test_slides)
                edges = (band.low, band.high) if side == "after" else ((), ())
                area = fmean(average_precision(labels, row) for row in rows)
                lines.append(SideCurve(architecture, side, area, *map(rounded, (band.x, band.mean, *edges))))
                seeds = max(seeds, len(rows))
    if not lines:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    note = before_note(results.settings.confirm.equal_training)
    return PrecisionRecall(seeds, float(labels.mean()), results.classes[1], lines, note, intervals)


def draw(data: PrecisionRecall | ClassCurves, looks: Looks) -> go.Figure:
    """After tuning solid in its band, before tuning dotted; the average precision stands above the plots."""
    if isinstance(data, ClassCurves):
        return draw_classes(data, looks)
    chance = [(0.0, data.share), (1.0, data.share)]
    called = f"share of {figure_text(data.positive)} patches"
    return draw_curves(data.lines, looks, ("Recall", "Precision"), chance, area="AP", called=called)


def finding(data: PrecisionRecall | ClassCurves) -> str:
    """The average precision after tuning, with that before."""
    if isinstance(data, ClassCurves):
        return curves_finding(data)
    ends = listed(f"{name} {number(low)} to {number(high)}" for name, (low, high) in data.intervals.items())
    intervals = f" 95% interval after tuning: {ends}." if ends else ""
    return f"Average precision: {areas_in_words(data.lines)}; chance would reach {number(data.share)}.{intervals}"


def explain(data: PrecisionRecall | ClassCurves) -> str:
    """The meaning of curves and bands."""
    if isinstance(data, ClassCurves):
        return curves_explain(data)
    average = f"Averages of {data.seeds} seeds' curves at equal recall; " if data.seeds > 1 else ""
    text = f"{average}bands are pointwise 95% intervals after tuning; AP is the average precision.{data.note}"
    return capital(text)


PANEL = Panel("Precision-recall curves on the test split", read, draw, finding, explain)
