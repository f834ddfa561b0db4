from __future__ import annotations

from pathlib import Path

import pytest

from hpo.data.dataset import open_dataset
from hpo.data.description import Description, read_description, write_description
from hpo.data.meta import read_files, read_slides
from hpo.errors import DataError


def test_the_names_of_the_classes_are_kept_with_the_data(tmp_path):
    write_description(tmp_path, Description(("normal", "tumör")))
    assert read_description(tmp_path) == Description(("normal", "tumör"))
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.json"]


def test_the_resolution_is_kept_if_it_is_known(tmp_path):
    write_description(tmp_path, Description(("normal", "tumour"), 0.5))
    assert read_description(tmp_path) == Description(("normal", "tumour"), 0.5)
    write_description(tmp_path, Description(("normal", "tumour")))
    assert "microns" not in (tmp_path / "dataset.json").read_text(encoding="utf-8")
    assert read_description(tmp_path).microns_per_pixel is None


def test_a_data_set_without_a_description_has_pcams_words(tmp_path):
    assert read_description(tmp_path).classes == ("benign", "malignant")


def test_a_description_does_not_change_the_digest(pcam_folder):
    before = open_dataset(pcam_folder, patch_size=8).digest
    write_description(pcam_folder, Description(("normal", "tumour")))
    assert open_dataset(pcam_folder, patch_size=8).digest == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        '{"classes": ["a", "b"]}',
        '{"format": 2, "classes": ["a", "b"]}',
        '{"format": 1, "classes": "ab"}',
        '{"format": 1, "classes": ["a"]}',
        '{"format": 1, "classes": ["a", "a"]}',
        '{"format": 1, "classes": ["a", 1]}',
        '{"format": 1, "classes": ["a", " "]}',
        '{"format": 1, "classes": ["a", "b"], "microns_per_pixel": 0}',
        '{"format": 1, "classes": ["a", "b"], "microns_per_pixel": 101}',
        '{"format": 1, "classes": ["a", "b"], "microns_per_pixel": NaN}',
        '{"format": 1, "classes": ["a", "b"], "microns_per_pixel": true}',
        '{"format": 1, "classes": ["a", "b"], "microns_per_pixel": "0.5"}',
        '{"format": 1, "classes": ["' + "a" * (1 << 20) + '", "b"]}',
    ],
)
def test_a_damaged_description_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"dataset\.json") as error:
        read_description(tmp_path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500 + len(str(tmp_path))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "dataset.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"dataset\.json"):
        read_description(tmp_path)


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    (tmp_path / "dataset.json").mkdir()
    with pytest.raises(DataError, match="not a regular file"):
        read_description(tmp_path)


def test_a_description_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        write_description(tmp_path / "nowhere", Description())


class TestTable:
    def table(self, folder: Path, text: str) -> Path:
        (folder / "patches_meta.csv").write_text(text, encoding="utf-8")
        return folder / "patches_meta.csv"

    def test_a_table_may_name_files_and_no_slides(self, tmp_path):
        path = self.table(tmp_path, ",file\n0,a/1.png\n1,b/2.png\n")
        assert read_slides(path, 2) is None
        assert list(read_files(path, 2)) == ["a/1.png", "b/2.png"]

    def test_a_table_may_name_slides_and_no_files(self, tmp_path):
        path = self.table(tmp_path, ",wsi\n0,s1\n1,s2\n")
        assert list(read_slides(path, 2)) == ["s1", "s2"]
        assert read_files(path, 2) is None

    def test_a_table_of_another_length_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="has 1 rows"):
            read_files(self.table(tmp_path, ",file\n0,a/1.png\n"), 2)

    def test_a_table_with_neither_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="no column 'wsi'"):
            read_slides(self.table(tmp_path, ",slide\n0,s1\n"), 1)
