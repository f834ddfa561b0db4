"""Drawn slides: the pieces fit, the tumour is where the truth says, and the file is a pyramid."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import DataError
from hpo.slides.drawn import COARSE, PIECE, draw_piece, make_drawing
from hpo.slides.sample import make_slides


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


def test_a_slide_without_tumour_has_none() -> None:
    assert not make_drawing(0, 1, 2 * PIECE, False).maps.truth.any()
    maps = make_drawing(0, 0, 2 * PIECE, True).maps
    assert maps.truth.shape == (2 * PIECE // COARSE,) * 2
    assert 0.02 < maps.truth.sum() / (maps.tissue > 0.5).sum() < 0.4


def test_slides_are_pyramids_with_outlines_and_labels(tmp_path: Path) -> None:
    pytest.importorskip("openslide")
    from hpo.slides.opening import open_slide

    paths = make_slides(tmp_path, count=2, side=1000, seed=0)
    slide = open_slide(paths[0])
    assert [(level.width, level.downsample) for level in slide.levels] == [(1024, 1), (512, 2)]
    assert slide.mpp == pytest.approx(0.972, abs=1e-3)
    drawn = draw_piece(make_drawing(0, 0, 1024, True), 1, 1).astype(int)
    assert np.abs(slide.read(0, PIECE, PIECE, PIECE, PIECE) - drawn).mean() < 6  # JPEG
    halved = slide.read(0, 0, 0, 1024, 1024).reshape(512, 2, 512, 2, 3).mean(axis=(1, 3))
    assert np.abs(slide.read(1, 0, 0, 512, 512) - halved).mean() < 4
    features = json.loads((tmp_path / "made-0000.geojson").read_text(encoding="utf-8"))["features"]
    assert features
    assert not (tmp_path / "made-0001.geojson").exists()
    with (tmp_path / "slides.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["slide"], row["label"]) for row in csv.DictReader(file)] == [
            ("made-0000.tif", "1"),
            ("made-0001.tif", "0"),
        ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "made-0000.geojson", "made-0000.tif", "made-0001.tif", "slides.csv",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"made-0000\.tif: exists already; --overwrite replaces it"):
        make_slides(tmp_path, count=1, side=1000)
