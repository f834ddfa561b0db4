"""The page of a slide in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hpo.slides.model_file import ModelFile
from hpo.slides.predict import Predictor, Settings
from hpo.slides.summary import PAGE
from tests.browser import visit
from tests.slides.pictures import painted, save

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
def page(model: ModelFile, tmp_path: Path) -> Path:
    name = "slide <b>&.png"
    slide = save(tmp_path / name, painted(400, 560, (48, 48, 350, 500), (120, 144, 240, 288)))
    return Predictor(model, Settings()).predict(slide).save(tmp_path / "out") / PAGE


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_shows_zooms_and_counts(browser: Browser, page: Path, width: int) -> None:
    with visit(browser, page, width=width) as opened:
        seen = opened.page
        seen.wait_for_function("document.getElementById('above').textContent")
        assert seen.inner_text("h1") == "slide <b>&.png"
        assert "mm²" in seen.inner_text("#above")
        whole = seen.inner_text(".bar")
        before = seen.inner_text("#above")
        seen.locator("#threshold").fill("1")
        assert seen.inner_text("#above") == "0.00 mm², 0.0% of the tissue"
        seen.locator("#threshold").fill("0.5")
        assert seen.inner_text("#above") == before
        for _ in range(3):
            seen.click("#in")
        assert seen.inner_text(".bar") != whole
        seen.click("#all")
        assert seen.inner_text(".bar") == whole
        seen.locator(".tiles button").first.click()
        assert seen.inner_text(".bar") != whole
        box = seen.locator(".viewer canvas").bounding_box()
        seen.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert float(seen.inner_text(".probe").split()[-1]) > 0.9
        assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert opened.troubles == []
        assert len(opened.requests) == 1
