"""The plan of a drawn slide says where there is tumour."""

from __future__ import annotations

from hpo.slides.drawn_plan import COARSE, PIECE, make_drawing


def test_a_slide_without_tumour_has_none() -> None:
    assert not make_drawing(0, 1, 2 * PIECE, False).maps.truth.any()
    maps = make_drawing(0, 0, 2 * PIECE, True).maps
    assert maps.truth.shape == (2 * PIECE // COARSE,) * 2
    assert 0.02 < maps.truth.sum() / (maps.tissue > 0.5).sum() < 0.4
