"""Pieces of drawn slides fit together, and each is a function of its seed and place."""

from __future__ import annotations

import numpy as np

from hpo.slides.drawn_pieces import draw_piece
from hpo.slides.drawn_plan import PIECE, make_drawing


def test_pieces_fit_together() -> None:
    drawing = make_drawing(3, 0, 2 * PIECE, True)
    whole = np.concatenate(
        [np.concatenate([draw_piece(drawing, row, column) for column in range(2)], axis=1) for row in range(2)]
    ).astype(np.int64)
    grey = whole.sum(axis=-1)
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    seam = steps[PIECE - 1]
    assert seam < 1.25 * np.median(steps[PIECE - 40 : PIECE + 40])


def test_a_piece_depends_on_its_place_and_seed_alone() -> None:
    first = draw_piece(make_drawing(0, 0, 2 * PIECE, True), 1, 0)
    draw_piece(make_drawing(0, 1, 2 * PIECE, False), 0, 0)
    assert np.array_equal(first, draw_piece(make_drawing(0, 0, 2 * PIECE, True), 1, 0))
    assert not np.array_equal(first, draw_piece(make_drawing(1, 0, 2 * PIECE, True), 1, 0))
