from __future__ import annotations

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from hpo.data.description import Description, read_description
from hpo.errors import DataError, HpoError
from hpo.slides.slide_table import SlideTable, read_slide_table
from hpo.slides.tiling import Tiled, TileSettings, tile_slides
from tests.slides.pictures import painted, save

SIZE = 24
PURPLE = (96, 120, 168, 216)
"""Top, left, bottom, right: three tiles high, four wide."""


def square(path: Path, box: tuple[int, int, int, int]) -> None:
    top, left, bottom, right = box
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    tumour = {"classification": {"name": "Tumor"}}
    feature = {"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": tumour}
    path.write_text(json.dumps([feature]), encoding="utf-8")


@pytest.fixture
def slides(tmp_path: Path) -> list[Path]:
    """Six slides, three with an outlined square, of which the last three are labelled as a whole."""
    folder = tmp_path / "slides"
    folder.mkdir()
    paths = []
    for number in range(6):
        box = PURPLE if number < 3 else None
        pixels = painted(300, 400, (48, 48, 250, 350), box)
        pixels[..., 0] = np.clip(pixels[..., 0].astype(int) - number, 0, 255)  # no two are alike
        paths.append(save(folder / f"s{number}.png", pixels))
        if box is not None:
            square(folder / f"s{number}.geojson", box)
    (folder / "slides.csv").write_text(
        "slide,label\n" + "".join(f"s{n}.png,{int(n < 3)}\n" for n in range(6)), encoding="utf-8"
    )
    return paths


def table(slides: list[Path]) -> SlideTable:
    return read_slide_table(slides[0].parent / "slides.csv")


def cut(slides: list[Path], folder: Path, **settings: object) -> Tiled:
    return tile_slides(slides, folder, TileSettings(size=SIZE, **settings), table=table(slides))  # type: ignore[arg-type]


def arrays(folder: Path, stem: str = "patches") -> tuple[np.ndarray, np.ndarray, list[dict[str, str]]]:
    with (folder / f"{stem}_meta.csv").open(encoding="utf-8", newline="") as file:
        meta = list(csv.DictReader(file))
    with h5py.File(folder / f"{stem}_x.h5") as x, h5py.File(folder / f"{stem}_y.h5") as y:
        return x["x"][:], y["y"][:].reshape(-1), meta


def test_patches_are_those_of_the_slide_with_the_labels_of_the_outlines(slides: list[Path], tmp_path: Path) -> None:
    found = cut(slides, tmp_path / "data")
    x, y, meta = arrays(tmp_path / "data")
    assert found.counts == {"patches": (int((y == 0).sum()), int((y == 1).sum()))}
    assert found.counts["patches"][1] == 3 * 12
    from PIL import Image

    pixels = {path.stem: np.asarray(Image.open(path)) for path in slides}
    for patch, label, row in zip(x, y.tolist(), meta, strict=True):
        top, left = int(row["coord_y"]), int(row["coord_x"])
        assert np.array_equal(patch, pixels[row["wsi"]][top : top + SIZE, left : left + SIZE])
        inside = PURPLE[0] <= top < PURPLE[2] and PURPLE[1] <= left < PURPLE[3]
        assert label == int(inside and row["wsi"] in ("s0", "s1", "s2"))
        assert row["center_tumor_patch"] == str(bool(label))
    assert all(48 - SIZE <= int(row["coord_x"]) <= 350 for row in meta)


def test_pcams_rule_looks_at_the_centre_and_overlap_at_the_share(slides: list[Path], tmp_path: Path) -> None:
    square(slides[0].with_suffix(".geojson"), (96, 120, 102, 126))  # a corner of one tile
    square(slides[1].with_suffix(".geojson"), (104, 128, 110, 134))  # the centre of one tile
    square(slides[2].with_suffix(".geojson"), (96, 120, 120, 138))  # three quarters of one tile
    cut(slides, tmp_path / "centre")
    cut(slides, tmp_path / "overlap", rule="overlap", overlap=0.6)
    ones = {}
    for rule in ("centre", "overlap"):
        _, y, meta = arrays(tmp_path / rule)
        ones[rule] = [row["wsi"] for row, label in zip(meta, y, strict=True) if label]
        touched = {row["wsi"] for row in meta if row["tumor_patch"] == "True"}
        assert touched == {"s0", "s1", "s2"}
    assert ones == {"centre": ["s1", "s2"], "overlap": ["s2"]}


def test_equal_settings_give_equal_files_and_another_seed_others(slides: list[Path], tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        cut(slides, tmp_path / name, per_slide=20, balance="equal", seed=seed)
    first, second, third = (arrays(tmp_path / name) for name in "abc")
    assert np.array_equal(first[0], second[0])
    assert first[2] == second[2]
    assert first[2] != third[2]
    assert abs(int(first[1].sum()) - (first[1] == 0).sum()) <= 1
    assert max(np.unique([row["wsi"] for row in first[2]], return_counts=True)[1]) <= 20


def test_of_large_patches_fewer_are_held_together(
    slides: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.slides.tiling.BATCH_BYTES", 5 * SIZE * SIZE * 3)
    told = [0]
    tile_slides(
        slides,
        tmp_path / "data",
        TileSettings(size=SIZE),
        table=table(slides),
        progress=lambda what, done, _total: told.append(done) if what == "writing patches" else None,
    )
    assert max(np.diff(told)) == 5


def test_splits_are_of_whole_slides(slides: list[Path], tmp_path: Path) -> None:
    found = cut(slides, tmp_path / "data", shares=(0.34, 0.33, 0.33))
    assert set(found.counts) == {"train", "valid", "test"}
    held = [
        {row["wsi"] for row in arrays(tmp_path / "data", f"camelyonpatch_level_2_split_{name}")[2]}
        for name in ("train", "valid", "test")
    ]
    assert sum(map(len, held)) == len(set.union(*held)) == 6
    assert all(min(counts) > 0 for counts in found.counts.values())


def test_slides_without_outlines_have_the_tables_label(slides: list[Path], tmp_path: Path) -> None:
    slides[0].with_suffix(".geojson").unlink()
    cut(slides, tmp_path / "data")
    _, y, meta = arrays(tmp_path / "data")
    assert {label for row, label in zip(meta, y.tolist(), strict=True) if row["wsi"] == "s0"} == {1}


def test_the_resolution_is_that_of_the_patches(slides: list[Path], tmp_path: Path) -> None:
    cut(slides, tmp_path / "once")
    pixels = painted(300, 400, (48, 48, 250, 350), PURPLE)
    twice = tmp_path / "twice"
    twice.mkdir()
    save(twice / "s0.png", pixels.repeat(2, axis=0).repeat(2, axis=1), dpi=2 * 25400 / 0.972)
    square(twice / "s0.geojson", tuple(2 * place for place in PURPLE))  # type: ignore[arg-type]
    tile_slides([twice / "s0.png"], tmp_path / "data", TileSettings(size=SIZE))
    _, y, meta = arrays(tmp_path / "data")
    assert y.sum() == 12
    assert {int(row["coord_x"]) for row, label in zip(meta, y, strict=True) if label} == {240, 288, 336, 384}


def test_the_data_set_says_the_resolution_of_its_patches(slides: list[Path], tmp_path: Path) -> None:
    cut(slides, tmp_path / "as_pcam")
    assert read_description(tmp_path / "as_pcam") == Description(("benign", "malignant"), 0.972)
    cut(slides, tmp_path / "finer", mpp=0.9)
    assert read_description(tmp_path / "finer").microns_per_pixel == 0.9


def test_a_slide_of_which_nothing_or_two_things_are_known_is_refused(slides: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"s3\.png: has neither s3\.xml nor \.geojson; add one"):
        tile_slides(slides, tmp_path / "data", TileSettings(size=SIZE))
    assert not (tmp_path / "data").exists()
    square(slides[4].with_suffix(".geojson"), PURPLE)
    with pytest.raises(DataError, match=r"s4\.geojson: outlines tumour, but .*slides\.csv has label 0 for s4\.png"):
        cut(slides, tmp_path / "data")


def test_a_slide_of_label_1_whose_annotations_outline_nothing_is_refused(slides: list[Path], tmp_path: Path) -> None:
    slides[1].with_suffix(".geojson").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"s1\.geojson: outlines no tumour, but .*slides\.csv has label 1 for s1\.png"):
        cut(slides, tmp_path / "data")


def test_a_data_set_needs_both_labels_in_every_split(slides: list[Path], tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"the slides give \d+ patches of label 0 and 0 of label 1; a data set needs both"
    ):
        cut(slides[3:], tmp_path / "data")
    with pytest.raises(HpoError, match="is not possible: a part would lack a class"):
        cut(slides[2:], tmp_path / "data", shares=(0.4, 0.3, 0.3))


def test_an_older_data_set_stays_unless_it_is_to_be_replaced(slides: list[Path], tmp_path: Path) -> None:
    cut(slides, tmp_path / "data")
    before = (tmp_path / "data/patches_x.h5").read_bytes()
    with pytest.raises(DataError, match="--overwrite replaces the whole data set"):
        cut(slides, tmp_path / "data", stride=12)
    assert (tmp_path / "data/patches_x.h5").read_bytes() == before
