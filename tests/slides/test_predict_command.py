from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.slides.model_file import ModelFile
from tests.cli.hpo import Hpo
from tests.slides.models import SIZE, probability_of
from tests.slides.pictures import painted, save

pytest_plugins: list[str] = []


@pytest.fixture
def hpo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hpo:
    from hpo import terminal

    for one in (terminal.out, terminal.err):
        monkeypatch.setattr(one, "_width", 240)
    return Hpo(monkeypatch, capsys)


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return save(tmp_path / "slide.png", painted(300, 400, (48, 48, 250, 350), (96, 96, 168, 192)))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_slide_becomes_a_heat_map_and_a_table(hpo: Hpo, model: ModelFile, slide: Path, tmp_path: Path) -> None:
    ended = hpo("predict", model.path, slide, "-o", tmp_path / "out", "--csv", tmp_path / "scores.csv")
    assert (ended.status, ended.err) == (0, "")
    assert "threshold 0.500, by default" in ended.out
    assert "patches of 0.972 µm per pixel, as PCam's, because its study does not say (--model-mpp)" in ended.out
    tiles = rows(tmp_path / "out/slide/tiles.csv")
    inside = [tile for tile in tiles if 96 <= int(tile["x"]) <= 168 and 96 <= int(tile["y"]) <= 144]
    assert len(inside) == 7 * 5
    assert all(float(tile["probability"]) > 0.99 for tile in inside)
    with Image.open(tmp_path / "out/slide/heatmap.png") as picture:
        assert min(picture.size) > 300
    (score,) = rows(tmp_path / "scores.csv")
    assert score["file"] == "slide.png"
    assert int(score["tiles"]) == len(tiles)
    assert 0.05 < float(score["tumour_share"]) < 0.3
    assert [path.name for path in (tmp_path / "out/slide").iterdir() if path.name.startswith(".")] == []


def test_a_folder_of_patches_becomes_one_line_each(hpo: Hpo, model: ModelFile, tmp_path: Path) -> None:
    patches = np.stack([np.full((SIZE, SIZE, 3), value, np.uint8) for value in (90, 128, 250)])
    (tmp_path / "patches/deep").mkdir(parents=True)
    for number, patch in enumerate(patches):
        save(tmp_path / "patches/deep" / f"{number}.png", patch, dpi=None)
    assert hpo("predict", model.path, tmp_path / "patches", "--csv", tmp_path / "scores.csv").status == 0
    found = rows(tmp_path / "scores.csv")
    assert [row["file"] for row in found] == ["deep/0.png", "deep/1.png", "deep/2.png"]
    assert np.allclose([float(row["probability"]) for row in found], probability_of(patches), atol=1e-5)


def test_one_bad_image_does_not_stop_the_others(hpo: Hpo, model: ModelFile, slide: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    slide.rename(folder / "good.png")
    (folder / "bad.png").write_text("nothing", encoding="utf-8")
    ended = hpo("predict", model.path, folder, "-o", tmp_path / "out", "--csv", tmp_path / "scores.csv")
    assert ended.status == 2
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert "bad.png: not an image" in lines[0]
    assert lines[1] == "hpo: 1 of 2 images could not be predicted; the others are written"
    assert [row["file"] for row in rows(tmp_path / "scores.csv")] == ["good.png"]


def test_one_bad_patch_does_not_stop_the_others(hpo: Hpo, model: ModelFile, tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    folder.mkdir()
    for number in range(3):
        save(folder / f"{number}.png", painted(24, 24, (0, 0, 24, 24)))
    content = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(content[: len(content) // 2])
    ended = hpo("predict", model.path, folder, "--csv", tmp_path / "scores.csv")
    assert ended.status == 2
    first, last = ended.err.splitlines()
    assert "1.png: damaged or truncated" in first
    assert last == "hpo: 1 of 3 images could not be predicted; the others are written"
    assert [row["file"] for row in rows(tmp_path / "scores.csv")] == ["0.png", "2.png"]
    assert "1.png: damaged or truncated" in hpo.refused(
        "predict", model.path, folder / "1.png", "--csv", tmp_path / "one.csv"
    )


def test_what_cannot_be_done_is_refused_first(hpo: Hpo, model: ModelFile, slide: Path, tmp_path: Path) -> None:
    assert "nothing to write" in hpo.refused("predict", model.path, slide)
    (tmp_path / "notes.csv").write_text("my notes\n", encoding="utf-8")
    assert "is no table of scores" in hpo.refused("predict", model.path, slide, "--csv", tmp_path / "notes.csv")
    blocked = tmp_path / "file"
    blocked.touch()
    assert "file" in hpo.refused("predict", model.path, slide, "-o", blocked / "out")
    assert "no such file" in hpo.refused("predict", model.path, tmp_path / "none.svs", "-o", tmp_path / "out")
    assert "no such file or folder" in hpo.refused("predict", tmp_path / "none", slide, "-o", tmp_path / "out")
    assert "no/scores.csv" not in hpo.refused("predict", model.path, slide, "--csv", blocked / "scores.csv")
    silent = save(tmp_path / "silent.png", painted(300, 400, (48, 48, 250, 350)), dpi=None)
    assert "--mpp 0.5" in hpo.refused("predict", model.path, silent, "--csv", tmp_path / "scores.csv").replace("\n", "")


def outline(path: Path, box: tuple[int, int, int, int]) -> None:
    top, left, bottom, right = box
    ring = [[left, top], [right, top], [right, bottom], [left, bottom]]
    tumour = {"classification": {"name": "Tumor"}}
    path.write_text(
        json.dumps([{"geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": tumour}]), encoding="utf-8"
    )


def test_labels_and_annotations_give_scores_of_slides(hpo: Hpo, model: ModelFile, tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    for number in range(4):
        box = (96, 96, 168, 192) if number < 2 else None
        save(folder / f"s{number}.png", painted(300, 400, (48, 48, 250, 350), box))
        if box is not None:
            outline(folder / f"s{number}.geojson", box)
    (folder / "slides.csv").write_text("slide,label\ns0,1\ns1,1\ns2,0\ns3,0\n", encoding="utf-8")
    wanted = ("-o", tmp_path / "out", "--labels", folder / "slides.csv", "--annotations", folder)
    first = hpo("predict", model.path, folder, *wanted, "--csv", tmp_path / "scores.csv")
    assert (first.status, first.err) == (0, "")
    assert "AUC by slide, largest probability of a cell: 1.000 (" in first.out
    assert "FROC 1.000 of 2 lesions" in first.out
    told = json.loads((tmp_path / "out/slide_scores.json").read_text(encoding="utf-8"))
    assert told["auc"]["maximum"]["low"] < 0.9
    assert [row["label"] for row in rows(tmp_path / "scores.csv")] == ["1", "1", "0", "0"]
    summary = json.loads((tmp_path / "out/s0/summary.json").read_text(encoding="utf-8"))
    assert summary["annotations"]["dice"] > 0.8
    assert '"truth":[[[96.0,96.0]' in (tmp_path / "out/s0/slide.html").read_text(encoding="utf-8")
    again = hpo("predict", model.path, folder, *wanted)
    assert again.out.count("is finished; ") == 4
    assert "FROC 1.000 of 2 lesions" in again.out
    named = hpo("predict", model.path, folder, *wanted, "--positive", "tumor,lesion")
    assert named.out.count("is finished; ") == 2  # those without annotations
    assert hpo("predict", model.path, folder, *wanted).out.count("is finished; ") == 2
    outline(folder / "s0.geojson", (96, 96, 168, 150))
    third = hpo("predict", model.path, folder, *wanted)
    assert third.out.count("is finished; ") == 3
    (folder / "slides.csv").write_text("slide,label\ns0,0\n", encoding="utf-8")
    assert "outlines tumour, but the table of slides has label 0" in hpo.refused(
        "predict", model.path, folder / "s0.png", *wanted
    )


def test_labels_and_annotations_of_other_slides_are_not_passed_over(hpo: Hpo, model: ModelFile, tmp_path: Path) -> None:
    slide = save(tmp_path / "s0.png", painted(300, 400, (48, 48, 250, 350), None))
    (tmp_path / "slides.csv").write_text("slide,label\nS0,1\n", encoding="utf-8")
    (tmp_path / "other").mkdir()
    wanted = ("--labels", tmp_path / "slides.csv", "--annotations", tmp_path / "other")
    ended = hpo("predict", model.path, slide, "-o", tmp_path / "out", *wanted)
    assert ended.status == 0
    for name in ("slides.csv", "other"):
        assert f"{name}: names none of the slides that were predicted (1)" in ended.out
