"""A report as its reader has it: opened in a real browser, and told in facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser import visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FACTS, CONTRAST = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("facts.js", "contrast.js"))


def browse(browser: Browser, report: Path, *, width: int = 1280, dark: bool = False) -> dict[str, Any]:
    """Opens a report, scrolls through it, and tells what is there.

    Returns:
        What `read_facts` collects, with ``troubles`` and ``requests`` as in `tests.browser.Visit`, but without the
        request for the report itself.
    """
    with visit(browser, report, width=width, dark=dark) as opened:
        facts = read_facts(opened.page)
        return facts | {"troubles": opened.troubles, "requests": opened.requests[1:]}


def read_facts(page: Page) -> dict[str, Any]:
    """What an open report shows, once every figure has been scrolled to and drawn.

    Returns:
        ``figures`` (panel, width and height in CSS pixels, whether it lies inside its panel and its legend inside
        it, texts, how many marks, description), ``panels`` (names), ``missing`` (texts in place of drawings),
        ``pictures`` (widths), ``wide`` (CSS pixels that stand out of the window), ``smallest`` (font size of the
        content) and ``text``.
    """
    facts: dict[str, Any] = page.evaluate(FACTS)
    return facts


def weak_texts(page: Page) -> list[str]:
    """Texts that do not stand out enough from what is behind them, with their contrast."""
    found: dict[str, Any] = page.evaluate(CONTRAST)
    if not found["looked"]:
        raise ValueError("the page has no text")
    weak: list[str] = found["weak"]
    return weak
