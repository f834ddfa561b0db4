"""Names of classes: how many there may be, and which are one name in two spellings."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_CLASSES = 100
"""Classes that a data set may have."""

_BETWEEN = re.compile(r"(?<=\w)[\s_.-]+(?=\w)|_")


def two_spellings(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that differ in case, blanks, hyphens or underscores alone; None if there are none.

    What stands at an end, as in ``HER2-`` and ``HER2+``, tells names apart; so does whatever stands between digits.
    """
    known: dict[str, str] = {}
    for name in names:
        first = known.setdefault(_plain(name), name)
        if first != name:
            return first, name
    return None


def _plain(name: str) -> str:
    words = " ".join(name.split()).casefold()
    return words if re.search(r"\d[\s_.-]+\d", words) else _BETWEEN.sub("", words)
