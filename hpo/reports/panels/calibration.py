"""Whether probabilities can be taken at their word: reliability before and after tuning, one plot per architecture."""

from __future__ import annotations

from typing import NamedTuple

import plotly.graph_objects as go

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.calibration import Calibration, calibrate, calibrate_classes
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.figure import figure_text
from hpo.reports.plot.grid import cell
from hpo.reports.plot.looks import Looks
from hpo.reports.plot.side_curves import (
    LINES,
    SIDES,
    Side,
    add_reference,
    add_side_legend,
    after_words,
    from_to,
    side_plots,
)
from hpo.results.study import StudyResults
from hpo.results.words import before_note, listed, plural

_SCORES = {"Brier": "brier", "NLL": "nll", "ECE": "ece"}
_PERFECT = "perfect calibration"


class Reliability(NamedTuple):
    """The sides of one architecture that are tested."""

    architecture: str
    sides: dict[Side, Calibration]


class CalibrationCurves(NamedTuple):
    """Facts of the figure; ``positive`` is the class of label 1, empty where there are more than two."""

    seeds: int
    positive: str
    curves: list[Reliability]
    note: str = ""


def read(results: StudyResults, _options: PanelSettings) -> CalibrationCurves:
    """The sides that have test predictions.

    Raises:
        NotThereError: if none has.
    """
    labels, measured = results.test_labels, calibrate if len(results.classes) == 2 else calibrate_classes
    curves, seeds = [], 0
    for architecture in results.settings.architectures:
        predictions = results.headline_predictions(architecture)
        sides: dict[Side, Calibration] = {
            side: measured(labels, predictions[side], slides=results.test_slides)
            for side in SIDES
            if labels is not None and side in predictions
        }
        if sides:
            curves.append(Reliability(architecture, sides))
            seeds = max(seeds, *(len(predictions[side]) for side in sides))
    if not curves:
        raise NotThereError("No final training has been tested yet: the test split is still closed.")
    positive = results.classes[1] if len(results.classes) == 2 else ""
    return CalibrationCurves(seeds, positive, curves, before_note(results.settings.confirm.equal_training))


def draw(data: CalibrationCurves, looks: Looks) -> go.Figure:
    """One point per bin, with its interval after tuning; the scores stand above the plots."""
    notes = {
        of.architecture: [
            from_to(name, {side: getattr(found, field) for side, found in of.sides.items()})
            for name, field in _SCORES.items()
        ]
        for of in data.curves
    }
    shown = side_plots(notes, "Predicted", "Observed")
    for place, of in enumerate(data.curves):
        add_reference(shown, [(0, 0), (1, 1)], _PERFECT, place)
        colour, symbol = looks.colour(of.architecture), looks.symbol(of.architecture)
        for side, calibration in of.sides.items():
            bins = calibration.bins
            shown.add_scatter(
                x=[round(one.mean_probability, 4) for one in bins],
                y=[round(one.observed, 4) for one in bins],
                mode="lines+markers",
                name=f"{figure_text(of.architecture)} {side}",
                showlegend=False,
                line={"color": colour, **LINES[side]},
                marker={
                    "symbol": symbol if side == "after" else f"{symbol}-open",
                    "size": 7 if side == "after" else 5,
                    "color": colour,
                },
                error_y={
                    "array": [round(one.upper - one.observed, 4) for one in bins],
                    "arrayminus": [round(one.observed - one.lower, 4) for one in bins],
                    "thickness": 1.2,
                    "width": 3,
                    "visible": side == "after",
                },
                hovertemplate="predicted %{x:.3f}, observed %{y:.3f}",
                **cell(place),
            )
    add_side_legend(shown, [side for side in SIDES if any(side in of.sides for of in data.curves)], _PERFECT)
    return shown


def finding(data: CalibrationCurves) -> str:
    """The calibration error after tuning, with that before."""
    errors = listed(
        f"{of.architecture} {after_words({side: found.ece for side, found in of.sides.items()})}" for of in data.curves
    )
    return f"Expected calibration error (0 is best): {errors}."


def explain(data: CalibrationCurves) -> str:
    """The meaning of points, bars and numbers."""
    if not data.positive:
        return (
            f"A point is about a tenth of the probabilities that patches have of any class{_together(data)}: their "
            "mean, and the share of them that are right; bars are 95% intervals after tuning. On the dashed line a "
            "probability means what it says. Brier is the mean squared distance from the true class, NLL the mean "
            "cross-entropy, ECE the mean distance from the dashed line; of all three, less is better."
            f"{data.note}"
        )
    together = f" of {plural(data.seeds, 'seed')} together" if data.seeds > 1 else ""
    return (
        f"A point is about a tenth of the predictions{together}: their mean probability of {data.positive}, and the "
        "share of patches that are; bars are 95% intervals after tuning. On the dashed line a probability means what "
        f"it says; below it, the models call {data.positive} too readily. Brier is the mean squared error, NLL the "
        f"mean cross-entropy, ECE the mean distance from the dashed line; of all three, less is better.{data.note}"
    )


def _together(data: CalibrationCurves) -> str:
    return f" (of {plural(data.seeds, 'seed')} together)" if data.seeds > 1 else ""


_TITLE = "Calibration on the test split: predicted probability against what is observed"
PANEL = Panel(_TITLE, read, draw, finding, explain)
