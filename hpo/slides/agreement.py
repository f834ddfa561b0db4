"""How far a prediction agrees with what a pathologist outlined."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from hpo.evaluation.areas import Ranking
from hpo.slides.annotations import Annotations
from hpo.slides.prediction import Prediction

NEARBY = 37.5
"""Micrometres around a lesion that still count as it; so lesions less than 75 apart are one, as in CAMELYON16."""
LEAST = 0.1
"""Probability that a detection must have."""


@dataclass(frozen=True)
class Agreement:
    """A slide's prediction beside its annotations.

    Args:
        annotated_mm2: outlined tissue.
        dice: of outlined tissue and tissue above the threshold, by area; NaN if there is neither.
        auc: area under the ROC curve over cells, those counted as tumour that are more than half outlined; NaN if a
            class is missing.
        sensitivity, specificity: shares of outlined tissue above, and of other tissue not above, the threshold; NaN
            without any.
        lesions: of each lesion, the largest probability of a detection in it; NaN if there is none.
        alarms: probabilities of the detections in no lesion.
    """

    annotated_mm2: float
    dice: float
    auc: float
    sensitivity: float
    specificity: float
    lesions: tuple[float, ...]
    alarms: tuple[float, ...]


def agreement_with(prediction: Prediction, annotations: Annotations | None) -> Agreement:
    """Compare a prediction with its slide's annotations.

    Args:
        prediction: of the slide.
        annotations: of the slide; None if it has no tumour.
    """
    fine = max(1, prediction.grid.size // 12)
    side = fine * prediction.factor
    mask = np.zeros((1, 1), bool) if annotations is None else annotations.mask(*prediction.size, side)
    shares = _shares(mask, prediction.grid.cells, prediction.cell / side)
    areas, above = prediction.cell_areas, prediction.above
    truth = areas * shares
    both, outlined, called = float(truth[above].sum()), float(truth.sum()), float(areas[above].sum())
    other = float(areas.sum()) - outlined
    known = np.isfinite(prediction.probability)
    ranking = Ranking.of((shares[known] > 0.5).astype(int), prediction.probability[known])
    lesions, alarms = _detections(prediction, mask, side)
    return Agreement(
        annotated_mm2=outlined,
        dice=_ratio(2 * both, outlined + called),
        auc=float(ranking.areas(np.ones((int(known.sum()), 1), np.int32))[0]) if ranking.has_both_classes else math.nan,
        sensitivity=_ratio(both, outlined),
        specificity=_ratio(other - (called - both), other),
        lesions=lesions,
        alarms=alarms,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan


def _shares(mask: npt.NDArray[np.bool_], shape: tuple[int, int], per_cell: float) -> npt.NDArray[np.float64]:
    """Share of each cell that is outlined."""
    total = np.pad(mask, ((1, 0), (1, 0))).cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    rows, columns = (
        np.clip(np.rint(np.arange(count + 1) * per_cell), 0, length).astype(np.int64)
        for count, length in zip(shape, mask.shape, strict=True)
    )
    corners = total[rows[:, None], columns[None, :]]
    inside = corners[1:, 1:] - corners[:-1, 1:] - corners[1:, :-1] + corners[:-1, :-1]
    return np.asarray(inside / per_cell**2).clip(0, 1)


def _detections(
    prediction: Prediction, mask: npt.NDArray[np.bool_], side: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Highest probability in each lesion, and those of the detections in none.

    Detections are the peaks of the map: cells above all others of as many tiles around as one tile covers.
    """
    values = np.nan_to_num(prediction.probability, nan=0.0)
    window = 2 * prediction.grid.overlap + 1
    peaks = (values == ndimage.maximum_filter(values, window)) & (values >= LEAST)
    labels, count = ndimage.label(peaks)  # level neighbours are one peak
    places = np.rint(ndimage.center_of_mass(peaks, labels, range(1, count + 1))).astype(int).reshape(-1, 2)
    scores = values[peaks][np.unique(labels[peaks], return_index=True)[1]] if count else np.zeros(0)
    lesions, lesion_count = _lesions(mask, NEARBY / (side * prediction.slide_mpp))
    best = [math.nan] * lesion_count
    alarms = []
    for (row, column), score in zip(places.tolist(), scores.tolist(), strict=True):
        y, x = (int((place + 0.5) * prediction.cell / side) for place in (row, column))
        hit = int(lesions[y, x]) if y < lesions.shape[0] and x < lesions.shape[1] else 0
        if hit:
            best[hit - 1] = score if math.isnan(best[hit - 1]) else max(best[hit - 1], score)
        else:
            alarms.append(score)
    return tuple(best), tuple(alarms)


def _lesions(mask: npt.NDArray[np.bool_], reach: float) -> tuple[npt.NDArray[np.int32], int]:
    """Numbered lesions, each with its surroundings."""
    if not mask.any():
        return np.zeros(mask.shape, np.int32), 0
    near = np.asarray(ndimage.distance_transform_edt(~mask)) <= reach
    labels, count = ndimage.label(near, np.ones((3, 3)))
    return np.asarray(labels, np.int32), int(count)
