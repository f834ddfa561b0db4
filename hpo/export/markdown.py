"""Markdown made of plain text: everything that comes from a study is escaped here."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MEANING = re.compile(r"[\\`*\[\]<>&|~#$@!]|:(?=//)|(?<![^\W_])_|_(?![^\W_])")
"""Characters with a meaning within a line, to CommonMark or to GitHub; an underscore within a word has none."""


def plain(text: str) -> str:
    """Text that a Markdown renderer shows as it is, on one line: in a paragraph, a heading, a list or a table.

    Source: CommonMark 0.31, section 2.4: any ASCII punctuation character may be backslash-escaped.
    """
    return _MEANING.sub(r"\\\g<0>", " ".join(text.split()))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], numeric_from: int = 1) -> str:
    """A table in GitHub's notation, whose cells are Markdown already.

    Args:
        headings: one a column.
        rows: cells from left to right.
        numeric_from: the first column that stands to the right.
    """
    rule = ["---:" if index >= numeric_from else "---" for index in range(len(headings))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows))
