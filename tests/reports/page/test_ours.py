"""A report replaces a report, and figures join figures; nothing else of a user's is written over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.reports.html import Html
from hpo.reports.page.ours import check_figures, check_page
from hpo.reports.page.shell import render_page, write_page

EARLIER = (
    '<!DOCTYPE html>\n<html lang="en"><head></head><body>' + "x" * 10_000 + "<footer>Made by hpo. This page is one file"
)


def test_a_page_of_ours_may_be_replaced_and_so_may_nothing(tmp_path: Path) -> None:
    page = tmp_path / "new/report.html"
    check_page(page, "--output")
    write_page(page, render_page("title", "lead", Html(""), []))
    check_page(page, "--output")
    page.write_text(EARLIER + " and opens without a network.</footer></body></html>")
    check_page(page, "--output")
    page.write_text("")
    check_page(page, "--output")


@pytest.mark.parametrize(
    "content",
    [b"SQLite format 3\x00", b"name: mine\n", b"\x00", b"<!DOCTYPE html>\n<html><body>my thesis</body></html>"],
)
def test_any_other_file_is_refused_and_stays(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "study.db"
    file.write_bytes(content)
    with pytest.raises(HpoError) as refused:
        check_page(file, "--output")
    assert str(refused.value) == (f"--output {file} already exists and is not a report of hpo; name another file")
    assert file.read_bytes() == content


def test_a_link_to_another_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    os.mkfifo(tmp_path / "pipe")
    for name, message in {
        "link": "is not a report of hpo",
        "pipe": "is not a regular file",
        ".": "is a folder",
    }.items():
        with pytest.raises(HpoError, match=message):
            check_page(tmp_path / name, "--output")


def test_figures_go_into_a_new_or_empty_folder_or_to_figures_of_ours(tmp_path: Path) -> None:
    check_figures(tmp_path / "new", "--figures")
    check_figures(tmp_path, "--figures")
    for name in ("01-history.csv", "02-factor_effect-learning_rate-auc.svg", "12-roc.png", ".03-roc-tiny.csv"):
        (tmp_path / name).write_text("x")
    check_figures(tmp_path, "--figures")


@pytest.mark.parametrize("name", ["thesis.tex", "figure.png", "01.png", "1-roc.png", "01-roc.pdf", ".git"])
def test_a_folder_with_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "01-history.csv").write_text("x")
    (tmp_path / name).write_text("x")
    with pytest.raises(HpoError, match=f"--figures {tmp_path} holds {name}, which no report wrote; name a folder"):
        check_figures(tmp_path, "--figures")


def test_a_file_in_the_folders_place_and_a_folder_in_a_figures_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "01-roc.png").mkdir()
    with pytest.raises(HpoError, match=r"holds 01-roc\.png"):
        check_figures(tmp_path, "--figures")
    (tmp_path / "file").write_text("x")
    with pytest.raises(HpoError, match="is a file; name a folder"):
        check_figures(tmp_path / "file", "--figures")
