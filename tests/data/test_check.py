from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from hpo.data.check import check_folder
from hpo.data.description import Description, write_description
from hpo.errors import DataError


def random(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


def test_a_sound_data_set_is_described_without_problems(tmp_path, write_split):
    for number, name in enumerate(("train", "valid", "test")):
        write_split(tmp_path, name, x=random(10, number), wsi=[f"{name}{row % 3}" for row in range(10)])

    report = check_folder(tmp_path)

    assert report.problems == ()
    train = report.splits[0]
    assert (train.name, train.patches, train.shape) == ("train", 10, (10, 8, 8, 3))
    assert (train.classes, train.slides, train.repeats) == ({"benign": 5, "malignant": 5}, 3, 0)
    assert [(crossing.splits, crossing.repeats, crossing.slides) for crossing in report.crossings] == [
        (("train", "valid"), 0, 0),
        (("train", "test"), 0, 0),
        (("valid", "test"), 0, 0),
    ]


def test_repeats_within_and_across_splits_are_counted(tmp_path, write_split):
    x = random(10, 0)
    x[7], x[8] = x[0], x[1]  # rows 7 and 8 have the labels 1 and 0, rows 0 and 1 have 0 and 1
    test = random(10, 2)
    test[3:6] = x[2:5]
    write_split(tmp_path, "train", x=x)
    write_split(tmp_path, "valid", x=random(10, 1))
    write_split(tmp_path, "test", x=test)

    report = check_folder(tmp_path)

    assert (report.splits[0].repeats, report.splits[0].contradictions) == (2, 4)
    assert [crossing.repeats for crossing in report.crossings] == [0, 3, 0]
    assert [crossing.contradictions for crossing in report.crossings] == [0, 3, 0]
    assert report.problems == (
        "train: 4 patches with both labels: the same pixels are in more than one class",
        "test: 3 patches are exact repeats of patches in train (3 with another label)",
    )


def test_a_slide_in_two_splits_is_a_problem(tmp_path, write_split):
    for number, name in enumerate(("train", "valid", "test")):
        slide = "shared" if name != "test" else "own"
        write_split(tmp_path, name, x=random(10, number), wsi=[slide] * 10)
    assert check_folder(tmp_path).problems == ("valid: 1 slide is also in train",)


def test_damaged_files_are_reported_and_the_rest_is_checked(pcam_folder):
    (pcam_folder / "camelyonpatch_level_2_split_valid_x.h5").write_bytes(b"garbage" * 99)
    report = check_folder(pcam_folder)
    assert [split.name for split in report.splits] == ["train", "test"]
    assert any("valid_x.h5" in problem and "damaged" in problem for problem in report.problems)


def test_a_missing_split_and_a_single_class_are_problems(tmp_path, write_split):
    write_split(tmp_path, "train", x=random(4, 0), y=np.zeros((4, 1, 1, 1), np.uint8))
    write_split(tmp_path, "test", x=random(4, 1))
    problems = " ".join(check_folder(tmp_path).problems)
    assert "the valid split is missing" in problems
    assert "train has 4 benign and 0 malignant patches; AUC needs both" in problems


def test_one_labelled_set_needs_no_splits(tmp_path, write_split):
    write_split(tmp_path, "patches")
    assert check_folder(tmp_path).problems == ()


def test_the_report_has_a_json_form(pcam_folder):
    values = json.loads(json.dumps(check_folder(pcam_folder).to_json()))
    assert values["splits"][1]["name"] == "valid"
    assert values["splits"][0]["shape"] == [10, 8, 8, 3]


def test_the_preview_shows_patches_of_both_classes(tmp_path, write_split):
    for name in ("train", "valid", "test"):
        x = np.zeros((6, 8, 8, 3), np.uint8)
        x[1::2] = (200, 10, 10)
        write_split(tmp_path, name, x=x)

    check_folder(tmp_path, preview=tmp_path / "pictures" / "preview.png")

    colours = Image.open(tmp_path / "pictures" / "preview.png").convert("RGB").getcolors(1 << 20)
    counts = {colour: count for count, colour in colours}
    assert counts[200, 10, 10] == 3 * 3 * 64


def test_a_preview_that_cannot_be_written_is_refused(pcam_folder):
    (pcam_folder / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        check_folder(pcam_folder, preview=pcam_folder / "file" / "preview.png")


def test_a_folder_without_data_is_refused(tmp_path):
    with pytest.raises(DataError, match="no PCam files"):
        check_folder(tmp_path)


def test_classes_have_the_names_that_the_data_set_gives_them(tmp_path, write_split):
    write_split(tmp_path, "patches")
    write_description(tmp_path, Description(("normal", "tumour")))
    assert check_folder(tmp_path).splits[0].classes == {"normal": 5, "tumour": 5}
