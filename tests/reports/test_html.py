"""Tables as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from hpo.reports.html import Html, table
from hpo.reports.table import Cell, Column, Table

COLUMNS = (Column("Model"), Column("AUC", numeric=True))


class _Parsed(HTMLParser):
    """Rows of each ``tbody``, attributes of each ``th``, and all text."""

    def __init__(self, markup: Html) -> None:
        super().__init__()
        self.bodies: list[int] = []
        self.headings: list[dict[str, str | None]] = []
        self.caption = ""
        self.words: list[str] = []
        self._inside = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        if tag == "tbody":
            self.bodies.append(0)
        elif tag == "tr" and self.bodies:
            self.bodies[-1] += 1
        elif tag == "th":
            self.headings.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._inside == "caption":
            self.caption += data


def _rows(count: int) -> list[list[Cell | str]]:
    return [[f"model{number}", "0.9"] for number in range(count)]


def test_columns_and_rows_have_headings_and_the_table_a_caption() -> None:
    found = _Parsed(table(Table(COLUMNS, [["<model>", "0.9"]]), "What it <shows>."))
    assert [heading["scope"] for heading in found.headings] == ["col", "col", "row"]
    assert found.caption == "What it <shows>."
    assert "<model>" in found.words


def test_a_table_of_up_to_twenty_nine_rows_is_shown_whole() -> None:
    assert _Parsed(table(Table(COLUMNS, _rows(29)))).bodies == [29]


def test_of_a_longer_one_the_first_twenty_are_shown_and_the_others_can_be_unfolded() -> None:
    assert _Parsed(table(Table(COLUMNS, _rows(30)))).bodies == [20, 10]


def test_a_cell_that_spans_rows_is_never_cut_by_the_fold() -> None:
    rows: list[list[Cell | str]] = []
    for number in range(8):
        rows += [[Cell(f"model{number}", rows=7), "0.9"], *(["0.8"] for _ in range(6))]
    assert _Parsed(table(Table(COLUMNS, rows))).bodies == [21, 35]
