from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hpo.slides.outlines import Outline, regions_of, signed_area


def filled(outlines: list[Outline], shape: tuple[int, int]) -> np.ndarray:
    """What the outlines enclose, drawn eight times as large and looked at in the middle of each cell."""
    picture = Image.new("1", (shape[1] * 8, shape[0] * 8))
    draw = ImageDraw.Draw(picture)
    found = np.zeros(shape, bool)
    for outline in outlines:
        draw.rectangle((0, 0, *picture.size), fill=0)
        draw.polygon([(x * 8, y * 8) for x, y in outline.outer], fill=1)
        for hole in outline.holes:
            draw.polygon([(x * 8, y * 8) for x, y in hole], fill=0)
        found |= np.asarray(picture)[4::8, 4::8]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_outlines_enclose_exactly_their_cells(seed: int) -> None:
    mask = np.random.default_rng(seed).random((23, 31)) < 0.3 + 0.1 * seed
    labels, outlines = regions_of(mask)
    assert np.array_equal(labels > 0, mask)
    assert np.array_equal(filled(outlines, mask.shape), mask)
    for outline in outlines:
        area = signed_area(outline.outer) + sum(map(signed_area, outline.holes))
        assert area == (labels == outline.number).sum()
        assert all(signed_area(hole) < 0 for hole in outline.holes)


def test_a_square_has_four_corners_and_a_ring_a_hole() -> None:
    mask = np.zeros((6, 6), bool)
    mask[1:5, 1:5] = True
    (square,) = regions_of(mask)[1]
    assert set(square.outer) == {(1, 1), (5, 1), (5, 5), (1, 5)}
    mask[2:4, 2:4] = False
    (ring,) = regions_of(mask)[1]
    assert len(ring.outer) == 4
    assert [set(hole) for hole in ring.holes] == [{(2, 2), (4, 2), (4, 4), (2, 4)}]


def test_cells_that_touch_in_a_corner_are_two_regions() -> None:
    outlines = regions_of(np.array([[True, False], [False, True]]))[1]
    assert [len(outline.outer) for outline in outlines] == [4, 4]


def test_nothing_has_no_outline() -> None:
    assert regions_of(np.zeros((3, 3), bool))[1] == []
