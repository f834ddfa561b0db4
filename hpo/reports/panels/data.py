"""The data: its splits, and a few patches to look at."""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import Html, element, escape, table
from hpo.reports.panel import NotThereError, Panel
from hpo.reports.plot.looks import Looks
from hpo.reports.table import Cell, Column, Table
from hpo.results.data import DataDescription, SplitDescription
from hpo.results.study import StudyResults
from hpo.results.words import DASH, capital, count, listed


class Data(NamedTuple):
    """Facts of the panel."""

    description: DataDescription
    classes: tuple[str, ...]


def read(results: StudyResults, _options: PanelSettings) -> Data:
    """The data's description.

    Raises:
        NotThereError: if the data is not at hand.
    """
    if results.data is None:
        raise NotThereError("The data is not at hand where this report was made.")
    return Data(results.data, results.classes)


def draw(data: Data, _looks: Looks) -> Html:
    """A table of the splits, what is doubtful about them, and the contact sheet."""
    classes = data.classes if len(data.classes) <= _COLUMNS else ()
    columns = [
        Column("Split"),
        *(Column(name, numeric=True) for name in ("Patches", *classes, "Slides")),
        Column("Digest (train and valid have one)"),
    ]
    rows: list[list[Cell | str]] = []
    for name, split in data.description.splits.items():
        digest = data.description.test_digest if name == "test" else data.description.digest
        rows.append(
            [
                capital(name),
                count(split.patches),
                *(
                    Cell(count(number), f"{number / split.patches:.0%}" if split.patches else "")
                    for number in (_counts(split) if classes else ())
                ),
                DASH if split.slides is None else count(split.slides),
                Cell(digest[:12], kind="code"),
            ]
        )
    content = [table(Table(columns, rows, compact=True))]
    content += [element("p", escape(f"Doubtful: {doubt}."), class_="quiet") for doubt in data.description.doubts]
    if data.description.contact_sheet is not None:
        source = "data:image/webp;base64," + b64encode(data.description.contact_sheet).decode()
        content.append(
            element("figure", Html(f'<img class="sheet" alt="Sample patches of {_each(data)}" src="{source}">'))
        )
    return Html("".join(content))


def finding(data: Data) -> str:
    """Numbers of patches, and the share of label 1."""
    splits = data.description.splits
    sizes = listed(f"{count(split.patches)} for {name}" for name, split in splits.items())
    total = sum(split.patches for split in splits.values())
    if len(data.classes) > 2:
        counts = [sum(numbers) for numbers in zip(*map(_counts, splits.values()), strict=True)]
        rare, common = min(counts), max(counts)
        return (
            f"{count(total)} patches of {len(counts)} classes: {sizes}; the rarest is "
            f"{data.classes[counts.index(rare)]} ({rare / total:.0%}), the commonest "
            f"{data.classes[counts.index(common)]} ({common / total:.0%})."
        )
    positive = sum(split.positive for split in splits.values())
    return f"{count(total)} patches: {sizes}; {positive / total:.0%} are {data.classes[1]}."


def explain(data: Data) -> str:
    """Source and size of the patches."""
    size = data.description.patch_size
    kind = {1: "grey ", 3: "RGB "}.get(data.description.channels, "")
    channels = "" if kind else f", {data.description.channels} channels"
    text = f"{capital(data.description.name)}: {kind}patches of {size} by {size} pixels{channels}."
    if any(split.slides is None for split in data.description.splits.values()):
        text += " Slides are unknown: patches of one slide may be in several splits."
    return text


def _counts(split: SplitDescription) -> tuple[int, ...]:
    return split.by_class or (split.patches - split.positive, split.positive)


def _each(data: Data) -> str:
    return "both classes" if len(data.classes) == 2 else "all classes"


_COLUMNS = 12
"""The most classes that have a column each."""

PANEL = Panel("The data", read, draw, finding, explain)
