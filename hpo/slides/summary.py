"""The numbers of one slide, for people and programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpo.slides.agreement import Agreement
from hpo.slides.annotations import Annotations
from hpo.slides.geojson import Region, positive_regions
from hpo.slides.predict import Predictor
from hpo.slides.prediction import Prediction
from hpo.slides.score import Score

FORMAT = 1
TOP = 12
"""Tiles that are shown as pictures."""
TILES, HEAT_MAP, PROBABILITY = "tiles.csv", "heatmap.png", "probability.ome.tif"
REGIONS, PAGE, SUMMARY = "regions.geojson", "slide.html", "summary.json"
OUTPUTS = (TILES, HEAT_MAP, REGIONS, PAGE, SUMMARY)
"""The files that every finished slide has."""
_COMPARED = ("annotated_mm2", "dice", "auc", "sensitivity", "specificity")


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a slide's tumour.

    Args:
        annotations: its outlines; None if it has no tumour.
        sha256: of their file.
        positive: names that were to be tumour; the usual ones if empty.
    """

    annotations: Annotations | None
    sha256: str
    positive: tuple[str, ...] = ()


@dataclass(frozen=True)
class TopTile:
    """A tile of high probability.

    Args:
        x, y: its corner, pixels of level 0.
        side: pixels of level 0.
        probability: of the tile.
    """

    x: int
    y: int
    side: int
    probability: float


@dataclass(frozen=True)
class Summary:
    """A slide in numbers.

    Args:
        prediction: what it is of.
        regions: above the threshold, the largest first.
        top: the tiles of highest probability that do not overlap.
        truth: what is known of it.
        agreement: with that.
    """

    prediction: Prediction
    regions: tuple[Region, ...]
    top: tuple[TopTile, ...]
    truth: Truth | None = None
    agreement: Agreement | None = None

    def to_json(self) -> str:
        """The text of ``summary.json``."""
        one = self.prediction
        largest = self.regions[0] if self.regions else None
        values = {
            "format": FORMAT,
            "slide": {
                "file": one.path.name,
                "width": one.size[0],
                "height": one.size[1],
                "microns_per_pixel": round(one.slide_mpp, 6),
            },
            "model": {"name": one.model, "sha256": one.model_sha256, "positive": one.positive},
            "settings": {
                "microns_per_pixel": round(one.mpp, 6),
                "tile": one.grid.size,
                "stride": one.grid.stride,
                "threshold": one.threshold,
                "threshold_chosen": one.threshold_chosen,
            },
            "tiles": int(np.isfinite(one.tiles).sum()),
            "tissue_mm2": round(one.tissue_area, 6),
            "tumour_mm2": round(one.tumour_area, 6),
            "tumour_share": round(one.tumour_share, 6),
            "mean_probability": _number(one.mean),
            "maximum": _number(one.maximum),
            "percentile_95": _number(one.percentile_95),
            "regions": len(self.regions),
            "largest_region": None
            if largest is None
            else {"mm2": round(largest.area, 6), "mean": _number(largest.mean), "maximum": _number(largest.maximum)},
            "top_tiles": [asdict(tile) | {"probability": _number(tile.probability)} for tile in self.top],
            "annotations": _agreement_json(self.truth, self.agreement),
            "digest": one.digest,
        }
        return json.dumps(values, indent=2) + "\n"


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _agreement_json(truth: Truth | None, agreement: Agreement | None) -> dict[str, object] | None:
    if truth is None or agreement is None:
        return None
    numbers = {name: _number(getattr(agreement, name)) for name in _COMPARED}
    return {
        "file": None if truth.annotations is None else truth.annotations.path.name,
        "sha256": truth.sha256,
        "names": list(truth.positive),
        **numbers,
        "lesions": [_number(score) for score in agreement.lesions],
        "false_alarms": [_number(score) for score in agreement.alarms],
    }


def summarize(prediction: Prediction, truth: Truth | None = None, agreement: Agreement | None = None) -> Summary:
    """The numbers of a slide."""
    regions, top = tuple(positive_regions(prediction)), tuple(_top_tiles(prediction))
    return Summary(prediction, regions, top, truth, agreement)


def finished_slide(
    folder: Path, name: str, predictor: Predictor, path: Path, truth: Truth | None
) -> tuple[Score, Agreement | None] | None:
    """The numbers of a slide that an earlier run has finished in just this way; None if there was none.

    Args:
        folder: of its outputs.
        name: of the slide.
        predictor: that would predict it.
        path: of the slide.
        truth: what is known of it.
    """
    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        if found["digest"] != predictor.digest(path) or found["settings"]["threshold"] != predictor.threshold:
            return None
        compared = found["annotations"]
        before = None if compared is None else (compared["sha256"], tuple(compared["names"]))
        if before != (None if truth is None else (truth.sha256, truth.positive)):
            return None
        if not all((folder / other).exists() for other in OUTPUTS):
            return None
        return _score(name, found), None if compared is None else _agreement(compared)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _score(name: str, found: dict[str, Any]) -> Score:
    return Score(
        name,
        width=int(found["slide"]["width"]),
        height=int(found["slide"]["height"]),
        tiles=int(found["tiles"]),
        probability=float(found["mean_probability"]),
        maximum=float(found["maximum"]),
        percentile_95=float(found["percentile_95"]),
        tumour_share=float(found["tumour_share"]),
        tumour_mm2=float(found["tumour_mm2"]),
        tissue_mm2=float(found["tissue_mm2"]),
    )


def _agreement(compared: dict[str, Any]) -> Agreement:
    def number(value: float | None) -> float:
        return math.nan if value is None else float(value)

    lesions, alarms = (tuple(map(number, compared[key])) for key in ("lesions", "false_alarms"))
    return Agreement(**{name: number(compared[name]) for name in _COMPARED}, lesions=lesions, alarms=alarms)


def _top_tiles(prediction: Prediction) -> list[TopTile]:
    rows, columns = np.nonzero(np.isfinite(prediction.tiles))
    values = prediction.tiles[rows, columns]
    apart = prediction.grid.overlap
    found: list[tuple[int, int]] = []
    for place in np.argsort(-values, kind="stable").tolist():
        row, column = int(rows[place]), int(columns[place])
        if all(abs(row - y) >= apart or abs(column - x) >= apart for y, x in found):
            found.append((row, column))
        if len(found) == TOP:
            break
    side = round(prediction.tile)
    return [
        TopTile(
            round(column * prediction.cell), round(row * prediction.cell), side, float(prediction.tiles[row, column])
        )
        for row, column in found
    ]
