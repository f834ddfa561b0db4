from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.errors import DataError, HpoError
from hpo.slides.grid import BAND
from hpo.slides.model_file import ModelFile
from hpo.slides.opening import open_slide
from hpo.slides.predict import Predictor, Settings
from hpo.slides.prediction import Prediction
from hpo.slides.unfinished import FOLDER
from tests.slides.models import SIZE, probability_of
from tests.slides.pictures import painted, save

TISSUE, PURPLE = (48, 48, 350, 500), (120, 144, 240, 288)


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return save(tmp_path / "slide.png", painted(400, 560, TISSUE, PURPLE))


def predict(model: ModelFile, slide: Path, output: Path | None = None, **settings: object) -> Prediction:
    return Predictor(model, Settings(**settings)).predict(slide, output=output)  # type: ignore[arg-type]


def test_every_tile_has_the_probability_of_its_pixels(model: ModelFile, slide: Path) -> None:
    found = predict(model, slide)
    opened = open_slide(slide)
    rows, columns = np.nonzero(np.isfinite(found.tiles))
    assert len(rows) > 500
    tiles = [
        opened.read(0, column * 12, row * 12, SIZE, SIZE)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if column * 12 + SIZE <= 560 and row * 12 + SIZE <= 400
    ]
    assert len(tiles) == len(rows)
    assert np.abs(found.tiles[rows, columns] - probability_of(np.stack(tiles))).max() < 1e-4


def test_purple_is_found_and_glass_is_left_out(model: ModelFile, slide: Path) -> None:
    found = predict(model, slide)
    cells = found.probability
    assert np.isnan(cells[:2]).all()
    assert (cells[11:19, 13:23] > 0.95).all()
    assert (cells[5:9, 5:30] < 0.05).all()
    assert found.tumour_area == pytest.approx(120 * 144 * 0.972e-3**2, rel=0.15)
    assert found.tissue_area == pytest.approx(302 * 452 * 0.972e-3**2, rel=0.05)
    assert 0.95 < found.maximum <= 1


def test_a_slide_is_read_at_the_resolution_of_the_models_patches(model: ModelFile, slide: Path) -> None:
    coarser = replace(model, microns_per_pixel=2 * 0.972)
    assert predict(coarser, slide).grid.size * predict(coarser, slide).factor == pytest.approx(2 * SIZE)
    assert predict(model, slide).factor == pytest.approx(1), "PCam's, if it is not known"
    assert predict(coarser, slide, model_mpp=0.972).factor == pytest.approx(1), "what is asked for comes first"


@pytest.mark.parametrize("settings", [{"batch": 7}, {"batch": 4096}])
def test_batches_change_nothing(model: ModelFile, slide: Path, settings: dict[str, int]) -> None:
    assert np.allclose(predict(model, slide).tiles, predict(model, slide, **settings).tiles, equal_nan=True, atol=1e-6)


def test_several_processes_predict_the_same(model: ModelFile, slide: Path) -> None:
    assert np.array_equal(predict(model, slide).tiles, predict(model, slide, processes=2).tiles, equal_nan=True)


def test_symmetries_average_over_eight_views_of_a_tile(model: ModelFile) -> None:
    random = np.random.default_rng(0)
    predictor = Predictor(model, Settings())
    seen: list[np.ndarray] = []

    def run(tiles: np.ndarray) -> np.ndarray:
        seen.extend(tiles)
        return tiles[:, :1, 0, 0].astype(np.float32) / 255  # the upper left corner alone

    from dataclasses import replace

    tiles = random.integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
    found = replace(predictor.classifier, run=run).probabilities(tiles, symmetries=True)
    corners = tiles[:, [0, 0, -1, -1], [0, -1, 0, -1], 0]
    assert np.allclose(found, corners.mean(axis=1) / 255)
    assert len({view.tobytes() for view in seen}) == 40


def test_a_killed_run_goes_on_where_it_stopped(model: ModelFile, slide: Path, tmp_path: Path) -> None:
    straight = predict(model, slide)
    output = tmp_path / "out"
    predictor = Predictor(model, Settings())

    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predictor.predict(slide, output=output, progress=stop)
    kept = sorted((output / FOLDER).glob("band-*.npy"))
    assert 1 <= len(kept) < straight.grid.bands
    first: list[int] = []
    resumed = predictor.predict(slide, output=output, progress=lambda done, _total: first.append(done))
    assert first[0] > np.isfinite(straight.tiles).sum() / 2
    assert np.array_equal(resumed.tiles, straight.tiles, equal_nan=True)


def test_what_was_predicted_with_other_settings_is_not_used(model: ModelFile, slide: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    predict(model, slide, output)
    first: list[int] = []
    Predictor(model, Settings(least_tissue=0.5)).predict(
        slide, output=output, progress=lambda done, _total: first.append(done)
    )
    assert first[0] == 0


def test_a_damaged_band_is_predicted_again(model: ModelFile, slide: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    straight = predict(model, slide, output)
    (band, *_) = sorted((output / FOLDER).glob("band-*.npy"))
    band.write_bytes(band.read_bytes()[:50])
    assert np.array_equal(predict(model, slide, output).tiles, straight.tiles, equal_nan=True)
    assert BAND * straight.grid.columns > 100  # a band is worth keeping


def test_the_resolution_decides_what_a_tile_shows(model: ModelFile, tmp_path: Path) -> None:
    pixels = painted(400, 560, TISSUE, PURPLE)
    twice = save(tmp_path / "twice.png", pixels.repeat(2, axis=0).repeat(2, axis=1), dpi=2 * 25400 / 0.972)
    fine, coarse = predict(model, twice), predict(model, save(tmp_path / "once.png", pixels))
    assert fine.factor == pytest.approx(2)
    assert fine.tumour_area == pytest.approx(coarse.tumour_area, rel=0.02)
    assert np.nanmax(np.abs(fine.tiles - coarse.tiles)) < 0.02


def test_all_predicts_the_background_too(model: ModelFile, slide: Path) -> None:
    found = predict(model, slide, all_tiles=True)
    assert np.isfinite(found.tiles).all()
    assert found.tissue_area == pytest.approx(400 * 560 * 0.972e-3**2)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (painted(200, 200, (0, 0, 0, 0)), "shows no tissue, only glass; --all predicts it all the same"),
        (painted(20, 200, (0, 0, 20, 200)), "has 200 x 20 pixels, .* the model needs 24 x 24: give a larger image"),
        (painted(300, 300, (104, 104, 126, 126)), r"no tile has 90% tissue \(.*\); lower --tissue"),
    ],
)
def test_a_slide_with_nothing_to_predict_is_refused(
    model: ModelFile, tmp_path: Path, pixels: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        predict(model, save(tmp_path / "slide.png", pixels), least_tissue=0.9)


def test_a_threshold_of_ones_own_is_named_so(model: ModelFile, slide: Path) -> None:
    assert predict(model, slide, threshold=0.9).threshold_chosen == "as asked for"
    assert predict(model, slide).threshold == 0.5


def test_patches_are_predicted_whatever_they_show(model: ModelFile, tmp_path: Path) -> None:
    patches = np.stack([np.full((SIZE, SIZE, 3), value, np.uint8) for value in (90, 128, 250)])
    paths = [save(tmp_path / f"{number}.png", patch, dpi=None) for number, patch in enumerate(patches)]
    assert np.allclose(Predictor(model, Settings(batch=2)).predict_patches(paths), probability_of(patches), atol=1e-5)


def test_a_damaged_slide_stops_the_run_with_one_line(model: ModelFile, slide: Path) -> None:
    slide.write_bytes(slide.read_bytes()[:2000])
    with pytest.raises(HpoError, match=r"slide\.png: damaged or truncated"):
        predict(model, slide)
