"""Outlines of regions in a grid of cells."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Point = tuple[int, int]
"""Column and row of a corner, in cells."""
Ring = tuple[Point, ...]
"""Corners of a closed line, without the first one repeated."""


@dataclass(frozen=True)
class Outline:
    """A connected region: cells that share a side.

    Args:
        number: of the region in the labelled grid, from 1.
        outer: its outer edge.
        holes: edges of what it surrounds.
    """

    number: int
    outer: Ring
    holes: tuple[Ring, ...]


def regions_of(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], list[Outline]]:
    """Number the regions of a mask, and trace them.

    Args:
        mask: bool of shape (rows, columns).

    Returns:
        The number of each cell's region (0 is none), and the outlines in order of their numbers.
    """
    labels, count = ndimage.label(mask)
    rings: dict[int, list[Ring]] = defaultdict(list)
    for number, ring in _rings(np.pad(labels, 1)):
        rings[number].append(ring)
    found = []
    for number in range(1, count + 1):
        # The outer edge runs clockwise on the screen, holes the other way.
        outer = max(rings[number], key=signed_area)
        found.append(Outline(number, outer, tuple(ring for ring in rings[number] if ring is not outer)))
    return labels.astype(np.int32), found


def signed_area(ring: Ring) -> float:
    """Area in cells, positive if the ring runs clockwise on the screen, where y points down."""
    x, y = np.array(ring, dtype=np.float64).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _rings(labels: npt.NDArray[np.int32]) -> list[tuple[int, Ring]]:
    """Closed edges of all regions; a region always lies at the right hand."""
    following: dict[tuple[int, Point], list[Point]] = defaultdict(list)
    for starts, ends, numbers in _edges(labels):
        for start, end, number in zip(starts, ends, numbers, strict=True):
            following[number, start].append(end)
    found = []
    while following:
        (number, start), _ = next(iter(following.items()))
        ring, place, before = [start], start, None
        while True:
            options = following[number, place]
            step = options.pop(_rightmost(place, before, options) if before is not None else 0)
            if not options:
                del following[number, place]
            before, place = place, step
            if place == start and (number, place) not in following:
                break
            if place == start:
                # Two parts of the region meet in this corner; each gets a ring of its own.
                break
            ring.append(place)
        found.append((number, _straightened(ring)))
    return found


def _rightmost(place: Point, before: Point, options: list[Point]) -> int:
    """Where two corners of a region touch: keep to its right hand, so that they stay apart."""
    if len(options) == 1:
        return 0
    dx, dy = place[0] - before[0], place[1] - before[1]
    turns = [dx * (y - place[1]) - dy * (x - place[0]) for x, y in options]
    return int(np.argmax(turns))


def _edges(labels: npt.NDArray[np.int32]) -> list[tuple[list[Point], list[Point], list[int]]]:
    """Every side of a cell beyond which another region lies; ``labels`` has an empty rim."""
    found = []
    for axis, ahead, shift_start, shift_end in (
        (0, -1, (0, 0), (1, 0)),  # upper side, to the right
        (1, 1, (1, 0), (1, 1)),  # right side, downwards
        (0, 1, (1, 1), (0, 1)),  # lower side, to the left
        (1, -1, (0, 1), (0, 0)),  # left side, upwards
    ):
        rows, columns = np.nonzero((labels > 0) & (np.roll(labels, -ahead, axis) != labels))
        numbers = labels[rows, columns].tolist()
        corners = [
            list(zip((columns - 1 + dx).tolist(), (rows - 1 + dy).tolist(), strict=True))
            for dx, dy in (shift_start, shift_end)
        ]
        found.append((corners[0], corners[1], numbers))
    return found


def _straightened(ring: list[Point]) -> Ring:
    """Without the corners at which nothing turns."""
    points = np.array(ring)
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return tuple(map(tuple, points[turns].tolist()))
