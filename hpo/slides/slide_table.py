"""The table of slides: what is known of each as a whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo.data.regular_file import regular_file
from hpo.errors import DataError
from hpo.slides.annotations import EXCLUDED, POSITIVE

SLIDE_COLUMNS = ("slide", "wsi", "slide_id", "file", "filename", "image", "name", "path", "id")
LABEL_COLUMNS = ("label", "class", "target", "diagnosis", "tumor", "tumour", "y")
LARGEST = 1 << 26


@dataclass(frozen=True)
class SlideTable:
    """Labels of slides.

    Args:
        path: of the file.
        labels: 0 or 1, by the slide's name as the table has it.
    """

    path: Path
    labels: Mapping[str, int]

    def label_of(self, slide: Path) -> int | None:
        """By file name, with or without ending; None if the table does not have it."""
        for name in (slide.name, slide.stem):
            if name in self.labels:
                return self.labels[name]
        return None


def read_slide_table(path: Path) -> SlideTable:
    """A CSV with a column of slides and one of labels: 0 and 1, or words such as normal and tumor.

    Raises:
        DataError: if it is not, or says two things of one slide.
    """
    if regular_file(path).st_size > LARGEST:
        raise DataError(f"{path}: has more than {LARGEST:,} bytes, too many for a table of slides")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    first = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"{path}: not a readable CSV file: {error}") from error
    header = [name.strip().casefold() for name in rows[0]] if rows else []
    slide = next((header.index(name) for name in SLIDE_COLUMNS if name in header), None)
    label = next((header.index(name) for name in LABEL_COLUMNS if name in header), None)
    if slide is None or label is None:
        found = ", ".join(name[:40] for name in header[:12] if name) or "none"
        raise DataError(f"{path}: needs the columns slide and label (found: {found})")
    labels: dict[str, int] = {}
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        name = cells[slide].replace("\\", "/").rpartition("/")[2] if slide < len(cells) else ""
        value = _label(path, number, cells[label] if label < len(cells) else "")
        if not name:
            raise DataError(f"{path}: line {number} names no slide")
        if labels.setdefault(name, value) != value:
            raise DataError(f"{path}: line {number} says label {value} of {name}, an earlier line {1 - value}")
    return SlideTable(path, labels)


def _label(path: Path, number: int, text: str) -> int:
    word = text.casefold()
    if word in ("0", "false", "no") or word in EXCLUDED:
        return 0
    if word in ("1", "true", "yes") or word in POSITIVE:
        return 1
    raise DataError(f"{path}: line {number} has the label {text!r:.40}; allowed: 0, 1, or words such as normal, tumor")
