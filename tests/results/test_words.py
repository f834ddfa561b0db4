"""How the report writes numbers, and that text stays text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.evaluation.estimate import Interval
from hpo.reports.html import element, escape, table
from hpo.reports.table import Cell, Column, Table
from hpo.results import words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (words.number(0.94149), "0.941"),
        (words.number(-0.0004), "0.000"),
        (words.number(-0.0123), "\N{MINUS SIGN}0.012"),
        (words.signed(0.0311), "+0.031"),
        (words.signed(0.0001), "0.000"),
        (words.signed(-0.0311), "\N{MINUS SIGN}0.031"),
        (words.signed_interval(Interval(-0.01, 0.02)), "\N{MINUS SIGN}0.010 to +0.020"),
        (words.p_value(0.00012), "< 0.001"),
        (words.p_value(0.0321), "0.032"),
        (words.count(1234567.0), "1,234,567"),
        (words.value_words(0.0057), "0.0057"),
        (words.value_words(32.0), "32"),
        (words.value_words(True), "yes"),
        (words.value_words("time_based"), "time based"),
        (words.duration(0), "0 s"),
        (words.duration(4.25), "4.2 s"),
        (words.duration(59.7), "1 min"),
        (words.duration(3900), "1 h 5 min"),
        (words.duration(200_000), "2.3 days"),
        (words.moment(0), "1970-01-01 00:00 UTC"),
        (words.listed(["a", "b", "c"]), "a, b and c"),
        (words.listed(["a"]), "a"),
        (words.listed([]), ""),
        (words.plural(1, "patch", "patches"), "1 patch"),
        (words.plural(2, "patch", "patches"), "2 patches"),
        (words.point_words({"learning_rate": 0.01, "epochs": 5}, ("epochs",)), "learning rate 0.01"),
    ],
)
def test_numbers_as_a_reader_expects_them(written: str, expected: str) -> None:
    assert written == expected


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    for written in (escape(text), element("p", escape(text)), element("a", href=text)):
        assert written.count("<") == (0 if written == escape(text) else 2)
        assert '"' not in escape(text)


def test_a_cell_that_spans_rows_leaves_its_column_out_below() -> None:
    written = table(Table([Column("a"), Column("b", numeric=True)], [[Cell("x", rows=2), "1"], ["2"], ["y", "3"]]))
    assert written.count("<td") == 3
    assert '<th scope="row" rowspan="2">x</th><td class="numeric">1</td></tr><tr><td class="numeric">2</td>' in written
