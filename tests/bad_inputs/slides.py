"""Bad tables of slides."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.hdf5 import SPLITS, STEM, checked, opened
from tests.bad_inputs.mutate import replace_by_no_file, spoil_text


def meta(rng: random.Random, bases: Bases) -> Attempt:
    """A bad table of slides."""
    shutil.copytree(bases.data, "d")
    split = rng.choice(SPLITS)
    path = Path("d") / f"{STEM.format(split, 'meta')}.csv"
    text = path.read_text()
    way = rng.random()
    if way < 0.06:
        return checked(f"slides of {split}: {replace_by_no_file(rng, path)}", None)
    if way < 0.5:
        what = rng.choice(list(TABLES))
        content = TABLES[what](text)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        judge = _slides_as_csv_reads(path, split) if what in ONE_SLIDE else _same_slides(bases.data, split)
        return checked(f"slides of {split}: {what}", judge)
    what, spoilt = spoil_text(rng, text)
    path.write_bytes(spoilt)
    return checked(f"slides of {split}: {what}", _slides_as_csv_reads(path, split))


def _requoted(text: str, delimiter: str, quote: str = "") -> str:
    return "\n".join(delimiter.join(f"{quote}{cell}{quote}" for cell in line.split(",")) for line in text.split("\n"))


TABLES: dict[str, Callable[[str], str | bytes]] = {
    "byte-order mark": lambda t: "\ufeff" + t,
    "UTF-16": lambda t: t.encode("utf-16"),
    "semicolons": lambda t: _requoted(t, ";"),
    "tabs": lambda t: _requoted(t, "\t"),
    "quotes": lambda t: _requoted(t.rstrip("\n"), ",", '"'),
    "CRLF": lambda t: t.replace("\n", "\r\n").encode(),
    "CR": lambda t: t.replace("\n", "\r").encode(),
    "blank lines": lambda t: t.replace("\n", "\n\n"),
    "trailing blank lines": lambda t: t + "\n\n\n",
    "blanks around": lambda t: t.replace(",", " , "),
    "WSI": lambda t: t.replace("wsi", "WSI", 1),
    "slides blank": lambda t: "\n".join(
        line.rsplit(",", 1)[0] + "," if "slide" in line else line for line in t.split("\n")
    ),
    "merged cells": lambda t: "\n".join(
        line if not i or i % 3 == 1 else line.rsplit(",", 1)[0] + "," if "slide" in line else line
        for i, line in enumerate(t.split("\n"))
    ),
    "one row fewer": lambda t: "\n".join(t.split("\n")[:-2]) + "\n",
    "one row more": lambda t: t + "99,0,0,0,0,slide_x\n",
    "rows reversed": lambda t: "\n".join([t.split("\n")[0], *t.strip().split("\n")[:0:-1]]) + "\n",
    "rows swapped": lambda t: "\n".join([*(rows := t.split("\n"))[:1], rows[5], *rows[2:5], rows[1], *rows[6:]]),
    "column twice": lambda t: "\n".join(
        f"{line},{'wsi' if not i else 'other' if line else ''}" for i, line in enumerate(t.split("\n"))
    ),
    "short rows": lambda t: "\n".join(
        line if i % 5 else line.rsplit(",", 2)[0] for i, line in enumerate(t.split("\n"))
    ),
    "long rows": lambda t: "\n".join(line + (",x,y" if i == 4 else "") for i, line in enumerate(t.split("\n"))),
    "a cell of 1 MB": lambda t: t.replace("slide", "s" * 1_000_000, 1),
    "NUL": lambda t: t.replace("slide", "sl\0ide", 1),
    "open quote": lambda t: t.replace("slide", '"slide', 1),
    "escapes": lambda t: t.replace("wsi", "\x1b[31m" + "w" * 5000, 1),
    "no header": lambda t: t.split("\n", 1)[1],
    "header only": lambda t: t.split("\n")[0] + "\n",
    "nothing": lambda _t: "",
    "sep line": lambda t: "sep=,\n" + t,
    "formula": lambda t: t.replace("slide", "=cmd|' /C calc'!A0", 1),
    "Latin-1": lambda t: t.replace("slide", "préparation").encode("latin-1"),
    "numbers": lambda t: t.replace("slide", ""),
    "NA": lambda t: t.replace("slide0_1", "NA").replace("slide1_1", "nan"),
}


ONE_SLIDE = {"a cell of 1 MB", "NUL", "open quote", "formula", "Latin-1"}
"""Tables in which one row is of another slide now."""


def _same_slides(data: Path, split: str) -> Callable[[str], str | None]:
    def judge(output: str) -> str | None:
        if "problem:" in output:
            return None
        wanted = [
            line.split(",")[-1] for line in (data / f"{STEM.format(split, 'meta')}.csv").read_text().splitlines()[1:]
        ]
        found = getattr(opened(), split).slides
        groups = None if found is None else _grouping(found.tolist())
        return (
            None
            if groups == _grouping(wanted)
            else f"slides {wanted[:6]} were taken for {None if found is None else found[:6].tolist()}"
        )

    return judge


def _slides_as_csv_reads(path: Path, split: str) -> Callable[[str], str | None]:
    def judge(output: str) -> str | None:
        import csv

        if "problem:" in output:
            return None
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        found = getattr(opened(), split).slides
        for delimiter in ",;\t":
            rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
            columns = {str(name).strip().lower(): name for name in (rows[0] if rows else {})}
            if "wsi" in columns:
                wanted = [(row[columns["wsi"]] or "").strip() for row in rows]
                is_same = found is not None and _grouping(found.tolist()) == _grouping(wanted)
                return (
                    None
                    if is_same
                    else f"slides {wanted[:6]} were taken for {None if found is None else found[:6].tolist()}"
                )
        return "a table without column wsi was taken"

    return judge


def _grouping(names: list[str]) -> list[int]:
    """Which patches are of one slide, whatever the slides' names."""
    first: dict[str, int] = {}
    return [first.setdefault(name, row) for row, name in enumerate(names)]
