"""The table beside a split's patches, ``_meta.csv``: which slide, and which image, each row is from.

Spreadsheets write such tables with a byte-order mark, semicolons, blanks and empty lines; all of these are read. What
would put a patch on the wrong slide is refused: gaps, as merged cells leave them, and rows that are missing.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpo.data.regular_file import os_error, regular_file
from hpo.errors import DataError

SLIDE, FILE = "wsi", "file"
SEPARATORS = ",;\t|"
_LARGEST = 1 << 16, 1 << 12  # bytes of the file, and beside them so many a patch
_NO_NAMES = ("#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!", "nan", "<na>")
"""What spreadsheets and pandas write where there is no value, without capitals."""
ROW_NUMBERS = re.compile(r"(unnamed: [0-9]+)?")
"""Headings of row numbers: none, or pandas' own where it has read such a table and written it again."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_slides(path: Path, count: int) -> npt.NDArray[np.str_] | None:
    """The slide of each patch, shape (count,), from the column ``wsi``; None if the file or the column is not there.

    Args:
        path: the ``meta`` file.
        count: number of patches in the ``x`` file.

    Raises:
        DataError: if the file is not a CSV with the column ``wsi`` or ``file``, has another number of rows, or names
            no slide in one of them.
    """
    return _column(path, count, SLIDE, "slide")


def read_files(path: Path, count: int) -> npt.NDArray[np.str_] | None:
    """The image that each patch was imported from, shape (count,); None if the file or its column is not there.

    Args:
        path: the ``meta`` file; its column ``file`` has paths relative to the imported folder, or ``tar!member``.
        count: number of patches in the ``x`` file.

    Raises:
        DataError: as `read_slides`.
    """
    return _column(path, count, FILE, "image file")


def _column(path: Path, count: int, column: str, what: str) -> npt.NDArray[np.str_] | None:
    try:
        path.lstat()
    except OSError:
        return None
    table = _rows(path, _text(path, count))
    header = [name.strip().casefold() for name in next(table, [])]
    if not {SLIDE, FILE} & set(header):
        shown = ", ".join(name[:40] for name in header[:12] if name) or "none"
        raise DataError(f"{path}: has no column {SLIDE!r} (found: {shown})")
    if header.count(column) > 1:
        raise DataError(f"{path}: has the column {column!r} {header.count(column)} times; keep one")
    if column not in header:
        return None
    place, values = header.index(column), _whole(path, table, len(header))
    if len(values) != count:
        raise DataError(f"{path}: has {len(values)} rows, but there are {count} patches in the x file beside it")
    for at in (at for at, name in enumerate(header) if ROW_NUMBERS.fullmatch(name)):
        _check_order(path, [row[at].strip() if at < len(row) else "" for row in values])
    names = [row[place].strip() if place < len(row) else "" for row in values]
    wrong = [row for row, name in enumerate(names) if not name or name.casefold() in _NO_NAMES]
    if wrong:
        found = f" but {names[wrong[0]]}" if names[wrong[0]] else ""
        raise DataError(
            f"{path}: row {wrong[0]} names no {what}{found} ({len(wrong)} such rows, counted from 0 below the header); "
            "merged cells are saved so: fill them down"
        )
    return np.array(names, dtype=np.str_)


def _check_order(path: Path, numbers: Sequence[str]) -> None:
    """Refuse row numbers that go down: a table that was sorted or shuffled no longer belongs to the patches' order."""
    if not all(re.fullmatch(r"[0-9]{1,18}(\.0)?", number) for number in numbers):
        return
    for row, (number, following) in enumerate(pairwise(int(number.removesuffix(".0")) for number in numbers)):
        if following <= number:
            raise DataError(
                f"{path}: row {row + 1} is numbered {following}, after {number}: rows are in the patches' order; sort "
                "the table by its row numbers"
            )


def _whole(path: Path, table: Iterator[list[str]], width: int) -> list[list[str]]:
    """The rows below the header, without the empty ones at the end."""
    rows = [[] if not any(cell.strip() for cell in row) else row for row in table]
    while rows and not rows[-1]:
        rows.pop()
    for number, row in enumerate(rows):
        if any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{path}: row {number} has {len(row)} fields, the header {width}; put names that hold the separator in "
                "double quotes"
            )
    return rows


def _text(path: Path, count: int) -> str:
    size, most = regular_file(path).st_size, _LARGEST[0] + _LARGEST[1] * count
    if size > most:
        raise DataError(f"{path}: has {size:,} bytes, too many for {count} patches (at most {most:,})")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise os_error(path, error) from error
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}: line {line} is not UTF-8 (byte 0x{content[error.start]:02x}); save it as CSV UTF-8"
        ) from error
    if "\0" in text:
        raise DataError(
            f"{path}: line {text[: text.index(chr(0))].count(chr(10)) + 1} has a NUL character; not a CSV file"
        )
    return text


def _rows(path: Path, text: str) -> Iterator[list[str]]:
    """The header, then all rows; the separator is the one that the header's columns are told apart by."""
    said = re.match(r'"?sep=(.)"?\r?\n', text)  # a first line of Excel's own
    body = text[said.end() :] if said else text
    separator = said.group(1) if said else _separator(path, body)
    try:
        yield from csv.reader(io.StringIO(body, newline=""), delimiter=separator, skipinitialspace=True)
    except csv.Error as error:
        raise DataError(f"{path}: not a readable CSV file: {error}") from error


def _separator(path: Path, body: str) -> str:
    line = body.splitlines()[0] if body.strip() else ""
    names: dict[str, Sequence[str]] = {}
    for separator in SEPARATORS:
        try:
            found = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        except csv.Error as error:
            raise DataError(f"{path}: not a readable CSV file: {error}") from error
        names[separator] = [name.strip().casefold() for name in found]
    return next((separator for separator in SEPARATORS if {SLIDE, FILE} & set(names[separator])), ",")
