"""A sample of drawn slides: each file is a pyramid, beside it what its tumour is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import DataError
from hpo.slides.drawn_pieces import draw_piece
from hpo.slides.drawn_plan import PIECE, make_drawing
from hpo.slides.sample import make_slides


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
