"""The numbers that one image comes to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpo.slides.prediction import Prediction


@dataclass(frozen=True)
class Score:
    """What one image comes to.

    Args:
        name: the image, relative to the folder that was named.
        width, height: pixels of level 0.
        tiles: predicted ones.
        probability: of a patch; of a larger image the mean of its tissue.
        maximum: largest of a cell.
        percentile_95: of the cells.
        tumour_share: share of the tissue above the threshold.
        tumour_mm2, tissue_mm2: areas; None for a patch.
    """

    name: str
    width: int
    height: int
    tiles: int
    probability: float
    maximum: float
    percentile_95: float
    tumour_share: float
    tumour_mm2: float | None = None
    tissue_mm2: float | None = None


def score_of(name: str, prediction: Prediction) -> Score:
    """The numbers of a slide."""
    return Score(
        name,
        *prediction.size,
        int(np.isfinite(prediction.tiles).sum()),
        prediction.mean,
        prediction.maximum,
        prediction.percentile_95,
        prediction.tumour_share,
        prediction.tumour_area,
        prediction.tissue_area,
    )
