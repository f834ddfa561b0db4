"""ROC curves with their areas, before and after tuning, one plot per architecture (the paper's Fig. 9)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.metrics import METRICS
from hpo.evaluation.roc import mean_roc, roc_band, roc_curve
from hpo.reports.classes.curves import ClassCurves, curves_explain, curves_finding, read_curves
from hpo.reports.classes.curves import draw_curves as draw_classes
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.plot.side_curves import SIDES, Side, SideCurve, areas_in_words, draw_curves, from_to, rounded
from hpo.results.paper import TABLE_4, printed_sides
from hpo.results.study import StudyResults
from hpo.results.words import before_note, listed, number

_AUC = METRICS.index("auc")


class Roc(NamedTuple):
    """Facts of the figure; ``printed`` has the paper's areas before and after tuning, by architecture."""

    seeds: int
    lines: list[SideCurve]
    printed: dict[str, dict[Side, float]]
    note: str = ""


def read(results: StudyResults, options: PanelSettings) -> Roc | ClassCurves:
    """The sides that have test predictions.

    Raises:
        NotThereError: if none has, or the test split holds one class only.
    """
    if len(results.classes) > 2:
        return read_curves(results, "roc")
    labels = results.test_labels
    if labels is not None and len(set(labels.tolist())) < 2:  # before the comparison, which needs an AUC
        raise NotThereError("The test split holds patches of one class only: there is no ROC curve.")
    compared = results.comparison
    if not compared or labels is None:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    lines, seeds = [], 0
    for architecture, found in compared.items():
        predictions = results.headline_predictions(architecture)
        for side in SIDES:
            if side in predictions:
                rows = predictions[side]
                alarms, hits = mean_roc([roc_curve(labels, row) for row in rows])
                low = high = np.empty(0)
                if side == "after":
                    band = roc_band(labels, rows, results.test_slides)
                    # Curves begin in (0, 0), where a band of rates at no false positive has no say.
                    low, high = (np.concatenate(([0.0], edge)) for edge in (band.low, band.high))
                area = found.measured[found.role_of(side)].metrics["auc"].value
                lines.append(SideCurve(architecture, side, area, *map(rounded, (alarms, hits, low, high))))
                seeds = max(seeds, len(rows))
    if not lines:
        raise NotThereError("No architecture has been tested on either side yet.")
    printed = printed_sides("auc", dict.fromkeys(line.architecture for line in lines)) if options.paper else {}
    return Roc(seeds, lines, printed, before_note(results.settings.confirm.equal_training))


def draw(data: Roc | ClassCurves, looks: Looks) -> go.Figure:
    """After tuning solid in its band, before tuning dotted; the areas stand above the plots."""
    if isinstance(data, ClassCurves):
        return draw_classes(data, looks)
    notes = {name: [from_to("paper", areas, digits=2)] for name, areas in data.printed.items()}
    axes = "False positive rate", "True positive rate"
    return draw_curves(data.lines, looks, axes, [(0, 0), (1, 1)], area="AUC", called="chance", notes=notes)


def finding(data: Roc | ClassCurves) -> str:
    """The areas after tuning, with those before."""
    if isinstance(data, ClassCurves):
        return curves_finding(data)
    return f"Areas under the curves: {areas_in_words(data.lines)}."


def explain(data: Roc | ClassCurves) -> str:
    """The meaning of curves, bands and areas, and the numbers that are the paper's."""
    if isinstance(data, ClassCurves):
        return curves_explain(data)
    average = (
        f"Vertical averages of {data.seeds} seeds' curves; AUC is the mean of their areas. " if data.seeds > 1 else ""
    )
    band = f"Bands are pointwise 95% intervals after tuning.{data.note}"
    if not data.printed:
        return f"{average}{band}"
    longer = listed(f"{number(TABLE_4[name][_AUC], 2)} for {name}" for name in data.printed)
    return (
        f"{average}{band} Marked as the paper's: what it printed in Table 3, of other data and epochs; after 1,000 "
        f"epochs (Table 4) it printed {longer}."
    )


PANEL = Panel("ROC curves on the test split", read, draw, finding, explain)
OPTIONS = ("paper",)
