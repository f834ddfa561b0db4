"""Bad tables of labels for ``hpo data import``."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable
from pathlib import Path

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import replace_by_no_file, spoil_text
from tests.bad_inputs.pictures import LEFT_OUT, Wanted, encoded, pixels


def labels(rng: random.Random, _bases: Bases) -> Attempt:
    """A folder of images beside a bad table of labels."""
    source = Path("src")
    source.mkdir()
    rows, truth = [], {}
    for number in range(12):
        name, label = f"{number:04x}cafe", (number * 7 // 3) % 2
        (source / f"{name}.png").write_bytes(encoded(pixels(number), "PNG"))
        rows.append((name, label))
        truth[name] = (number, label)
    sound = "id,label\n" + "".join(f"{name},{label}\n" for name, label in rows)
    sure = [(pixels(number), label) for number, label in truth.values()]
    path = Path("labels.csv")
    argv = ("data", "import", "src", "out", "--labels", "labels.csv")
    way = rng.random()
    if way < 0.06:
        path.write_text(sound)
        return Attempt(f"labels: {replace_by_no_file(rng, path)}", argv, judge=Wanted(sure))
    if way < 0.5:
        what, spoilt = spoil_text(rng, sound)
        path.write_bytes(spoilt)
        return Attempt(f"labels: {what}", argv, judge=_Labelled(path, truth))
    what = rng.choice(list(LABELS))
    content = LABELS[what](sound)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return Attempt(f"labels: {what}", argv, judge=_Labelled(path, truth) if what in UNSURE else Wanted(sure))


class _Labelled:
    """Of a spoilt table: every label as the table says now, and no image left out without a word."""

    def __init__(self, path: Path, truth: dict[str, tuple[int, int]]) -> None:
        self._path, self._truth = path, truth

    def __call__(self, output: str) -> str | None:
        content = self._path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
        said: dict[str, str] = {}
        for row in csv.reader(re.split(r"\r\n|\n|\r", text), delimiter=";" if ";" in text and "," not in text else ","):
            cells = [cell.strip() for cell in row]
            if len(cells) >= 2:
                name = cells[0].removesuffix(".png")
                if said.setdefault(name, cells[1]) != cells[1]:
                    return f"{name} has two labels in the table, one was taken"
        names = sorted({label for name, label in said.items() if name in self._truth})
        doubtful = [
            ([pixels(number)], label)
            for name, (number, _) in self._truth.items()
            if name in said
            for label in ([names.index(said[name])] if len(names) <= 2 else [0, 1])
        ]
        lacking = [name for name in self._truth if name not in said]
        found = Wanted([], doubtful)(output)
        if found is None and lacking and not LEFT_OUT.search(output):
            return f"{len(lacking)} images without a label were left out without a word"
        return found


def _rows(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


LABELS: dict[str, Callable[[str], str | bytes]] = {
    "byte-order mark": lambda t: "\ufeff" + t,
    "UTF-16": lambda t: t.encode("utf-16"),
    "semicolons": lambda t: t.replace(",", ";"),
    "tabs": lambda t: t.replace(",", "\t"),
    "CRLF": lambda t: t.replace("\n", "\r\n"),
    "CR": lambda t: t.replace("\n", "\r"),
    "quotes": lambda t: '"' + t.rstrip("\n").replace(",", '","').replace("\n", '"\n"') + '"\n',
    "blank lines": lambda t: t.replace("\n", "\n\n"),
    "blanks around": lambda t: t.replace(",", " , "),
    "suffixes": lambda t: t.replace("cafe", "cafe.png"),
    "folders": lambda t: t.replace("\n0", "\nsrc/0"),
    "other order": lambda t: "\n".join([_rows(t)[0], *_rows(t)[:0:-1]]) + "\n",
    "columns swapped": lambda t: "\n".join(",".join(r.split(",")[::-1]) for r in _rows(t)) + "\n",
    "a third column": lambda t: "\n".join(f"{r},{i or 'note'}" for i, r in enumerate(_rows(t))) + "\n",
    "ID,LABEL": lambda t: t.replace("id,label", "ID,LABEL"),
    "filename,class": lambda t: t.replace("id,label", "filename,class"),
    "a row twice": lambda t: t + _rows(t)[1] + "\n",
    "a row twice, other label": lambda t: t + f"{_rows(t)[1].split(',')[0]},{1 - int(_rows(t)[1][-1])}\n",
    "a row fewer": lambda t: "\n".join(_rows(t)[:-1]) + "\n",
    "a row of no image": lambda t: t + "deadbeef,1\n",
    "labels 0.0 and 1.0": lambda t: t.replace(",0\n", ",0.0\n").replace(",1\n", ",1.0\n"),
    "labels as words": lambda t: t.replace(",0\n", ",benign\n").replace(",1\n", ",malignant\n"),
    "words in other case": lambda t: t.replace(",0\n", ",benign\n").replace(",1\n", ",Malignant\n"),
    "a third label": lambda t: t.replace(",1\n", ",2\n", 1),
    "a blank label": lambda t: t.replace(",1\n", ",\n", 1),
    "NA": lambda t: t.replace(",1\n", ",NA\n", 1),
    "one label only": lambda t: t.replace(",1\n", ",0\n"),
    "no header": lambda t: "\n".join(_rows(t)[1:]) + "\n",
    "header only": lambda _t: "id,label\n",
    "nothing": lambda _t: "",
    "ids as numbers": lambda t: t.replace("cafe", ""),
    "ids in upper case": lambda t: t.replace("cafe", "CAFE"),
    "NUL": lambda t: t.replace("cafe", "ca\0fe", 1),
    "open quote": lambda t: t.replace("\n0", '\n"0', 1),
    "a cell of 1 MB": lambda t: t.replace("cafe", "c" * 1_000_000, 1),
    "paths upwards": lambda t: t.replace("\n0", "\n../../0"),
    "two headers": lambda t: t + t,
    "escapes": lambda t: t.replace("id", "\x1b[31m" + "w" * 5000, 1),
    "sep line": lambda t: "sep=,\n" + t,
    "exponents": lambda t: t.replace("0001cafe", "1E+10"),
    "a split column": lambda t: (
        "\n".join(f"{r},{'split' if not i else ('train', 'val', 'test')[i % 3]}" for i, r in enumerate(_rows(t))) + "\n"
    ),
    "an odd split": lambda t: (
        "\n".join(f"{r},{'split' if not i else ('train', 'holdout', 'test')[i % 3]}" for i, r in enumerate(_rows(t)))
        + "\n"
    ),
}


UNSURE = {
    "a row fewer",
    "a blank label",
    "NA",
    "a third label",
    "no header",
    "exponents",
    "NUL",
    "open quote",
    "a cell of 1 MB",
    "one label only",
    "ids as numbers",
    "two headers",
    "an odd split",
}
