from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import DataError
from hpo.slides.image import Level
from hpo.slides.opening import open_slide
from hpo.slides.view import View, resolution_of, view_at, view_by
from tests.slides.pictures import painted, save


@dataclass
class Made:
    """A pyramid of random pixels."""

    levels: tuple[Level, ...]
    pixels: list[np.ndarray]
    path: Path = Path("made.svs")
    mpp: float | None = 0.25

    def read(self, level: int, x: int, y: int, width: int, height: int) -> np.ndarray:
        found = self.pixels[level][y : y + height, x : x + width]
        assert found.shape == (height, width, 3), "read beyond the level"
        return found

    def close(self) -> None:
        pass


def pyramid(width: int = 400, height: int = 300, downsamples: tuple[int, ...] = (1, 4)) -> Made:
    random = np.random.default_rng(0)
    sizes = [(width // one, height // one) for one in downsamples]
    pixels = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for w, h in sizes]
    return Made(tuple(Level(w, h, d) for (w, h), d in zip(sizes, downsamples, strict=True)), pixels)


@pytest.mark.parametrize(
    ("mpp", "level", "ratio"), [(0.25, 0, 1), (0.5, 0, 2), (0.99, 1, 1), (1.0, 1, 1), (2.0, 1, 2), (0.125, 0, 0.5)]
)
def test_the_smallest_level_with_enough_detail_is_read(mpp: float, level: int, ratio: float) -> None:
    view = view_at(pyramid(), mpp, 0.25)
    assert (view.level, view.ratio) == (level, pytest.approx(ratio))
    assert view.width == int(400 / view.factor + 1e-6)


@pytest.mark.parametrize("factor", [1.0, 1.3, 1.9478, 3.0, 5.5, 0.7])
def test_pieces_fit_together(factor: float) -> None:
    view = view_by(pyramid(), factor)
    whole = view.read(0, 0, view.width, view.height)
    assert whole.shape == (view.height, view.width, 3)
    for x, y, width, height in [(0, 0, 9, 9), (7, 5, 20, 13), (view.width - 11, view.height - 6, 11, 6)]:
        piece = view.read(x, y, width, height)
        apart = np.abs(piece.astype(int) - whole[y : y + height, x : x + width])
        assert apart.max() <= 2  # of noise, the hardest case; of 255
        assert apart.mean() < 1


def test_beyond_the_right_and_lower_edge_the_slide_is_mirrored() -> None:
    view = view_by(pyramid(), 1.0)
    piece = view.read(390, 290, 20, 20)
    inside = view.read(390, 290, 10, 10)
    assert np.array_equal(piece[:10, :10], inside)
    assert np.array_equal(piece[:10, 10:], inside[:, ::-1])
    assert np.array_equal(piece[10:, :10], inside[::-1])


def test_a_view_of_a_constant_slide_is_that_constant() -> None:
    made = pyramid()
    made.pixels[0][:] = 77
    view: View = view_by(made, 2.7)
    assert (view.read(3, 4, 50, 60) == 77).all()


def test_the_resolution_is_the_files_or_the_users(tmp_path: Path) -> None:
    pixels = painted(40, 40, (0, 0, 40, 40))
    slide = open_slide(save(tmp_path / "says.png", pixels))
    assert resolution_of(slide, None) == pytest.approx(0.972, abs=1e-3)
    assert resolution_of(slide, 0.5) == 0.5
    silent = open_slide(save(tmp_path / "screen.png", pixels, dpi=96))  # of a screen, which is no scanner's
    with pytest.raises(DataError, match=r"screen\.png: does not say its resolution; give its micrometres per pixel"):
        resolution_of(silent, None)
