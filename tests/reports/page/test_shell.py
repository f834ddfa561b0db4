"""What every page of ours can do, on a small one: seen, heard, by keyboard, on a phone, on paper, in an old browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, Page

from hpo.reports.html import Html, element, escape
from hpo.reports.page.shell import Heading, PanelContents, Section, render_page, write_page
from hpo.reports.plot.figure import figure
from hpo.reports.table import Column, Table
from tests.browser import visit
from tests.reports.browser import read_facts, weak_texts

WIDE = Table([Column(f"Column {number}") for number in range(14)], [["value"] * 14] * 40)
SUMMARY = element("section", element("h2", escape("Summary")), class_="summary", aria_label="Summary")


def _figure() -> go.Figure:
    drawn = figure(300)
    drawn.add_scatter(x=[1, 2, 3], y=[1, 3, 2], name="line")
    return drawn


def _sections() -> list[Section]:
    figures = [
        PanelContents(Heading(f"Figure {number}", width="half"), f"figure-{number}", _figure(), "It rises.", "A line.")
        for number in range(12)
    ]
    others = [
        PanelContents(Heading("A table", "Table 1"), "a-table", WIDE, "It is wide.", "Rows."),
        PanelContents(Heading("Nothing"), "nothing", None, "There is nothing yet."),
    ]
    return [Section("Figures", figures), Section("Others", others)]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page(path, render_page("A page", "What it is about.", SUMMARY, _sections()))
    return path


@pytest.fixture
def page(browser: Browser, page_file: Path) -> Iterator[Page]:
    """On a screen."""
    with visit(browser, page_file) as opened:
        yield opened.page
        assert opened.troubles == []


@pytest.fixture
def phone(browser: Browser, page_file: Path) -> Iterator[Page]:
    with visit(browser, page_file, width=390) as opened:
        yield opened.page
        assert opened.troubles == []


def _drawn(page: Page) -> int:
    return page.locator(".plot .main-svg:first-child").count()


class TestStructure:
    def test_landmarks_headings_and_names_tell_what_is_where(self, page: Page) -> None:
        assert [page.locator(f"body > {name}").count() for name in ("header", "nav", "main", "footer")] == [1] * 4
        levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map((one) => Number(one.tagName[1]))")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))
        assert page.get_by_role("region", name="Others").count() == 1

    def test_a_figure_is_a_picture_that_says_what_it_shows(self, page: Page) -> None:
        assert page.get_by_role("img", name="Figure 3. It rises.").count() == 1

    def test_a_table_is_called_by_its_title_and_finding(self, page: Page) -> None:
        assert page.get_by_role("table", name="A table. It is wide.").count() == 1

    def test_a_panel_has_an_address_of_its_own(self, browser: Browser, page_file: Path) -> None:
        with visit(browser, f"{page_file.as_uri()}#figure-9") as opened:
            # Below the contents, which stay on top.
            opened.page.wait_for_function(
                "() => { const top = document.querySelector('#figure-9').getBoundingClientRect().top;"
                " return scrollY > 0 && top >= 40 && top < 450; }"
            )
            assert opened.page.locator("#figure-9 h3 a").get_attribute("href") == "#figure-9"


class TestDrawing:
    def test_figures_that_nobody_has_come_to_yet_are_drawn_in_idle_moments(self, page: Page) -> None:
        page.wait_for_function("() => document.querySelectorAll('.plot .main-svg:first-child').length === 12")
        assert page.evaluate("scrollY") == 0

    def test_a_figure_follows_the_width_of_its_panel(self, page: Page) -> None:
        read_facts(page)
        page.set_viewport_size({"width": 700, "height": 900})
        page.wait_for_function("() => document.querySelector('.plot .main-svg').getBoundingClientRect().width > 580")
        assert all(one["inside"] for one in read_facts(page)["figures"])

    def test_an_old_browser_gets_everything_else_and_a_plain_message(self, browser: Browser, page_file: Path) -> None:
        with visit(browser, "about:blank") as opened:
            opened.page.add_init_script("delete window.DecompressionStream")
            opened.page.goto(page_file.as_uri())
            words = opened.page.locator("#figure-0 .plot").inner_text()
            assert words.startswith("This browser is too old to draw the figures")
            assert opened.page.get_by_text("It rises.").count() == 12
            assert opened.troubles == []

    def test_a_page_without_figures_carries_no_library(self) -> None:
        table = PanelContents(Heading("A table"), "a-table", WIDE, "It is wide.")
        assert len(render_page("A page", "Tables.", Html(""), [Section("Tables", [table])])) < 100_000


class TestTables:
    def test_the_end_of_a_long_table_is_unfolded_on_demand(self, page: Page) -> None:
        rows = page.locator("#a-table tbody tr:visible")
        assert rows.count() == 20
        page.get_by_role("button", name="Show all 40 rows").click()
        assert rows.count() == 40
        assert page.locator("#a-table button").count() == 0

    def test_a_table_that_is_too_wide_can_be_moved_by_keyboard(self, phone: Page) -> None:
        box = phone.get_by_role("region", name="A table. It is wide.")
        box.focus()
        phone.keyboard.press("ArrowRight")
        phone.wait_for_function("() => document.querySelector('#a-table .scroll').scrollLeft > 0")
        assert read_facts(phone)["wide"] == 0


class TestKeyboard:
    def test_the_first_stop_skips_to_the_content(self, page: Page) -> None:
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        page.wait_for_function("(skip) => skip.getBoundingClientRect().y >= 0", arg=skip.element_handle())
        page.keyboard.press("Enter")
        page.wait_for_function("document.activeElement.tagName === 'MAIN'")

    def test_every_stop_is_seen(self, page: Page) -> None:
        read_facts(page)
        page.get_by_role("button", name="Dark").wait_for()  # which the page's script shows
        # Figures are pictures, not stops: between the panels' links there is nothing.
        for stop in ("Skip to the content", "Figures", "Others", "Dark", "#", "#"):
            before = page.evaluate_handle("document.activeElement")
            page.keyboard.press("Tab")
            page.wait_for_function(
                "([before, stop]) => { const one = document.activeElement, style = getComputedStyle(one);"
                " return one !== before && one.textContent === stop"
                " && style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2; }",
                arg=[before, stop],
            )

    def test_no_button_of_a_figure_would_send_it_anywhere(self, page: Page) -> None:
        read_facts(page)
        names = page.locator(".modebar-btn").evaluate_all("all => all.map((one) => one.getAttribute('data-title'))")
        assert set(names) == {"Download plot", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"}

    def test_the_contents_say_where_the_reader_is(self, page: Page) -> None:
        page.get_by_role("navigation").get_by_role("link", name="Others").click()
        page.wait_for_selector("nav a[aria-current]:has-text('Others')")
        assert page.locator("nav a[aria-current]").count() == 1


class TestThemes:
    @pytest.mark.parametrize("dark", [False, True])
    def test_texts_stand_out(self, browser: Browser, page_file: Path, *, dark: bool) -> None:
        with visit(browser, page_file, dark=dark) as opened:
            read_facts(opened.page)
            assert weak_texts(opened.page) == []

    def test_a_text_that_does_not_would_be_found(self, page: Page) -> None:
        page.add_style_tag(content=".lead { color: #808080; }")
        assert weak_texts(page) == ["What it is about. (3.65, undefined)"]

    def test_the_button_changes_page_and_figures(self, page: Page) -> None:
        read_facts(page)
        ink = "() => getComputedStyle(document.querySelector('.plot svg text')).fill"
        paper = "() => getComputedStyle(document.querySelector('.panel')).backgroundColor"
        light = page.evaluate(ink), page.evaluate(paper)
        page.get_by_role("button", name="Dark").click()
        dark = page.evaluate(ink), page.evaluate(paper)
        assert light == ("rgb(27, 31, 36)", "rgb(255, 255, 255)")
        assert dark == ("rgb(230, 233, 237)", "rgb(25, 29, 35)")
        assert weak_texts(page) == []
        page.get_by_role("button", name="Light").click()
        assert (page.evaluate(ink), page.evaluate(paper)) == light

    def test_nothing_glides_for_those_who_do_not_want_it(self, page: Page) -> None:
        behaviour = "() => getComputedStyle(document.documentElement).scrollBehavior"
        assert page.evaluate(behaviour) == "smooth"
        page.emulate_media(reduced_motion="reduce")
        assert page.evaluate(behaviour) == "auto"


class TestPaper:
    def test_every_figure_is_printed_whole_and_light_even_those_nobody_has_come_to(
        self, browser: Browser, page_file: Path
    ) -> None:
        with visit(browser, page_file, dark=True) as opened:
            page = opened.page
            page.wait_for_function("() => window.Plotly")
            page.evaluate(
                """() => addEventListener("beforeprint", () => {
                  window.printed = Array.from(document.querySelectorAll(".plot"), (plot) => {
                    const svg = plot.querySelector(".main-svg").getBoundingClientRect();
                    const panel = plot.closest(".panel").getBoundingClientRect();
                    const inside = svg.left >= panel.left && svg.right <= panel.right;
                    const ink = getComputedStyle(plot.querySelector("svg text")).fill;
                    return { fits: inside && svg.width > panel.width * 0.8, ink };
                  });
                })"""
            )
            printed = page.pdf(prefer_css_page_size=True)
            figures = page.evaluate("window.printed")
            assert len(figures) == 12
            assert all(one["fits"] for one in figures)
            assert {one["ink"] for one in figures} == {"rgb(27, 31, 36)"}
            assert b"/MediaBox [0 0 594.95996 841.91998]" in printed  # A4, upright
            assert page.evaluate("() => getComputedStyle(document.querySelector('.plot svg text')).fill") == (
                "rgb(230, 233, 237)"
            )

    def test_no_panel_is_cut_and_no_table_folded(self, page: Page) -> None:
        read_facts(page)
        page.emulate_media(media="print")
        assert page.locator("#a-table tbody tr:visible").count() == 40
        assert not page.locator("nav").is_visible()
        breaks = page.locator(".panel").evaluate_all("all => all.map((one) => getComputedStyle(one).breakInside)")
        assert set(breaks) == {"avoid"}
