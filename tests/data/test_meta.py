from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpo.data.meta import read_files, read_slides
from hpo.errors import DataError

SLIDES = ["a", "a", "b", "b"]
TABLE = "wsi,note\na,x\na,x\nb,x\nb,x\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "patches_meta.csv"


def slides(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    found = read_slides(path, 4)
    assert found is not None
    return [str(name) for name in found]


def test_no_table_means_that_slides_are_unknown(path):
    assert read_slides(path, 4) is None
    assert read_files(path, 4) is None


class TestWhatSpreadsheetsWrite:
    @pytest.mark.parametrize(
        "content",
        [
            TABLE,
            TABLE.replace("\n", "\r\n"),
            TABLE.replace(",", ";"),
            TABLE.replace(",", "\t"),
            "sep=;\r\n" + TABLE.replace(",", ";"),
            TABLE.encode("utf-8-sig"),
            TABLE.replace(",", "\t").encode("utf-16"),
            TABLE.replace(",", ", ").replace("wsi", " wsi "),
            TABLE.replace("a,", '"a" ,').replace("b,", ' "b",'),
            TABLE.replace("wsi", "WSI"),
            TABLE + "\n\n",
            TABLE + ",\n,\n",
            "patch,wsi\n0, a\n1, a\n2, b\n3, b",
            "wsi\na\na\nb\nb\n",
        ],
        ids=[
            "plain", "crlf", "semicolon", "tab", "sep=", "mark", "utf-16", "blanks", "quotes", "capitals", "empty ends",
            "empty rows", "no line end", "one column",
        ],
    )  # fmt: skip
    def test_is_read(self, path, content):
        assert slides(path, content) == SLIDES

    def test_names_keep_their_separators_and_letters(self, path):
        assert slides(path, 'wsi;file\n"a;b";1.png\nä,ö;2.png\nc d;3.png\ne;4.png\n') == ["a;b", "ä,ö", "c d", "e"]
        files = read_files(path, 4)
        assert files is not None
        assert files.tolist() == ["1.png", "2.png", "3.png", "4.png"]


class TestRefusals:
    """One line with the file and the place; nothing is put on the wrong slide."""

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("wsi,note\na,x\n,x\nb,x\n,x\n", ["row 1 names no slide", "2 such rows", "fill them down"]),
            ("wsi,note\na,x\n\nb,x\nb,x\n", ["row 1 names no slide"]),
            ("wsi,note\na,x\n#N/A,x\nb,x\nb,x\n", ["row 1 names no slide but #N/A"]),
            ("note,wsi\nx,a\nx\nx,b\nx,b\n", ["row 1 names no slide"]),
            ("wsi,note\na,x\nnan,x\nb,x\nb,x\n", ["row 1 names no slide but nan"]),
            ("wsi,note\na,x\na,b,x\nb,x\nb,x\n", ["row 1 has 3 fields, the header 2"]),
            ("wsi,note\na,x\na,x\nb,x\n", ["has 3 rows", "4 patches"]),
            ("wsi,wsi\na,x\na,x\nb,x\nb,x\n", ["'wsi' 2 times"]),
            ("slide;note\na;x\n", ["no column 'wsi'", "slide;note"]),
            ("", ["no column 'wsi'", "none"]),
            ("wsi\na\nb\0\nc\nd\n", ["line 3", "NUL"]),
            ("wsi\na\nM\u00fcller\nc\nd\n".encode("cp1252"), ["line 3 is not UTF-8", "0xfc", "CSV UTF-8"]),
            ('wsi\na\n"b\nc\nd\n', ["2 rows"]),
            ("wsi\n" + "x" * 300_000, ["too many for 4 patches"]),
            ("wsi,file\n" + "x" * 60_000 + "\n" + "y," * 4000, ["row 1 has 4001 fields"]),
        ],
    )
    def test_say_what_is_wrong_and_where(self, path, content, words):
        with pytest.raises(DataError) as error:
            slides(path, content)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 1000
        for word in (path.name, *words):
            assert word in str(error.value)

    def test_a_pipe_is_not_waited_on(self, path):
        os.mkfifo(path)
        with pytest.raises(DataError, match="a named pipe"):
            read_slides(path, 4)

    def test_a_link_to_nothing_is_not_taken_for_unknown_slides(self, path):
        path.symlink_to("elsewhere.csv")
        with pytest.raises(DataError, match=r"link to elsewhere\.csv, which does not exist"):
            read_slides(path, 4)

    def test_rows_in_another_order_than_the_patches_are_refused(self, path):
        with pytest.raises(DataError, match=r"row 2 is numbered 1, after 2: rows are in the patches' order; sort"):
            slides(path, ",wsi\n0,a\n2,b\n1,a\n3,b\n")

    @pytest.mark.parametrize(
        "content",
        [
            "Unnamed: 0,wsi\n0,a\n2,b\n1,a\n3,b\n",  # pandas: sort_values(...).to_csv(index=False)
            ",Unnamed: 0,wsi\n0,0,a\n1,2,b\n2,1,a\n3,3,b\n",
            ",wsi\n0.0,a\n2.0,b\n1.0,a\n3.0,b\n",
        ],
    )
    def test_row_numbers_are_known_as_pandas_writes_them_again(self, path, content):
        with pytest.raises(DataError, match="row 2 is numbered 1, after 2"):
            slides(path, content)

    def test_numbers_of_a_part_of_a_table_may_have_gaps(self, path):
        assert list(slides(path, ",wsi\n4,a\n7,b\n8,a\n30,b\n")) == ["a", "b", "a", "b"]
