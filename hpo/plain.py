"""Text for a terminal or a log: whatever a name or an error holds, it is printed as it is, and does nothing."""

from __future__ import annotations

import logging
import re

from hpo.secrets import without_secrets

LONGEST_LINE = 2000
"""Characters of a line; the middle of a longer one is left out."""

MOST_LINES = 50
"""Lines of an error; of more, the count is said."""

_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]")
"""Control characters, bytes that are no text, and what turns the direction of a line, or breaks it, so that it reads
otherwise than it is."""


def printable(text: str) -> str:
    r"""One line that a terminal prints and does not obey.

    Control characters, among them escapes and line breaks, become ``\x1b``; bytes of a name that is no UTF-8 become
    ``\xff``. Of a very long text the middle is left out, and that is said.
    """
    text = _OBEYED.sub(lambda match: _shown(match[0]), text)
    if len(text) > LONGEST_LINE:
        left_out = len(text) - LONGEST_LINE
        text = f"{text[: LONGEST_LINE - 300]} ... ({left_out:,} characters left out) ... {text[-300:]}"
    return text


def printable_lines(text: str) -> list[str]:
    """An error's lines, each as `printable` has it, secrets masked."""
    lines = without_secrets(text).split("\n")
    shown = [printable(line.rstrip("\r")) for line in lines[:MOST_LINES] if line.strip()]
    return [*shown, f"... and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else shown


def in_a_line(error: BaseException, most: int = 300) -> str:
    """An error's words in one line of at most so many characters; empty if it has none."""
    return " ".join(str(error).split())[:most]


class PlainFormatter(logging.Formatter):
    """Log records without secrets, and without anything that a terminal obeys; a traceback keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return "\n".join(printable(line) for line in without_secrets(super().format(record)).split("\n"))


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte of a file's name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
