"""The numbers behind figures and tables as CSV, which spreadsheets open without running anything."""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from hpo.reports.table import Table
from hpo.results.words import MINUS

_AXES = ("x", "y", "z")
_SINGLE = ("base", "text", "labels", "values", "open", "high", "low", "close")
"""Arrays of a trace beside its axes that are data and not looks."""
_FIRST = ("plot", "trace")

# A number, or two with a word between them; everything else that begins so may be taken for a formula.
_NUMBERS = re.compile(r"[+-]?[\d.,]+%?( to [+-]?[\d.,]+%?)?")
_NUMBER_FIRST = re.compile(rf"[+{MINUS}-]?\.?\d")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_NEAR = 0.001
"""Of the figure's width or height: what `plotly.subplots.make_subplots` places is there to the digit."""
_DIGITS = 10
"""Significant ones: binary fractions have tails that nobody measured."""

Row = dict[str, Any]


def table_csv(table: Table) -> str:
    """A table as it stands: spanned cells are repeated, and the smaller line of a cell is a column of its own."""
    full = [[cell for cell, _ in row] for row in table.full_rows()]
    noted = [any(row[index].note for row in full) for index in range(len(table.columns))]
    header = []
    for column, has_note in zip(table.columns, noted, strict=True):
        header += [column.heading, f"{column.heading}, note"] if has_note else [column.heading]
    rows = []
    for row in full:
        written = []
        for cell, has_note in zip(row, noted, strict=True):
            written += [cell.text, cell.note] if has_note else [cell.text]
        rows.append(written)
    return _csv([header, *rows])


def figure_csv(figure: go.Figure) -> str:
    """The data of every trace, one row per point.

    Columns are ``plot`` where a figure has several (its title, or its number), ``trace``, and what the traces have of
    x, y, z (under the axis' title, where all plots have the same), ``lower`` and ``upper`` of intervals and bands, and
    texts.
    """
    several = len({_plot(trace) for trace in figure.data}) > 1
    rows: list[Row] = []
    for trace in figure.data:
        head: Row = {"plot": _plot_title(figure, trace)} if several else {}
        head["trace"] = _plain(trace.name or _of(trace, "legendgroup") or "")
        rows += [head | row for row in _rows(figure, trace)]
    found = dict.fromkeys(key for row in rows for key in row)
    kinds = ("x", "y", "z", "lower", "upper", "x lower", "x upper", *_SINGLE)
    columns = [name for name in (*_FIRST, *kinds) if name in found]
    columns += [name for name in found if name not in columns]
    titles = _axis_titles(figure)
    return _csv([[titles.get(name, name) for name in columns], *([row.get(name) for name in columns] for row in rows)])


def _rows(figure: go.Figure, trace: Any) -> Iterator[Row]:
    if _of(trace, "dimensions"):
        for values in zip(*(dimension["values"] for dimension in trace.dimensions), strict=True):
            named = zip(trace.dimensions, values, strict=True)
            yield {
                _plain(dimension.label or f"dimension {place}"): value for place, (dimension, value) in enumerate(named)
            }
    elif _is_matrix(_of(trace, "z")):
        yield from _matrix_rows(figure, trace)
    elif _is_band(trace):
        half = len(trace.x) // 2
        for x, upper, lower in zip(trace.x[:half], trace.y[:half], reversed(trace.y[half:]), strict=True):
            yield {"x": x, "lower": lower, "upper": upper}
    else:
        yield from _point_rows(figure, trace)


def _point_rows(figure: go.Figure, trace: Any) -> Iterator[Row]:
    columns: dict[str, Sequence[Any]] = {}
    for name in _AXES[:2]:
        values = _array(trace, name)
        if values is not None:
            columns[name] = _named(figure, trace, name, values)
            columns |= _interval(trace, name, values)
    for name in ("z", *_SINGLE):
        values = _array(trace, name)
        # What stands on a bar is its height once more.
        if values is not None and not (name == "text" and trace.type == "bar"):
            columns[name] = values
    longest = max((len(values) for values in columns.values()), default=0)
    for index in range(longest):
        row = {name: values[index] for name, values in columns.items() if index < len(values)}
        if not any(_is_nothing(row[name]) for name in _AXES if name in row):  # a gap, or an entry of the legend
            yield row


def _matrix_rows(figure: go.Figure, trace: Any) -> Iterator[Row]:
    rows = list(trace.z)
    places = {"x": range(len(rows[0])), "y": range(len(rows))}
    xs, ys = (
        _named(figure, trace, name, count if (given := _array(trace, name)) is None else given)
        for name, count in places.items()
    )
    for y, row in zip(ys, rows, strict=True):
        for x, z in zip(xs, row, strict=True):
            if not _is_nothing(z):
                yield {"x": x, "y": y, "z": z}


def _interval(trace: Any, axis: str, values: Sequence[Any]) -> dict[str, list[Any]]:
    """Ends of error bars, from their lengths."""
    bars = _of(trace, f"error_{axis}")
    if bars is None or bars.array is None:
        return {}
    above = bars.array
    below = above if bars.arrayminus is None else bars.arrayminus
    prefix = "" if axis == "y" else "x "
    return {
        f"{prefix}lower": [value - length for value, length in zip(values, below, strict=True)],
        f"{prefix}upper": [value + length for value, length in zip(values, above, strict=True)],
    }


def _is_band(trace: Any) -> bool:
    """Whether a trace goes along an upper edge and back along a lower one."""
    if _of(trace, "fill") != "toself" or trace.x is None or len(trace.x) % 2:
        return False
    half = len(trace.x) // 2
    return list(trace.x[:half]) == list(reversed(trace.x[half:]))


def _named(figure: go.Figure, trace: Any, name: str, values: Sequence[Any]) -> Sequence[Any]:
    """Places on an axis whose ticks are words, as those words."""
    axis = figure.layout[_axis_of(trace, name)]
    places, words = axis.tickvals, axis.ticktext
    if places is None or words is None or len(places) != len(words):
        return values
    plain = [_plain(word) for word in words]
    if any(_NUMBER_FIRST.match(word) for word in plain):
        return values
    known = dict(zip(places, plain, strict=True))
    kept = [value for value in values if not _is_nothing(value)]
    return [known.get(value) for value in values] if all(value in known for value in kept) else values


def _axis_titles(figure: go.Figure) -> dict[str, str]:
    """Titles of x and y, where all plots share them and the two differ."""
    titles = {}
    for name, select in (("x", figure.select_xaxes), ("y", figure.select_yaxes)):
        found = {_plain(axis.title.text) for axis in select() if axis.title.text}
        if len(found) == 1:
            titles[name] = found.pop()
    reserved = {*_FIRST, *_AXES, *_SINGLE, "lower", "upper"}
    return {} if len(set(titles.values()) - reserved) < len(titles) else titles


def _axis_of(trace: Any, name: str) -> str:
    return f"{name}axis{(_of(trace, f'{name}axis') or name)[1:]}"


def _plot(trace: Any) -> str:
    """The number of the plot that a trace is drawn into, from 1."""
    return str(_of(trace, "xaxis") or "x")[1:] or "1"


def _plot_title(figure: go.Figure, trace: Any) -> str:
    """The title over a trace's plot; the plot's number without one."""
    x, y = (figure.layout[_axis_of(trace, name)].domain for name in ("x", "y"))
    if x is not None and y is not None:
        for note in figure.layout.annotations:
            over = note.xref == note.yref == "paper" and note.text
            if over and abs(note.x - (x[0] + x[1]) / 2) < _NEAR and abs(note.y - y[1]) < _NEAR:
                return _plain(note.text)
    return _plot(trace)


def _of(trace: Any, name: str) -> Any:
    """A trace's property; None where its kind has no such one."""
    return getattr(trace, name, None)


def _array(trace: Any, name: str) -> Sequence[Any] | None:
    values = _of(trace, name)
    return None if values is None or isinstance(values, str) or not hasattr(values, "__len__") else values


def _is_matrix(values: Any) -> bool:
    return values is not None and len(values) > 0 and hasattr(values[0], "__len__") and not isinstance(values[0], str)


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(text: str) -> str:
    """A figure's text without its markup."""
    return html.unescape(re.sub(r"<[^>]*>", " ", str(text))).strip()


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows([_safe(value) for value in row] for row in rows)
    return file.getvalue()


def _safe(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula: names may come from anywhere."""
    if value is None:
        return ""
    if not isinstance(value, str):
        number = value.item() if hasattr(value, "item") else value
        return f"{number:.{_DIGITS}g}" if isinstance(number, float) else number
    plain = value.replace(MINUS, "-")
    if _NUMBERS.fullmatch(plain):
        return plain
    return f"'{value}" if value.startswith(_FORMULA) else value
