"""Scores of whole slides, where it is known which of them have tumour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo.evaluation.froc import RATES, Froc, froc
from hpo.evaluation.newcombe import Area, auc_with_interval
from hpo.slides.agreement import Agreement
from hpo.slides.score import Score

MEASURES = {
    "maximum": "largest probability of a cell",
    "percentile_95": "95th percentile of the cells",
    "tumour_share": "share of tissue above the threshold",
}
"""Numbers that a slide may be called by, and what they are."""


@dataclass(frozen=True)
class SlideScores:
    """How well whole slides are told apart, and their lesions found.

    Args:
        slides, positive: how many slides have a label, and how many of them tumour.
        areas: of each of `MEASURES` the area under the ROC curve; empty without both kinds of slides.
        froc: of the lesions; None without annotations.
    """

    slides: int
    positive: int
    areas: dict[str, Area]
    froc: Froc | None

    def lines(self) -> list[str]:
        """For people."""
        counted = f"{self.slides} labelled slides, {self.positive} with tumour"
        if not self.areas:
            return [f"{counted}: slides of both kinds are needed for an AUC"]
        told = [
            f"AUC by slide, {MEASURES[name]}: {area.value:.3f} ({area.low:.3f} to {area.high:.3f})"
            for name, area in self.areas.items()
        ]
        if self.froc is not None:
            at = ", ".join(
                f"{share:.3f} at {rate:g}" for rate, share in zip(RATES, self.froc.sensitivities, strict=True)
            )
            told.append(f"FROC {self.froc.score:.3f} of {self.froc.lesions} lesions; found {at} false alarms per slide")
        return [counted, *told]

    def to_json(self) -> str:
        """The text of ``slide_scores.json``."""
        values: dict[str, object] = {
            "slides": self.slides,
            "positive": self.positive,
            "auc": {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in self.areas.items()},
        }
        if self.froc is not None:
            values["froc"] = {
                "score": self.froc.score,
                "false_alarms_per_slide": list(RATES),
                "sensitivity": list(self.froc.sensitivities),
                "lesions": self.froc.lesions,
            }
        return json.dumps(values, indent=2) + "\n"


def score_slides(scores: Sequence[tuple[Score, int, Agreement | None]]) -> SlideScores:
    """Scores of slides.

    Args:
        scores: of each slide its numbers, its label, and how far it agrees with its annotations, if it has any or is
            known to have no tumour.
    """
    labels = np.array([label for _, label, _ in scores])
    areas = {}
    if len(set(labels.tolist())) == 2:
        areas = {
            name: auc_with_interval(labels, np.array([getattr(score, name) for score, _, _ in scores]))
            for name in MEASURES
        }
    compared = [agreement for _, _, agreement in scores if agreement is not None]
    lesions = np.array([score for one in compared for score in one.lesions])
    alarms = np.array([score for one in compared for score in one.alarms])
    found = froc(lesions, alarms, len(compared)) if len(lesions) else None
    return SlideScores(len(labels), int(labels.sum()), areas, found)
