"""Figures and their library, as the page holds them."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from hpo.reports.html import Html
from hpo.reports.page.embed import figure_script, library, templates


class _Scripts(HTMLParser):
    """What a browser takes for the contents of the page's scripts."""

    def __init__(self, page: Html) -> None:
        super().__init__()
        self.contents: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.contents.append(data)


def _content(script: Html) -> Any:
    return json.loads("".join(_Scripts(script).contents))


def test_the_library_is_plotly_js_in_less_than_half_of_its_size() -> None:
    packed = "".join(_Scripts(library()).contents)
    assert gzip.decompress(b64decode(packed)).decode() == get_plotlyjs()
    assert len(packed) < len(get_plotlyjs()) / 2


def test_a_figure_keeps_what_can_be_seen_and_leaves_the_look_to_the_page() -> None:
    figure = go.Figure(go.Scatter(x=["a", "b"], y=[1, None], name="line"), layout={"height": 200})
    content = _content(figure_script(figure, "one"))
    assert content == {
        "data": [{"type": "scatter", "x": ["a", "b"], "y": [1, None], "name": "line"}],
        "layout": {"height": 200},
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1 / 3, 0.333333),
        (-0.00012345678, -0.000123457),
        (123_456.789, 123_457.0),
        (1_794_990_000_123.5, 1_794_990_000_123.5),  # a moment in milliseconds
        (12_345_678, 12_345_678),
    ],
)
def test_numbers_have_no_more_digits_than_a_figure_shows(given: float, kept: float) -> None:
    figure = go.Figure(go.Scatter(y=[given], customdata=[[given]]))
    (trace,) = _content(figure_script(figure, "one"))["data"]
    assert (trace["y"], trace["customdata"]) == ([kept], [[kept]])


def test_no_name_ends_the_script() -> None:
    wicked = "</script><script>alert(1)</script><!--"
    script = figure_script(go.Figure(go.Scatter(y=[1], name=wicked)), "one")
    assert script.count("</script>") == 1
    assert _content(script)["data"][0]["name"] == wicked


def test_there_is_a_look_for_light_and_for_dark_paper() -> None:
    looks = _content(templates())
    assert set(looks) == {"light", "dark"}
    assert looks["light"]["layout"]["font"]["color"] != looks["dark"]["layout"]["font"]["color"]
