"""Regions as GeoJSON that QuPath opens (File > Import objects from file, or dropped on the image)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hpo.slides.outlines import Outline, regions_of
from hpo.slides.prediction import Prediction

COLOUR = (200, 60, 30)
_NAMES = uuid.UUID("6f1a3a0e-55f1-4c5b-9d0c-2f1d3f9c7a10")
"""QuPath wants every object to have a UUID; equal regions have equal ones."""


@dataclass(frozen=True)
class Region:
    """A connected region above the threshold.

    Args:
        outline: in cells.
        cells: how many.
        area: of tissue, square millimetres.
        mean, maximum: of the cells' probabilities.
    """

    outline: Outline
    cells: int
    area: float
    mean: float
    maximum: float


def positive_regions(prediction: Prediction) -> list[Region]:
    """The regions above the threshold, the largest first."""
    labels, outlines = regions_of(prediction.above)
    probability = np.nan_to_num(prediction.probability)
    count = len(outlines) + 1
    cells = np.bincount(labels.reshape(-1), minlength=count)
    sums = np.bincount(labels.reshape(-1), probability.reshape(-1), minlength=count)
    highest = np.zeros(count)
    np.maximum.at(highest, labels.reshape(-1), probability.reshape(-1))
    areas = prediction.areas(labels, count)
    found = [
        Region(one, int(cells[n]), float(areas[n]), float(sums[n] / cells[n]), float(highest[n]))
        for one in outlines
        for n in (one.number,)
    ]
    return sorted(found, key=lambda region: (-region.area, region.outline.number))


@dataclass(frozen=True)
class Feature:
    """One object of a GeoJSON file.

    Args:
        outline: in cells.
        cell: pixels of level 0 that a cell is wide.
        name: of its class.
        measurements: numbers that QuPath shows.
    """

    outline: Outline
    cell: float
    name: str
    measurements: Mapping[str, float] = field(default_factory=dict)


def feature_collection(features: Iterable[Feature], limits: tuple[int, int]) -> str:
    """The text of a GeoJSON file.

    Args:
        features: its objects.
        limits: width and height of level 0, which no corner goes beyond.
    """
    objects = [_feature(feature, limits) for feature in features]
    return json.dumps({"type": "FeatureCollection", "features": objects}, separators=(",", ":")) + "\n"


def _feature(feature: Feature, limits: tuple[int, int]) -> dict[str, object]:
    rings = [_ring(ring, feature.cell, limits) for ring in (feature.outline.outer, *feature.outline.holes)]
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(_NAMES, json.dumps([feature.name, rings[0]]))),
        "geometry": {"type": "Polygon", "coordinates": rings},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": feature.name, "color": list(COLOUR)},
            "measurements": dict(feature.measurements),
        },
    }


def _ring(corners: Sequence[tuple[int, int]], cell: float, limits: tuple[int, int]) -> list[list[float]]:
    placed = [[min(round(x * cell, 2), limits[0]), min(round(y * cell, 2), limits[1])] for x, y in corners]
    return [*placed, placed[0]]


def predicted_geojson(prediction: Prediction, regions: Iterable[Region]) -> str:
    """The regions above the threshold, with their probabilities and areas."""
    features = [
        Feature(
            region.outline,
            prediction.cell,
            prediction.positive,
            {
                "mean probability": round(region.mean, 4),
                "maximum probability": round(region.maximum, 4),
                "tissue area mm2": round(region.area, 5),
            },
        )
        for region in regions
    ]
    return feature_collection(features, prediction.size)
