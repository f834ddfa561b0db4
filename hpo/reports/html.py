"""HTML made of plain text: everything that comes from a study is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as _escape
from typing import NewType

from hpo.reports.table import Cell, Column, Table

Html = NewType("Html", str)
"""Markup that is safe to put on the page as it is."""

_SHOWN = 20
"""Rows of a table that are shown at least."""
_FOLDED = 10
"""Fewer rows are not worth folding."""


def escape(text: str) -> Html:
    """Plain text as HTML."""
    return Html(_escape(text, quote=True))


def element(name: str, *content: Html, **attributes: str) -> Html:
    """An element; a trailing underscore of an attribute's name is dropped (``class_``)."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escape(value, quote=True)}"'
        for key, value in attributes.items()
        if value
    )
    return Html(f"<{name}{written}>{''.join(content)}</{name}>")


def paragraph(text: str, class_: str = "") -> Html:
    """A paragraph of plain text."""
    return element("p", escape(text), class_=class_)


def table(content: Table, caption: str = "") -> Html:
    """A table that scrolls by itself where it is too wide.

    Args:
        content: its columns and rows. Of a long one the page folds the rows from the `_SHOWN`th on.
        caption: what it shows, for those who cannot see what stands round it; not escaped.
    """
    head = [
        element("th", escape(column.heading), scope="col", class_="numeric" if column.numeric else "")
        for column in content.columns
    ]
    full = content.full_rows()
    body = []
    for row in full:
        written = [
            _cell(cell, column, heads_row=index == 0)
            for index, ((cell, begins), column) in enumerate(zip(row, content.columns, strict=True))
            if begins
        ]
        starts_group = any(begins and cell.rows > 1 for cell, begins in row)
        body.append(element("tr", *written, class_="group" if starts_group else ""))
    fold = _fold(full)
    parts = [element("caption", escape(caption), class_="unseen")] if caption else []
    parts += [element("thead", element("tr", *head)), element("tbody", *body[:fold])]
    if fold < len(body):
        parts.append(element("tbody", *body[fold:], class_="rest"))
    return element("div", element("table", *parts, class_="compact" if content.compact else ""), class_="scroll")


def _fold(rows: Sequence[Sequence[tuple[Cell, bool]]]) -> int:
    """From which row on a table is folded; no cell spans from what is shown into what is folded."""
    for index in range(_SHOWN, len(rows) - _FOLDED + 1):
        if all(begins for _, begins in rows[index]):
            return index
    return len(rows)


def swatch(colour: str) -> Html:
    """A dot in an architecture's colour."""
    return element("i", class_="swatch", style=f"background:{colour}", aria_hidden="true")


def _cell(cell: Cell, column: Column, *, heads_row: bool) -> Html:
    content = [escape(cell.text)]
    if cell.swatch:
        content.insert(0, swatch(cell.swatch))
    if cell.note:
        content.append(element("small", escape(cell.note)))
    return element(
        "th" if heads_row else "td",
        *content,
        scope="row" if heads_row else "",
        class_=" ".join(filter(None, (cell.kind, "numeric" if column.numeric else ""))),
        rowspan=str(cell.rows) if cell.rows > 1 else "",
    )
