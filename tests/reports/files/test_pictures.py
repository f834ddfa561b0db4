"""The folder beside the report: which files it has, what the pictures are, and what is said where there are none."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest
from PIL import Image

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.reports.files.pictures import write_figures
from hpo.reports.html import Html
from hpo.reports.page.report import write_report
from hpo.reports.page.shell import Heading, PanelContents, Section
from hpo.reports.table import Cell, Column, Table
from hpo.results.study import StudyResults
from tests.browser import find_browser

SVG = "{http://www.w3.org/2000/svg}"


def sections(*drawings: go.Figure | Table | Html | None, width: str = "half") -> list[Section]:
    return [Section("", [PanelContents(Heading("t", width=width, panel="p"), "p", one, "") for one in drawings])]


@pytest.fixture
def no_kaleido(monkeypatch: pytest.MonkeyPatch) -> None:
    """None in `sys.modules` is what an import of something not installed meets."""
    monkeypatch.setitem(sys.modules, "kaleido", None)


class TestWithABrowser:
    @pytest.fixture(autouse=True)
    def _browser(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BROWSER_PATH", str(find_browser()))

    def test_every_figure_is_drawn_as_svg_and_png_on_white_paper_as_wide_as_on_the_page(self, tmp_path: Path) -> None:
        shown = go.Figure(go.Bar(x=["m<1>"], y=[1], name="$a$"), layout={"height": 300, "showlegend": True})
        shown.layout.template = None
        said: list[str] = []
        write_figures(sections(shown), tmp_path / "new" / "folder", said.append)
        assert said == []
        assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == [
            "01-p.csv",
            "01-p.png",
            "01-p.svg",
        ]
        with Image.open(tmp_path / "new" / "folder" / "01-p.png") as picture:
            assert picture.size == (2 * 562, 2 * 300)
            assert picture.convert("RGB").getpixel((5, 5)) == (255, 255, 255)
        root = ElementTree.parse(tmp_path / "new" / "folder" / "01-p.svg").getroot()  # noqa: S314 - our own file
        assert (root.get("width"), root.get("height")) == ("562", "300")
        texts = {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}
        assert "$a$" in texts  # and no formula

    def test_a_reports_folder_has_its_panels_in_their_order(self, finished: StudyResults, tmp_path: Path) -> None:
        panels = (
            PanelSettings(panel="two_stages"),
            PanelSettings(panel="factor_effect", factor="batch_size", metric="f1"),
            PanelSettings(panel="ranges"),
            PanelSettings(panel="factor_effect", factor="momentum"),
        )
        said: list[str] = []
        write_report(finished, Dashboard(panels=panels), tmp_path / "r.html", said.append, tmp_path / "figures")
        found = sorted(file.name for file in (tmp_path / "figures").iterdir())
        stem = "02-factor_effect-batch_size-f1"
        assert found == [f"{stem}.csv", f"{stem}.png", f"{stem}.svg", "03-ranges.csv"]
        assert said == []

    def test_what_is_there_already_is_replaced_and_nothing_else_touched(self, tmp_path: Path) -> None:
        (tmp_path / "01-p.csv").write_text("old")
        (tmp_path / "mine.txt").write_text("mine")
        write_figures(sections(Table([Column("a")], [[Cell("b")]])), tmp_path)
        assert (tmp_path / "01-p.csv").read_text() == "a\nb\n"
        assert sorted(file.name for file in tmp_path.iterdir()) == ["01-p.csv", "mine.txt"]


class TestWithoutPictures:
    FIGURE = go.Figure(go.Scatter(x=[1], y=[2]))

    @pytest.mark.usefixtures("no_kaleido")
    def test_without_kaleido_the_numbers_are_written_and_one_line_says_what_to_install(self, tmp_path: Path) -> None:
        said: list[str] = []
        write_figures(sections(self.FIGURE, Html("<b>free</b>"), None, self.FIGURE), tmp_path, said.append)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["01-p.csv", "04-p.csv"]
        with (tmp_path / "01-p.csv").open(newline="") as file:
            assert list(csv.reader(file)) == [["trace", "x", "y"], ["", "1", "2"]]
        (line,) = said
        assert line.startswith("no pictures: they need Kaleido 1 or later, which is not installed: pip install")

    def test_an_old_kaleido_is_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "kaleido", ModuleType("kaleido"))
        said: list[str] = []
        write_figures(sections(self.FIGURE), tmp_path, said.append)
        assert "Kaleido 1 or later" in said[0]

    def test_without_a_browser_one_line_says_which_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nowhere"))
        said: list[str] = []
        write_figures(sections(self.FIGURE), tmp_path / "out", said.append)
        (line,) = said
        assert line.startswith("no pictures: Kaleido finds no Chrome or Chromium: install one")
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["01-p.csv"]

    def test_a_browser_that_fails_is_one_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        broken = tmp_path / "chromium"
        broken.write_text("#!/bin/sh\nexit 1\n")
        broken.chmod(0o755)
        monkeypatch.setenv("BROWSER_PATH", str(broken))
        said: list[str] = []
        write_figures(sections(self.FIGURE), tmp_path / "out", said.append)
        (line,) = said
        assert line.startswith("no pictures: the browser failed: ")
        assert "\n" not in line

    @pytest.mark.usefixtures("no_kaleido")
    def test_where_nothing_is_drawn_nothing_is_said(self, tmp_path: Path) -> None:
        said: list[str] = []
        write_figures(sections(Html("<b>free</b>"), Table([Column("a")], [["b"]]), None), tmp_path, said.append)
        assert said == []
