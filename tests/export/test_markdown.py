"""Whatever a study's names hold, a Markdown renderer shows them as they are."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hpo.export.markdown import plain, table

MARKDOWN = MarkdownIt("commonmark").enable("table")


def shown(cell: str) -> str:
    """The text of a table's cell as a reader sees it, where it is text alone."""
    page = MARKDOWN.render(table(["name"], [[cell]]))
    (found,) = re.findall(r"<td[^>]*>(.*?)</td>", page, re.DOTALL)
    assert "<" not in found, "the cell holds markup"
    return html.unescape(found)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "a | b",
        "**bold** and _slanted_ and __init__",
        "`code` and \\ backslash",
        "[link](https://example.org) and ![image](x.png)",
        "&lt; is no entity",
    ],
)
def test_names_are_shown_as_they_are(name: str) -> None:
    assert shown(plain(name)) == name


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1))
def test_so_is_any_printable_text(name: str) -> None:
    assert shown(plain(name)) == name


def test_lines_are_joined_so_that_no_heading_can_begin() -> None:
    assert plain("first\n# second\r\n\tthird") == "first \\# second third"


def test_words_and_numbers_stay_readable_in_the_source() -> None:
    assert (
        plain("x86_64, 2026-11-25 20:41 UTC, 0.91 (0.89 to 0.93)")
        == "x86_64, 2026-11-25 20:41 UTC, 0.91 (0.89 to 0.93)"
    )
