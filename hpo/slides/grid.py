"""Tiles that cover a slide, and the cells in which their probabilities are averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo.errors import HpoError

BAND = 16
"""Rows of tiles that are predicted and kept together."""
ACROSS = 16
"""Tiles of a band that are read together: neighbours overlap, and so share most of their pixels."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """Square tiles, ``stride`` pixels apart in both directions.

    Args:
        size: side of a tile, pixels of the view.
        stride: divides the size.
        rows, columns: numbers of tiles.
    """

    size: int
    stride: int
    rows: int
    columns: int

    @property
    def overlap(self) -> int:
        """Tiles over each cell, in one direction."""
        return self.size // self.stride

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the squares of one stride that the tiles cover."""
        return self.rows + self.overlap - 1, self.columns + self.overlap - 1

    @property
    def bands(self) -> int:
        """How many there are."""
        return -(-self.rows // BAND)

    def band(self, number: int) -> slice:
        """Rows of tiles of a band."""
        return slice(number * BAND, min((number + 1) * BAND, self.rows))

    def chunks(self) -> Iterator[slice]:
        """Columns of tiles that are read together."""
        for start in range(0, self.columns, ACROSS):
            yield slice(start, min(start + ACROSS, self.columns))

    def averaged(self, tiles: Floats) -> Floats:
        """Mean probability of the tiles over each cell.

        Args:
            tiles: shape (rows, columns), NaN where no tile was predicted.

        Returns:
            Shape `cells`, NaN where there is none.
        """
        total, count = np.zeros((2, *self.cells))
        known = np.isfinite(tiles)
        values = np.where(known, tiles, 0)
        for down in range(self.overlap):
            for across in range(self.overlap):
                place = (slice(down, down + self.rows), slice(across, across + self.columns))
                total[place] += values
                count[place] += known
        mean = np.divide(total, count, out=np.full(self.cells, np.nan), where=count > 0)
        return np.asarray(mean, np.float32)


def grid_over(width: int, height: int, size: int, stride: int) -> Grid:
    """Tiles that cover a view wholly; the last ones reach over its edge.

    Raises:
        HpoError: if the stride does not divide the size.
    """
    check_stride(size, stride)
    rows, columns = (max(1, -(-(length - size) // stride) + 1) for length in (height, width))
    return Grid(size, stride, rows, columns)


def check_stride(size: int, stride: int) -> None:
    """Refuse a stride that leaves cells of different numbers of tiles.

    Raises:
        HpoError: if it does not divide the size.
    """
    if stride < 1 or size % stride:
        allowed = [str(number) for number in range(size, 0, -1) if size % number == 0 and size // number <= 16]
        raise HpoError(f"--stride is {stride}; it must divide the model's {size} pixels: {', '.join(allowed)}")
