from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpo.slides.opening import open_slide
from hpo.slides.tissue import Tissue, find_tissue, otsu, read_overview
from tests.slides.pictures import painted, save


def tissue_of(tmp_path: Path, pixels: np.ndarray) -> Tissue:
    slide = open_slide(save(tmp_path / "slide.png", pixels))
    return find_tissue(read_overview(slide), 0.972)


def test_tissue_is_found_on_glass(tmp_path: Path) -> None:
    found = tissue_of(tmp_path, painted(600, 800, (100, 200, 500, 600)))
    expected = np.zeros((150, 200), bool)
    expected[25:125, 50:150] = True
    assert found.factor == 4
    assert (found.mask ^ expected).mean() < 0.02
    assert found.shares(200, 100, 400) == pytest.approx(1, abs=0.02)
    assert found.shares(0, 0, 100) == 0
    assert found.shares(150, 200, 100) == pytest.approx(0.5, abs=0.05)
    assert np.asarray(found.shares(np.array([[0, 300]]), np.array([[0], [200]]), 90)).shape == (2, 2)


def test_glass_alone_has_no_tissue_and_tissue_alone_no_glass(tmp_path: Path) -> None:
    assert not tissue_of(tmp_path, painted(300, 300, (0, 0, 0, 0))).mask.any()
    assert tissue_of(tmp_path, painted(300, 300, (0, 0, 300, 300))).mask.all()


def test_the_black_edge_of_a_scan_is_no_tissue(tmp_path: Path) -> None:
    pixels = painted(400, 400, (100, 100, 200, 200))
    pixels[:, 350:] = 0
    mask = tissue_of(tmp_path, pixels).mask
    assert not mask[:, 90:].any()
    assert mask[30:45, 30:45].all()


def test_squares_that_reach_over_the_edge_count_what_is_inside(tmp_path: Path) -> None:
    found = tissue_of(tmp_path, painted(400, 400, (0, 0, 400, 400)))
    assert found.shares(380, 380, 96) == 1


def test_otsu_parts_two_groups() -> None:
    values = np.concatenate([np.full(70, 0.1), np.full(30, 0.9)]).astype(np.float32)
    assert 0.1 <= otsu(values + np.linspace(-0.01, 0.01, 100, dtype=np.float32)) < 0.89


def test_an_overview_is_the_slide_made_small(tmp_path: Path) -> None:
    pixels = painted(700, 1000, (100, 200, 500, 600))
    overview = read_overview(open_slide(save(tmp_path / "slide.png", pixels)), side=250)
    assert overview.factor == 4
    assert overview.pixels.shape == (175, 250, 3)
    means = pixels.reshape(175, 4, 250, 4, 3).mean(axis=(1, 3))
    assert np.abs(overview.pixels - means).mean() < 2
