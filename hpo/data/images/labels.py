"""A table of labels beside images: CSV as Kaggle publishes it and as Excel writes it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hpo.data.images.found import Found, folded, shown
from hpo.data.images.splits import WORDS, split_of
from hpo.data.meta import ROW_NUMBERS
from hpo.data.pcam import SplitName
from hpo.errors import DataError

LARGEST = 1 << 28
"""Bytes that a table may have."""
PATHS = ("path", "file", "filename", "file_name", "image", "image_name", "image_id", "id", "name")
"""The first of them that is there counts. An ``id`` beside names of files is rather a row's number, and images that are
numbered too would have other images' labels by it."""
LABELS = ("label", "class", "target", "diagnosis", "y")
SLIDES = ("slide", "wsi", "slide_id", "patient", "patient_id")
SPLITS = ("split", "set", "subset")
NAMED = 20  # offenders or columns that a message names


@dataclass(frozen=True, slots=True)
class Row:
    """A table's entry for an image.

    Args:
        number: line of the file where the row ends, counted from 1.
        label: empty where the cell is.
        slide: likewise.
        split: None where the cell is empty.
    """

    number: int
    label: str
    slide: str = ""
    split: SplitName | None = None


@dataclass
class Labels:
    """A table of labels.

    Attributes:
        path: the file.
        rows: by image: its name or path, folded, as the table has it.
        has_splits: whether there is a column of splits.
        has_slides: likewise of slides.
        slide_columns: headings of columns that may name slides, the one that does first; empty where the user says it.
        unused: headings of the columns that say nothing to the import.
        count: rows.
        repeated: rows that say what an earlier one said.
    """

    path: Path
    rows: dict[str, Row] = field(default_factory=dict)
    has_splits: bool = False
    has_slides: bool = False
    slide_columns: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    count: int = 0
    repeated: int = 0
    _named: dict[str, Row] = field(default_factory=dict)

    @property
    def example(self) -> str:
        """The first row's image."""
        return next(iter(self.rows), "none")

    def row_of(self, image: Found) -> Row | None:
        """The table's entry for an image, once `match` has been called."""
        return self._named.get("/".join(image.parts))

    def remarks(self, *, slides_elsewhere: bool) -> list[str]:
        """What of the table counts and what does not, a line each, where people could think otherwise.

        Args:
            slides_elsewhere: whether the user says where the slides' names are.
        """
        place, found = shown(str(self.path)), []
        if self.repeated:
            found.append(f"labels: {self.repeated} rows of {place} repeat an earlier one")
        if self.unused:
            listed = ", ".join(self.unused[:NAMED]) + (" ..." if len(self.unused) > NAMED else "")
            is_open = not (self.has_slides or slides_elsewhere)
            advice = "; --slide-from column:NAME takes one as the slides" if is_open else ""
            found.append(f"labels: columns of {place} are not used ({listed}){advice}")
        if self.has_splits:
            found.append(f"splits: as {place} says")
        if len(self.slide_columns) > 1 and not slides_elsewhere:
            first, second = self.slide_columns[:2]
            found.append(f"slides: as column {first} of {place} says; --slide-from column:{second} takes that column")
        return found

    def match(self, images: Sequence[Found], source: Path) -> list[str]:
        """Finds each row's image; returns the rows that name none.

        A row names an image by its path (from the folder that was pointed at, from the table's folder, or absolute) or
        by its name, each with or without the suffix.

        Raises:
            DataError: if a row names several images, or several rows say different things of one.
        """
        with_folders = any("/" in key for key in self.rows)
        by_key: dict[str, list[Found]] = {}
        for image in images:
            paths = _paths(image, source, self.path.parent) if with_folders else {image.name}
            for key in {form for path in paths for form in _forms(path)}:
                if key in self.rows:
                    by_key.setdefault(key, []).append(image)
        unmatched, several, contradicting = [], [], []
        for key, row in self.rows.items():
            found = by_key.get(key, [])
            if not found:
                unmatched.append(key)
            elif len(found) > 1:
                several.append(
                    f"line {row.number}: {shown(key)} names {len(found)} images, {found[0].place} and {found[1].place}"
                )
            else:
                known_row = self._named.setdefault("/".join(found[0].parts), row)
                if (known_row.label, known_row.slide, known_row.split) != (row.label, row.slide, row.split):
                    contradicting.append(_contradiction(key, known_row, row))
        _refuse(self.path, several, "name images by their path from the imported folder, in a column path")
        _refuse(self.path, contradicting, "say one thing of each image")
        return unmatched


def _paths(image: Found, source: Path, beside: Path) -> set[str]:
    """All that a row may call an image."""
    inner = "/".join(image.parts)
    paths = {inner, image.name, f"{source.name}/{inner}"}
    if image.member:
        return paths | {image.member}
    return paths | {os.path.relpath(image.source, beside).replace(os.sep, "/"), str(image.source.absolute())}


def _forms(path: str) -> tuple[str, str]:
    """A path as rows may have it, with its suffix and without."""
    return folded(path), folded(path.removesuffix(PurePosixPath(path).suffix))


def read_labels(path: Path, slide_column: str | None = None) -> Labels:
    """Reads a table of labels.

    Its columns are ``path`` or ``id``, ``label``, and perhaps ``slide`` and ``split``; `PATHS`, `LABELS`, `SLIDES` and
    `SPLITS` have other names that they may have. Case and blanks do not matter; cells are separated by comma,
    semicolon or tab.

    Args:
        path: a CSV file.
        slide_column: name of the column of slides; None takes one of `SLIDES`, if there is one.

    Raises:
        DataError: if it is no such table, or says two things of one image.
    """
    text = _text(path)
    lines = _csv(path, text)
    header = next(lines, (0, []))[1]
    names = [cell.strip().casefold() for cell in header]
    image, label = _column(path, header, names, PATHS), _column(path, header, names, LABELS)
    slide = _optional(names, SLIDES) if slide_column is None else _asked(path, header, names, slide_column)
    split = _optional(names, SPLITS)
    columns = () if slide_column is not None else tuple(name for name in SLIDES if name in names)
    used = {image, label, slide, split, *(names.index(name) for name in columns)}
    labels = Labels(
        path,
        has_splits=split is not None,
        has_slides=slide is not None,
        slide_columns=columns,
        unused=tuple(
            shown(header[at].strip())[:40]
            for at, name in enumerate(names)
            if at not in used and not ROW_NUMBERS.fullmatch(name)
        ),
    )
    faults: list[str] = []
    for number, cells in lines:
        padded = [*(cell.strip() for cell in cells), *[""] * len(names)]
        key, said = folded(padded[image].replace("\\", "/").removeprefix("./")), "" if split is None else padded[split]
        if not key:
            faults.append(f"line {number}: names no image")
            continue
        if said and split_of(said) is None:
            faults.append(f"line {number}: {shown(said)} is no split; allowed: {', '.join(WORDS)}")
        row = Row(number, _label(padded[label]), "" if slide is None else shown(padded[slide]), split_of(said))
        labels.count += 1
        known = labels.rows.setdefault(key, row)
        if known is not row:
            labels.repeated += 1
            if (known.label, known.slide, known.split) != (row.label, row.slide, row.split):
                faults.append(_contradiction(key, known, row))
    if not labels.count:
        faults.append("has no rows")
    _refuse(path, faults, "mend the table")
    return labels


def is_table_of_labels(path: Path) -> bool:
    """Whether a file has a table's columns and a row: what a message may suggest for ``--labels``."""
    try:
        with path.open("rb") as file:
            head = file.read(4096).decode("utf-8-sig")
        lines = _csv(path, head.rpartition("\n")[0])
        names = [cell.strip().casefold() for cell in next(lines, (0, []))[1]]
        return None not in (_optional(names, PATHS), _optional(names, LABELS)) and next(lines, None) is not None
    except (OSError, UnicodeDecodeError, DataError):
        return False


def _contradiction(key: str, first: Row, second: Row) -> str:
    def said(row: Row) -> str:
        return ", ".join(part for part in (row.label or "no label", row.slide, row.split or "") if part)

    return f"line {second.number}: {shown(key)} is {shown(said(second))}; line {first.number} says {shown(said(first))}"


def _refuse(path: Path, faults: Sequence[str], advice: str) -> None:
    if faults:
        place = shown(str(path))
        lines = [f"{place}: {fault}" for fault in faults[:NAMED]]
        if len(faults) > NAMED:
            lines.append(f"{place}: ... and {len(faults) - NAMED} more such rows")
        lines[-1] += f"; {advice}"
        raise DataError("\n".join(lines))


def _label(text: str) -> str:
    """A label as text; pandas writes a column of 0, 1 and blanks as 0.0 and 1.0."""
    return text.removesuffix(".0") if text.removesuffix(".0").isdecimal() else text


def _text(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"{shown(str(path))}: {'not a regular file' if path.exists() else 'no such file'}")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise DataError(f"{shown(str(path))}: has {size:,} bytes; a table of labels has at most {LARGEST:,}")
        content = path.read_bytes()
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{shown(str(path))}: not a CSV file in UTF-8 ({error.reason}); save it as CSV UTF-8"
        ) from error
    except OSError as error:
        raise DataError(f"{shown(str(path))}: cannot be read: {error.strerror or error}") from error


def _csv(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of its line."""
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.strip().lower().startswith("sep="):  # Excel's own first line
        text, skipped = rest, 1
        first = rest.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num + skipped, cells
    except csv.Error as error:
        raise DataError(f"{shown(str(path))}: line {reader.line_num}: not a CSV file ({error})") from error


def _column(path: Path, header: Sequence[str], names: Sequence[str], allowed: Sequence[str]) -> int:
    found = _optional(names, allowed)
    if found is None:
        raise DataError(
            f"{shown(str(path))}: has no column {allowed[0]!r} (or {', '.join(allowed[1:])}); found: {_header(header)};"
            " a table of labels has the columns id,label or path,label,slide,split"
        )
    return found


def _optional(names: Sequence[str], allowed: Sequence[str]) -> int | None:
    return next((names.index(name) for name in allowed if name in names), None)


def _asked(path: Path, header: Sequence[str], names: Sequence[str], column: str) -> int:
    if column.strip().casefold() not in names:
        raise DataError(
            f"{shown(str(path))}: has no column {shown(column)!r} for --slide-from; found: {_header(header)}"
        )
    return names.index(column.strip().casefold())


def _header(header: Sequence[str]) -> str:
    return ", ".join(shown(cell.strip())[:40] for cell in header[:20]) or "none"
