"""Image files as an import finds them, and the account of those that it leaves out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = 3  # named for each reason


@dataclass(frozen=True, slots=True)
class Found:
    """An image file.

    Args:
        source: the file, or the archive that it is in.
        member: its name in the archive; empty for a file.
        parts: folders below the place that was pointed at, an archive's bare name among them, and the file's name last.
        size: bytes.
        index: of the archive's member that holds the bytes; 0 for a file.
        offset: where its bytes begin in the archive; -1 where they do not lie there as they are.
        archive: the archive's bare name; empty for a file.
        archive_at: where that is among the parts; -1 for a file, and for the archive that was pointed at.
    """

    source: Path
    member: str
    parts: tuple[str, ...]
    size: int
    index: int = 0
    offset: int = -1
    archive: str = ""
    archive_at: int = -1

    @property
    def folders(self) -> tuple[str, ...]:
        """The parts without the file's own name."""
        return self.parts[:-1]

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    @property
    def place(self) -> str:
        """Its place, fit to print."""
        return shown(f"{self.source}: {self.member}" if self.member else str(self.source))

    def relative(self, root: Path) -> str:
        """Its path below the place that was pointed at, ``tar!member`` in an archive, fit to print."""
        outer = self.source.relative_to(root).as_posix() if self.source != root else self.source.name
        return shown(f"{outer}!{self.member}" if self.member else outer)


@dataclass
class LeftOut:
    """Files that an import leaves out, by reason.

    Attributes:
        details: for each reason, how many by what it says of them (a suffix, a class, or nothing).
        examples: for each reason, the first few places.
    """

    details: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, place: str, detail: str = "") -> None:
        """Count one more file."""
        self.details.setdefault(reason, Counter())[detail] += 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(place)

    @property
    def total(self) -> int:
        """Files that were left out."""
        return sum(counts.total() for counts in self.details.values())

    def lines(self) -> list[str]:
        """One line for each reason."""
        return [self._line(reason, counts) for reason, counts in self.details.items()]

    def _line(self, reason: str, counts: Counter[str]) -> str:
        named = [f"{shown(detail)}: {count}" for detail, count in counts.most_common(8) if detail]
        more = len([detail for detail in counts if detail]) - len(named)
        told = ", ".join([*named, f"{more} more kinds"] if more > 0 else named)
        examples = ", ".join(self.examples[reason])
        return f"{counts.total()} {reason}{f' ({told})' if told else ''}, such as {examples}"


def shown(name: str) -> str:
    """A name as one line of plain text: bytes that are no UTF-8, and control characters, as escapes."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode() for char in text
    )


def one_line(error: BaseException) -> str:
    """An error's message, or else its kind, as one line of at most 200 characters."""
    return shown(str(error) or type(error).__name__)[:200]


def folded(name: str) -> str:
    """A name's normal form: Unicode's composed form, no case, no blanks at its ends."""
    return unicodedata.normalize("NFC", name).strip().casefold()


Natural = list[tuple[int, int, str]]


def natural(name: str) -> Natural:
    """Sorts ``patch10`` after ``patch9``."""
    pieces = (piece for piece in re.findall(r"\d+|\D+", name))
    return [_number(piece) if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def _number(digits: str) -> tuple[int, int, str]:
    significant = digits.lstrip("0")
    return 0, len(significant), significant
