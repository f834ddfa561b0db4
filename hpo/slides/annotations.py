"""Outlines that pathologists drew: ASAP's XML and QuPath's GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from hpo.data.regular_file import regular_file
from hpo.errors import DataError

SUFFIXES = (".xml", ".geojson", ".json")
"""Of the annotations beside a slide, the first that is there."""
LARGEST = 1 << 29
"""Bytes that a file of annotations may have."""
POSITIVE = frozenset(
    {"tumor", "tumour", "malignant", "cancer", "carcinoma", "metastasis", "metastases", "positive", "_0", "_1"}
)
"""Names of groups and classes that are tumour; ``_0`` and ``_1`` are CAMELYON16's."""
EXCLUDED = frozenset({"exclusion", "exclude", "normal", "benign", "negative", "_2"})
"""Names whose insides are no tumour, even within a tumour; ``_2`` is CAMELYON16's."""

Ring = npt.NDArray[np.float64]
"""Corners of a closed line, x and y in pixels of level 0, shape (n, 2)."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """An outlined region.

    Args:
        rings: its outer edge and its holes.
        excludes: whether what it encloses is no tumour, whatever lies around it.
    """

    rings: tuple[Ring, ...]
    excludes: bool = False


@dataclass(frozen=True, eq=False)
class Annotations:
    """The tumour of a slide.

    Args:
        path: of the file.
        polygons: of tumour and of what is excluded from it.
    """

    path: Path
    polygons: tuple[Polygon, ...]

    @property
    def has_tumour(self) -> bool:
        """Whether any is outlined."""
        return any(not polygon.excludes for polygon in self.polygons)

    def mask(self, width: int, height: int, cell: float) -> npt.NDArray[np.bool_]:
        """Where there is tumour, in cells whose middles are looked at: bool of shape (rows, columns).

        Args:
            width, height: of level 0, pixels.
            cell: pixels of level 0 that a cell is wide.
        """
        shape = max(1, int(np.ceil(height / cell))), max(1, int(np.ceil(width / cell)))
        found = np.zeros(shape, bool)
        for polygon in sorted(self.polygons, key=lambda one: one.excludes):
            window, inside = _filled([ring / cell for ring in polygon.rings], shape)
            found[window] = found[window] & ~inside if polygon.excludes else found[window] | inside
        return found


def annotations_beside(slide: Path, folder: Path | None) -> Path | None:
    """The annotations of a slide: a file of its name, beside it or in another folder; None if there is none."""
    place = slide.parent if folder is None else folder
    names = [place / f"{slide.stem}{suffix}" for suffix in SUFFIXES]
    return next((path for path in names if path.is_file()), None)


def read_annotations(path: Path, positive: Sequence[str] = ()) -> Annotations:
    """The tumour in a file of annotations.

    Args:
        path: ASAP's XML, or GeoJSON.
        positive: names of groups or classes that are tumour; `POSITIVE` if not given. `EXCLUDED` ones are cut out of
            it, and others are left out.

    Raises:
        DataError: if it cannot be read, none of its outlines has such a name, or what has one encloses no area.
    """
    if regular_file(path).st_size > LARGEST:
        raise DataError(f"{path}: has more than {LARGEST:,} bytes, too many for annotations")
    drawn = list(_asap(path) if path.suffix.lower() == ".xml" else _geojson(path))
    wanted = {name.casefold() for name in positive} or POSITIVE
    found = [(name, rings) for name, rings in drawn if rings]
    polygons = []
    for name, rings in found:
        folded = name.casefold()
        if folded in wanted or folded in EXCLUDED:
            polygons.append(Polygon(rings, excludes=folded not in wanted))
    annotations = Annotations(path, tuple(polygons))
    if annotations.has_tumour:
        return annotations
    without = next((name for name, rings in drawn if not rings and name.casefold() in wanted), None)
    if without is not None:
        raise DataError(f"{path}: what it names {without!r:.60} are points or lines, which enclose nothing; outline it")
    if found:
        names = sorted({name or "(no name)" for name, _ in found})
        if not all(name.casefold() in EXCLUDED for name in names):
            raise DataError(
                f"{path}: none of its outlines is named as tumour (found: {', '.join(names[:12])}); say which are, "
                f"such as --positive {json.dumps(names[0])}"
            )
    return annotations


def _asap(path: Path) -> Iterator[tuple[str, tuple[Ring, ...]]]:
    """Name and rings of everything that is drawn; points and lines have no ring."""
    try:
        # Expat refuses entities that expand without end (2.4.1 and later).
        root = ElementTree.parse(path).getroot()  # noqa: S314
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:  # the last of its encoding
        raise DataError(f"{path}: not XML: {error}") from error
    if root.tag != "ASAP_Annotations":
        raise DataError(f"{path}: is {root.tag!r:.60}, not ASAP_Annotations; allowed: ASAP's XML, or QuPath's GeoJSON")
    for annotation in root.iter("Annotation"):
        has_area = annotation.get("Type", "Polygon") in ("Polygon", "Spline", "Rectangle")
        group = annotation.get("PartOfGroup", "None")
        name = annotation.get("Name", "") if group in ("", "None") else group
        try:
            corners = [(float(one.attrib["X"]), float(one.attrib["Y"])) for one in annotation.iter("Coordinate")]
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}: annotation {annotation.get('Name')!r} has a corner without X or Y") from error
        yield name, (_ring(path, corners),) if has_area and len(corners) >= 3 else ()


def _geojson(path: Path) -> Iterator[tuple[str, tuple[Ring, ...]]]:
    """The same of QuPath's file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {str(error)[:200]}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if isinstance(values, dict):
        values = values.get("features", [values])
    if not (isinstance(values, list) and all(isinstance(one, dict) and "geometry" in one for one in values)):
        raise DataError(f"{path}: not GeoJSON: a FeatureCollection, or a list of features, each with a geometry")
    for feature in values:
        for part in _areas(path, feature["geometry"] or {}):
            try:
                rings = tuple(_ring(path, ring) for ring in part if len(ring) >= 3)
            except TypeError as error:
                raise DataError(f"{path}: has a polygon whose coordinates are no lists of [x, y]") from error
            yield _class_of(feature), rings


def _areas(path: Path, geometry: Any) -> Iterator[list[Any]]:
    """The polygons of a geometry, each a list of rings; an empty list is what encloses nothing."""
    waiting = [geometry]
    while waiting:
        one = waiting.pop()
        kind = one.get("type") if isinstance(one, dict) else None
        parts: Any = [[]]
        if kind == "GeometryCollection":
            waiting += one["geometries"] if isinstance(one.get("geometries"), list) else []
            continue
        if kind in ("Polygon", "MultiPolygon"):
            coordinates = one.get("coordinates") or []
            parts = [coordinates] if kind == "Polygon" else coordinates
        if not (isinstance(parts, list) and all(isinstance(part, list) for part in parts)):
            raise DataError(f"{path}: has a {kind} whose coordinates are no lists of [x, y]")
        yield from parts


def _class_of(feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    said = properties.get("classification") if isinstance(properties, dict) else None
    if isinstance(said, dict):
        names = said.get("names")
        said = names[0] if isinstance(names, list) and names else said.get("name")
    return said if isinstance(said, str) else ""


def _ring(path: Path, corners: Sequence[Any]) -> Ring:
    try:
        ring = np.array([corner[:2] for corner in corners], np.float64)
    except (TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path}: has a corner that is no [x, y]") from error
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all():
        raise DataError(f"{path}: has a corner that is no [x, y]")
    return ring


def _filled(rings: Sequence[Ring], shape: tuple[int, int]) -> tuple[tuple[slice, slice], npt.NDArray[np.bool_]]:
    """Cells whose middles an odd number of edges encloses, within the rectangle around the first ring."""
    low, high = np.floor(rings[0].min(axis=0)), np.ceil(rings[0].max(axis=0))
    left, top = (int(np.clip(low[axis], 0, shape[1 - axis])) for axis in (0, 1))
    right, lower = (int(np.clip(high[axis], start, shape[1 - axis])) for axis, start in ((0, left), (1, top)))
    crossings = np.zeros((lower - top, right - left + 1), np.int32)
    for ring in rings:
        rows, places = _crossings(ring - (left, top), lower - top)
        np.add.at(crossings, (rows, np.clip(np.ceil(places - 0.5), 0, right - left).astype(int)), 1)
    return (slice(top, lower), slice(left, right)), (crossings.cumsum(axis=1)[:, :-1] & 1).astype(bool)


def _crossings(ring: Ring, height: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows, and places in them, at which the ring's edges cross the middles of rows of cells."""
    start, end = ring, np.roll(ring, -1, axis=0)
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
    stop = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64)
    counts = stop - first
    edge = np.repeat(np.arange(len(ring)), counts)
    rows = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts) + first[edge]
    slope = (end[edge, 0] - start[edge, 0]) / (end[edge, 1] - start[edge, 1])
    return rows, start[edge, 0] + (rows + 0.5 - start[edge, 1]) * slope
