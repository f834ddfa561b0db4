"""The report as a reader has it: in a real browser, from a file, without a network."""

from __future__ import annotations

import base64
import time
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from hpo.config.dashboard import Dashboard, PanelSettings
from hpo.config.yaml_file import read_yaml
from hpo.reports.page.embed import library
from hpo.reports.page.report import render_report, write_report
from hpo.reports.panels import versions
from hpo.results.study import StudyResults
from tests.browser import visit
from tests.reports.browser import browse, read_facts, weak_texts
from tests.reports.large import enlarge
from tests.results.invented import invent_study

DASHBOARDS = {
    path.stem: Dashboard.model_validate(read_yaml(path).values)
    for path in sorted((Path(__file__).parents[3] / "dashboards").glob("*.yaml"))
}
PAPER, FULL = DASHBOARDS["paper"], DASHBOARDS["full"]
WICKED = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
PRINTED_HEIGHT = (297 - 2 * 12) / 25.4 * 96 / 0.73  # CSS pixels of A4 within its margins, as page.css lays it out


@pytest.fixture(scope="module", params=sorted(DASHBOARDS))
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    """Each that comes with hpo."""
    return DASHBOARDS[request.param]


@pytest.fixture(scope="module")
def report(finished: StudyResults, dashboard: Dashboard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a finished study of four architectures."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(finished, dashboard, path)
    return path


@pytest.fixture(scope="module")
def desktop(browser: Browser, report: Path) -> dict[str, Any]:
    return browse(browser, report)


@pytest.fixture(scope="module")
def phone(browser: Browser, report: Path) -> dict[str, Any]:
    return browse(browser, report, width=390)


def asked(dashboard: Dashboard) -> list[PanelSettings]:
    """The panels of a study with one objective and no folds: the others are about a front, or folds."""
    others = ("front", "front_table", "hypervolume", "folds", "search_folds")
    return [panel for panel in dashboard.panels if panel.panel not in others]


class TestAFinishedReport:
    def test_it_asks_nothing_of_the_network_and_nothing_goes_wrong(self, desktop: dict[str, Any]) -> None:
        assert desktop["troubles"] == []
        assert desktop["requests"] == []

    def test_every_panel_is_there_with_its_data(self, desktop: dict[str, Any], dashboard: Dashboard) -> None:
        assert desktop["missing"] == []
        assert desktop["panels"] == [panel.panel for panel in asked(dashboard)]
        assert desktop["pictures"]
        assert all(width > 0 for width in desktop["pictures"])

    def test_every_figure_is_drawn_inside_its_panel(self, desktop: dict[str, Any], phone: dict[str, Any]) -> None:
        assert len(desktop["figures"]) == len(phone["figures"]) >= 10
        for figure in desktop["figures"] + phone["figures"]:
            assert figure["width"] > 200, figure
            assert 140 < figure["height"] <= PRINTED_HEIGHT, figure
            assert figure["inside"], figure
            assert figure["marks"] > 0, figure

    def test_on_a_phone_nothing_is_wider_than_the_window_and_no_text_is_tiny(self, phone: dict[str, Any]) -> None:
        assert phone["troubles"] == []
        assert phone["wide"] == 0
        assert phone["smallest"] >= 10
        assert all(figure["legend"] for figure in phone["figures"])

    def test_nothing_is_wider_than_a_large_window(self, desktop: dict[str, Any]) -> None:
        assert desktop["wide"] == 0

    def test_whoever_cannot_see_a_figure_is_told_its_title_and_finding(self, browser: Browser, report: Path) -> None:
        with visit(browser, report) as opened:
            for panel in opened.page.locator(".panel:has(.plot)").all():
                title = panel.locator("h3").evaluate("(one) => one.childNodes[one.childNodes.length - 2].textContent")
                finding = panel.locator(".finding").inner_text()
                assert len(finding) > 20
                assert panel.locator(".plot").get_attribute("aria-label") == f"{title}. {finding}"
            for table in opened.page.locator(".panel table").all():
                assert table.locator("th[scope=col]").count() > 0
            alternatives = opened.page.locator("img").evaluate_all("all => all.map((one) => one.alt)")
            assert all(alternatives)

    def test_headings_go_down_one_level_at_a_time(self, browser: Browser, report: Path) -> None:
        with visit(browser, report) as opened:
            headings = opened.page.locator("h1, h2, h3, h4, h5")
            levels = headings.evaluate_all("all => all.map((one) => Number(one.tagName[1]))")
            assert levels[0] == 1
            assert all(below - above <= 1 for above, below in pairwise(levels))

    @pytest.mark.parametrize("dark", [False, True])
    def test_texts_stand_out_from_light_and_from_dark_paper(
        self, browser: Browser, report: Path, *, dark: bool
    ) -> None:
        with visit(browser, report, dark=dark) as opened:
            read_facts(opened.page)
            assert weak_texts(opened.page) == []

    def test_it_is_small_and_opens_quickly(self, browser: Browser, report: Path) -> None:
        """In seconds of the page's own thread, which others who compute meanwhile do not lengthen."""
        assert report.stat().st_size < 8_000_000
        with visit(browser, "about:blank") as opened:
            session = opened.page.context.new_cdp_session(opened.page)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            opened.page.goto(report.resolve().as_uri())
            text = _busy(session)
            opened.page.wait_for_function("() => document.querySelector('.plot .main-svg')")
            first = _busy(session)
        assert text < 3
        assert first < 6  # processor time, which a busy machine stretches too


class TestOtherStudies:
    def test_a_running_study_has_a_report_that_says_what_is_missing(
        self, browser: Browser, running: StudyResults, tmp_path: Path, dashboard: Dashboard
    ) -> None:
        write_report(running, dashboard, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html")
        assert facts["troubles"] == []
        assert facts["panels"] == [panel.panel for panel in asked(dashboard)]
        assert "This study is not finished (stage 1: 17 of 68 trials done" in facts["text"]
        assert "No architecture has been tested before and after tuning yet." in facts["missing"]

    def test_a_study_that_has_not_begun_has_a_report_too(
        self, browser: Browser, empty: StudyResults, tmp_path: Path, dashboard: Dashboard
    ) -> None:
        write_report(empty, dashboard, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html")
        assert facts["troubles"] == []
        assert {figure["panel"] for figure in facts["figures"]} == {"schedules"}
        # The block diagram and the schedules need no results.
        assert len(facts["missing"]) == len(asked(dashboard)) - 2

    def test_names_are_shown_as_they_are_and_never_run(
        self, browser: Browser, tmp_path: Path, dashboard: Dashboard
    ) -> None:
        results = invent_study(architectures=(WICKED, "model&2"), seeds=(0, 1), name=WICKED)
        faults = tuple(replace(fault, reason=WICKED) for fault in results.faults)
        trials = tuple(replace(one, failure=WICKED if one.failure else "") for one in results.trials)
        mistakes = tuple(replace(one, slide=WICKED) for one in results.mistakes)
        results = replace(results, versions={WICKED: WICKED}, faults=faults, trials=trials, mistakes=mistakes)
        write_report(results, dashboard, tmp_path / "report.html")
        facts = browse(browser, tmp_path / "report.html", width=390)
        assert facts["troubles"] == []
        assert facts["requests"] == []
        assert facts["wide"] == 0
        assert f"{WICKED}: before and after tuning" in facts["text"]
        assert "model&2" in facts["text"]
        # A figure may break a name's line, but letters that HTML treats as its own are all there.
        named = [figure for figure in facts["figures"] if "onerror" in figure["text"].replace("\n", "")]
        assert {figure["panel"] for figure in named} >= {"factor_effect", "before_after", "roc"}
        assert not any("&lt;" in figure["text"] or "&amp;" in figure["text"] for figure in facts["figures"])

    def test_the_cost_of_a_report_hardly_depends_on_the_number_of_trials(self, finished: StudyResults) -> None:
        """A busy machine may be three times as slow, so the larger is compared with the smaller, not with a clock."""

        def rendered(trials: int) -> tuple[float, str]:
            large = enlarge(finished, trials)
            assert len(large.trials) == trials
            begun = time.process_time()
            page = render_report(large, FULL)
            return time.process_time() - begun, page

        rendered(1_000)  # imports, and what is computed once
        small, _ = rendered(1_000)
        large, page = rendered(10_000)
        assert large < 5 * small
        assert len(page) < 8_000_000

    def test_a_page_that_misbehaves_would_be_noticed(self, browser: Browser, tmp_path: Path) -> None:
        page = tmp_path / "bad.html"
        policy = '<meta http-equiv="Content-Security-Policy" content="img-src data:">'
        page.write_text(
            f"<html><head>{policy}</head><body><p>bad<img src='https://example.invalid/pixel.png'>"
            "<script>console.error('said so'); alert('hear me'); undefinedFunction()</script></body></html>",
            encoding="utf-8",
        )
        facts = browse(browser, page)
        troubles = "\n".join(facts["troubles"])
        for trouble in ("https://example.invalid/pixel.png' violates", "said so", "hear me", "undefinedFunction"):
            assert trouble in troubles
        assert facts["requests"] == ["https://example.invalid/pixel.png"]


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


class TestTheFile:
    def test_it_holds_everything_once_and_names_no_address(self, finished: StudyResults) -> None:
        page = render_report(finished, PAPER)
        assert page.count(library()) == 1
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
        assert '<h3><span class="label">Table 9</span>With what<a ' in page
        assert page.count('class="panel full"') == 2

    def test_each_panel_has_an_address_that_lasts(self, empty: StudyResults) -> None:
        panels = (PanelSettings(panel="roc"), PanelSettings(panel="failures"), PanelSettings(panel="roc"))
        page = render_report(empty, Dashboard(panels=panels))
        assert [page.count(f'id="{name}"') for name in ("roc", "failures", "roc-2")] == [1, 1, 1]

    def test_a_report_that_fails_leaves_the_former_one_as_it_was(
        self, empty: StudyResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "out" / "report.html"
        write_report(empty, PAPER, path)
        former = path.read_bytes()

        def broken(*_: object) -> str:
            raise RuntimeError("drawing failed")

        monkeypatch.setattr(versions, "PANEL", replace(versions.PANEL, read=broken))
        with pytest.raises(RuntimeError, match="drawing failed"):
            write_report(empty, PAPER, path)
        assert path.read_bytes() == former
        assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def _busy(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")
