"""Files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.whole_file import whole_file


def test_a_file_appears_with_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert temporary.suffix == ".keras"
        assert not path.exists()
        temporary.write_text("whole")
    assert [(one.name, one.read_text()) for one in path.parent.iterdir()] == [("model.keras", "whole")]


def test_of_a_block_that_fails_nothing_remains_and_the_former_file_does(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("former")
    with pytest.raises(ZeroDivisionError):
        _write_half(path)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("page.html", "former")]


def _write_half(path: Path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_a_block_that_wrote_nothing_is_an_error_and_the_former_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("former")
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass
    assert path.read_text() == "former"
