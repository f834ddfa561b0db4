"""The page as a reader has it: in a real browser, from a file, without a network."""

from __future__ import annotations

import base64
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from plotly.offline import get_plotlyjs

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.config.yaml_file import read_yaml
from hpo.reports.page import render_report, write_report
from hpo.reports.panels import versions
from hpo.reports.results import StudyResults
from tests.reports.browser import browse
from tests.reports.invented import invent_study

PAPER = Dashboard.model_validate(read_yaml(Path(__file__).parents[2] / "dashboards" / "paper.yaml").values)
FIGURES = {"factor_effect", "schedules", "strategy_curves", "history", "before_after", "roc"}


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


class TestInABrowser:
    def test_a_finished_report_opens_with_every_figure_drawn_and_nothing_asked_of_the_network(
        self, browser: Browser, finished: StudyResults, tmp_path: Path
    ) -> None:
        write_report(finished, PAPER, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html")
        assert facts["troubles"] == []
        assert facts["requests"] == []
        assert facts["missing"] == []
        assert facts["panels"] == [panel.panel for panel in PAPER.panels]
        drawn = [figure["panel"] for figure in facts["figures"]]
        assert drawn == [panel.panel for panel in PAPER.panels if panel.panel in FIGURES]
        for figure in facts["figures"]:
            assert figure["width"] > 250, figure
            assert figure["height"] > 250, figure
            assert figure["inside"], figure
            assert figure["marks"] > 0, figure
        assert all(width > 0 for width in facts["pictures"])
        assert len(facts["pictures"]) == 1

    @pytest.mark.parametrize("width", [1280, 420])
    def test_nothing_is_wider_than_the_window(
        self, browser: Browser, finished: StudyResults, tmp_path: Path, width: int
    ) -> None:
        write_report(finished, PAPER, tmp_path / "report.html")
        assert browse(browser, tmp_path / "report.html", width=width)["wide"] == 0

    def test_a_running_study_has_a_report_that_says_what_is_missing(
        self, browser: Browser, running: StudyResults, tmp_path: Path
    ) -> None:
        write_report(running, PAPER, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html")
        assert facts["troubles"] == []
        assert facts["panels"] == [panel.panel for panel in PAPER.panels]
        assert "This study is not finished (stage 1: 17 of 68 trials done" in facts["text"]
        assert "No architecture has been tested before and after tuning yet." in facts["missing"]

    def test_a_study_that_has_not_begun_has_a_report_too(
        self, browser: Browser, empty: StudyResults, tmp_path: Path
    ) -> None:
        write_report(empty, PAPER, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html")
        assert facts["troubles"] == []
        assert {figure["panel"] for figure in facts["figures"]} == {"schedules"}
        assert len(facts["missing"]) == len(PAPER.panels) - 2  # the block diagram and the schedules need no results

    def test_names_are_shown_as_they_are_and_never_run(self, browser: Browser, tmp_path: Path) -> None:
        wicked = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
        results = invent_study(architectures=(wicked, "model&2"), seeds=(0, 1), name=wicked)
        results = replace(results, versions={wicked: wicked})
        write_report(results, PAPER, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html")
        assert facts["troubles"] == []
        assert facts["requests"] == []
        assert f"{wicked}: before and after tuning" in facts["text"]
        assert "model&2" in facts["text"]
        assert any(f"{wicked} after: AUC" in figure["text"] for figure in facts["figures"] if figure["panel"] == "roc")

    def test_a_page_that_misbehaves_would_be_noticed(self, browser: Browser, tmp_path: Path) -> None:
        page = tmp_path / "bad.html"
        policy = '<meta http-equiv="Content-Security-Policy" content="img-src data:">'
        page.write_text(
            f"<html><head>{policy}</head><body><p>bad<img src='https://example.invalid/pixel.png'>"
            "<script>console.error('said so'); undefinedFunction()</script></body></html>",
            encoding="utf-8",
        )
        troubles = "\n".join(browse(browser, page)["troubles"])
        for trouble in ("https://example.invalid/pixel.png' violates", "said so", "undefinedFunction"):
            assert trouble in troubles


class TestTheFile:
    def test_it_holds_everything_once_and_names_no_address(self, finished: StudyResults) -> None:
        page = render_report(finished, PAPER)
        assert page.count(get_plotlyjs()) == 1
        addresses = _Addresses()
        addresses.feed(page)
        assert [address for address in addresses.found if not address.startswith(("#", "data:"))] == []
        sheet = finished.data.contact_sheet if finished.data else None
        assert sheet is not None
        assert base64.b64encode(sheet).decode() in page

    def test_its_policy_lets_a_browser_refuse_every_request(self, empty: StudyResults) -> None:
        page = render_report(empty, PAPER)
        assert "default-src 'none'" in page
        assert "connect-src" not in page

    def test_equal_results_give_equal_pages(self, running: StudyResults) -> None:
        assert render_report(running, PAPER) == render_report(running, PAPER)

    def test_sections_labels_and_titles_come_from_the_dashboard(self, empty: StudyResults) -> None:
        panels = (
            PanelSettings(panel="versions", section="The <end>", label="Table 9", title="With what"),
            PanelSettings(panel="failures"),
        )
        page = render_report(empty, Dashboard(title="My & report", panels=panels))
        assert "<title>My &amp; report</title>" in page
        assert '<a href="#section-0">The &lt;end&gt;</a>' in page
        assert '<h3><span class="label">Table 9</span>With what</h3>' in page
        assert page.count('class="panel full"') == 2

    def test_a_report_that_fails_leaves_the_former_one_as_it_was(
        self, empty: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "out" / "report.html"
        write_report(empty, PAPER, path)
        former = path.read_bytes()

        def broken(*_: object) -> str:
            raise RuntimeError("drawing failed")

        monkeypatch.setattr(versions, "title", broken)
        with pytest.raises(RuntimeError, match="drawing failed"):
            write_report(empty, PAPER, path)
        assert path.read_bytes() == former
        assert [file.name for file in path.parent.iterdir()] == ["report.html"]
