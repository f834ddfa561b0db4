from __future__ import annotations

import numpy as np
import pytest

from hpo.errors import HpoError
from hpo.slides.grid import BAND, Grid, grid_over


@pytest.mark.parametrize(("size", "stride"), [(24, 24), (24, 12), (24, 8), (24, 6)])
def test_each_cell_has_the_mean_of_the_tiles_over_it(size: int, stride: int) -> None:
    grid = Grid(size, stride, rows=5, columns=7)
    tiles = np.random.default_rng(0).random((5, 7)).astype(np.float32)
    tiles[2, 3] = np.nan
    cells = grid.averaged(tiles)
    assert cells.shape == (5 + size // stride - 1, 7 + size // stride - 1)
    for row, column in np.ndindex(cells.shape):
        over = [
            tiles[y, x]
            for y, x in np.ndindex(tiles.shape)
            if y * stride <= row * stride < y * stride + size and x * stride <= column * stride < x * stride + size
        ]
        known = [value for value in over if np.isfinite(value)]
        assert cells[row, column] == pytest.approx(np.mean(known)) if known else np.isnan(cells[row, column])


def test_a_cell_without_a_predicted_tile_is_unknown() -> None:
    cells = Grid(24, 12, rows=3, columns=3).averaged(np.full((3, 3), np.nan, np.float32))
    assert np.isnan(cells).all()


@pytest.mark.parametrize(("width", "height"), [(24, 24), (25, 24), (100, 131), (48, 36)])
def test_tiles_cover_the_whole_view(width: int, height: int) -> None:
    grid = grid_over(width, height, 24, 12)
    assert (grid.columns - 1) * 12 + 24 >= width > (grid.columns - 2) * 12 + 24 - 12 * (grid.columns == 1)
    assert (grid.rows - 1) * 12 + 24 >= height
    rows = [row for band in range(grid.bands) for row in range(*grid.band(band).indices(grid.rows))]
    assert rows == list(range(grid.rows))
    assert all(grid.band(band).stop - grid.band(band).start <= BAND for band in range(grid.bands))


def test_a_stride_that_does_not_divide_the_patch_is_refused() -> None:
    with pytest.raises(HpoError, match=r"--stride is 10; it must divide the model's 24 pixels: 24, 12, 8, 6, 4, 3, 2"):
        grid_over(100, 100, 24, 10)
