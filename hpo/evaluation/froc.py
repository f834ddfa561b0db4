"""Free-response ROC: which share of the lesions is found, at how many false alarms a slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False alarms per slide at which CAMELYON16 looks."""


@dataclass(frozen=True, eq=False)
class Froc:
    """Sensitivity by false alarms.

    Args:
        sensitivities: at each of `RATES`: the share of lesions that are found.
        score: their mean.
        lesions, slides: how many there are.
    """

    sensitivities: tuple[float, ...]
    score: float
    lesions: int
    slides: int


def froc(lesion_scores: NDArray[Any], false_scores: NDArray[Any], slides: int) -> Froc:
    """The FROC of detections that each have a score.

    Args:
        lesion_scores: of each lesion, the largest score of a detection in it; NaN if there is none.
        false_scores: of every detection in no lesion, of all slides together.
        slides: number of slides, with and without lesions.

    Returns:
        At each rate the share of lesions whose score is above the highest threshold that lets so few alarms through.

    Raises:
        ValueError: if there are no lesions or no slides.

    Source: Ehteshami Bejnordi et al. 2017 (CAMELYON16), supplement; the alarms of all slides count, as in its code.
    """
    lesions = np.asarray(lesion_scores, np.float64)
    alarms = np.sort(np.asarray(false_scores, np.float64))[::-1]
    if not len(lesions) or slides < 1:
        raise ValueError("a FROC needs lesions and slides")
    found = []
    for rate in RATES:
        allowed = int(np.floor(rate * slides + 1e-9))
        threshold = alarms[allowed] if allowed < len(alarms) else -np.inf
        with np.errstate(invalid="ignore"):
            found.append(float(np.mean(lesions > threshold)))
    return Froc(tuple(found), float(np.mean(found)), len(lesions), slides)
