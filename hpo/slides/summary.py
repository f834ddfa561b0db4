"""The numbers of one slide, for people and programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

import numpy as np

from hpo.slides.geojson import Region, positive_regions
from hpo.slides.prediction import Prediction

FORMAT = 1
TOP = 12
"""Tiles that are shown as pictures."""


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
    """

    prediction: Prediction
    regions: tuple[Region, ...]
    top: tuple[TopTile, ...]

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
            "digest": one.digest,
        }
        return json.dumps(values, indent=2) + "\n"


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def summarize(prediction: Prediction) -> Summary:
    """The numbers of a slide."""
    return Summary(prediction, tuple(positive_regions(prediction)), tuple(_top_tiles(prediction)))


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
