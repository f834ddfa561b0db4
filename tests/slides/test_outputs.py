from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hpo.errors import StorageError
from hpo.slides.heat_map import nice_length
from hpo.slides.model_file import ModelFile
from hpo.slides.predict import Predictor, Settings
from hpo.slides.prediction import Prediction
from hpo.slides.score import score_of
from hpo.slides.summary import HEAT_MAP, PAGE, REGIONS, SUMMARY, finished_slide
from hpo.slides.unfinished import FOLDER
from tests.slides.pictures import painted, save


@pytest.fixture
def predictor(model: ModelFile) -> Predictor:
    return Predictor(model, Settings())


@pytest.fixture
def prediction(predictor: Predictor, tmp_path: Path) -> Prediction:
    """Of a slide of 560 x 400 pixels with a purple square of 144 x 120."""
    slide = save(tmp_path / "slide.png", painted(400, 560, (48, 48, 350, 500), (120, 144, 240, 288)))
    return predictor.predict(slide)


def test_regions_are_the_cells_above_the_threshold(prediction: Prediction, tmp_path: Path) -> None:
    prediction.save(tmp_path / "out")
    found = json.loads((tmp_path / "out" / REGIONS).read_text(encoding="utf-8"))
    assert found["type"] == "FeatureCollection"
    (feature,) = found["features"]
    assert feature["properties"]["objectType"] == "annotation"
    assert feature["properties"]["classification"]["name"] == "class 1"
    assert feature["properties"]["measurements"]["tissue area mm2"] == pytest.approx(prediction.tumour_area, abs=1e-4)
    (ring,) = feature["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    picture = Image.new("1", prediction.size)
    ImageDraw.Draw(picture).polygon([tuple(point) for point in ring], fill=1)
    rows, columns = prediction.above.shape
    enclosed = np.asarray(picture)[6 : rows * 12 : 12, 6 : columns * 12 : 12]
    assert np.array_equal(enclosed, prediction.above[: enclosed.shape[0], : enclosed.shape[1]])


def test_the_summary_has_the_numbers_of_the_slide(prediction: Prediction, predictor: Predictor, tmp_path: Path) -> None:
    prediction.save(tmp_path / "out")
    found = json.loads((tmp_path / "out" / SUMMARY).read_text(encoding="utf-8"))
    assert found["slide"] == {"file": "slide.png", "width": 560, "height": 400, "microns_per_pixel": 0.972}
    assert found["tumour_mm2"] == pytest.approx(120 * 144 * 0.972e-3**2, rel=0.15)
    assert (found["regions"], found["model"]["name"]) == (1, "green")
    assert found["largest_region"]["mm2"] == pytest.approx(found["tumour_mm2"])
    corners = [(tile["x"], tile["y"]) for tile in found["top_tiles"]]
    assert all(144 <= x <= 264 and 120 <= y <= 216 for x, y in corners)
    apart = [max(abs(x - a), abs(y - b)) for n, (x, y) in enumerate(corners) for a, b in corners[:n]]
    assert min(apart) >= 24
    asked = (tmp_path / "out", "slide.png", predictor, prediction.path, None)
    again = finished_slide(*asked)
    assert again is not None
    assert again[0].tumour_share == pytest.approx(score_of("slide.png", prediction).tumour_share, abs=1e-6)
    other = Predictor(predictor.model, Settings(threshold=0.6))
    assert finished_slide(tmp_path / "out", "slide.png", other, prediction.path, None) is None
    (tmp_path / "out" / PAGE).unlink()
    assert finished_slide(*asked) is None


def test_the_probabilities_are_an_ome_tiff_of_the_right_size(prediction: Prediction, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    prediction.save(tmp_path / "out")
    with tifffile.TiffFile(tmp_path / "out/probability.ome.tif") as tiff:
        assert np.array_equal(tiff.asarray(), np.nan_to_num(prediction.probability))
        assert f'PhysicalSizeX="{12 * prediction.slide_mpp}"' in tiff.ome_metadata


def test_a_large_map_is_a_pyramid(prediction: Prediction, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    from dataclasses import replace

    from hpo.slides.grid import Grid
    from hpo.slides.ome_tiff import write_ome_tiff

    large = replace(prediction, grid=Grid(24, 12, 600, 500), tiles=np.full((600, 500), 0.25, np.float32))
    write_ome_tiff(tmp_path / "a.ome.tif", large)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        assert [level.shape for level in tiff.series[0].levels] == [(601, 501), (300, 250), (150, 125)]


def test_the_map_of_a_strip_is_a_pyramid_too(prediction: Prediction, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    from dataclasses import replace

    from hpo.slides.grid import Grid
    from hpo.slides.ome_tiff import write_ome_tiff

    strip = replace(prediction, grid=Grid(24, 12, 1, 1100), tiles=np.full((1, 1100), 0.25, np.float32))
    write_ome_tiff(tmp_path / "a.ome.tif", strip)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        assert [level.shape for level in tiff.series[0].levels] == [(2, 1101), (1, 550), (1, 275), (1, 137)]


def test_the_heat_map_shows_purple_as_yellow(prediction: Prediction) -> None:
    picture = np.asarray(prediction.show().convert("RGB")).astype(int)
    yellow = (picture[..., 0] > 180) & (picture[..., 2] < picture[..., 0] - 60) & (picture[..., 1] > 140)
    assert yellow.sum() > 5000
    assert prediction._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("longest", "nice"), [(1, 1), (1.99, 1), (2, 2), (4.9, 2), (730, 500), (1500, 1000)])
def test_scale_bars_have_round_lengths(longest: float, nice: float) -> None:
    assert nice_length(longest) == nice


def test_outputs_that_cannot_be_written_keep_the_tiles(
    predictor: Predictor, prediction: Prediction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    found = predictor.predict(prediction.path, output=output)

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(StorageError, match=r"heatmap\.png: no space left on the disk; free some, then run"):
        found.save(output)
    assert (output / FOLDER).is_dir()
    assert not (output / HEAT_MAP).exists()
    assert not [path.name for path in output.iterdir() if path.name.startswith(".") and path.name != FOLDER]


def test_equal_predictions_have_equal_files(predictor: Predictor, prediction: Prediction, tmp_path: Path) -> None:
    first, second = prediction.save(tmp_path / "a"), predictor.predict(prediction.path).save(tmp_path / "b")
    for path in first.iterdir():
        if path.suffix != ".tif":  # which has a UUID and a date
            assert path.read_bytes() == (second / path.name).read_bytes(), path.name
