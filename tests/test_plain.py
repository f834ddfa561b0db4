"""Text for terminals: it is printed as it is, and does nothing."""

from __future__ import annotations

import pytest

from hpo.plain import LONGEST_LINE, MOST_LINES, printable, printable_lines


def test_a_long_line_of_characters_that_are_spelt_out_is_cut_too() -> None:
    assert len(printable("\u202e" * 1900)) < LONGEST_LINE + 100


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[x] module:name: 日本 é 100%", "[x] module:name: 日本 é 100%"),
        ("a\x1b[31mred\x07", "a\\x1b[31mred\\x07"),
        ("two\nlines\ttab\r", "two\\nlines\\ttab\\r"),
        ("\udcff.yaml", "\\xff.yaml"),
        ("abc\u202efed", "abc\\u202efed"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_line_is_cut_and_says_so() -> None:
    shown = printable("x" * 100_000)
    assert len(shown) < LONGEST_LINE + 100
    assert "98,000 characters left out" in shown


def test_many_lines_are_cut_and_counted() -> None:
    lines = printable_lines("\n".join(["problem"] * 1000))
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "... and 950 lines more"


def test_a_password_in_the_middle_of_a_long_line_is_masked_before_the_line_is_cut() -> None:
    [shown] = printable_lines(f"no: postgresql://me:{'S3cr3tPw' * 500}@host/hpo")
    assert shown == "no: postgresql://me:***@host/hpo"
