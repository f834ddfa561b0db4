"""The slide or patient of an image, as ``--slide-from`` names it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.data.images.classes import ClassChoice, quoted
from hpo.data.images.decide import Decided
from hpo.data.images.found import Found, folded, shown
from hpo.data.images.splits import splits_named
from hpo.errors import DataError

SYNTAX = "folder:1 (the first folder below the imported one; folder:-1 is the image's own), regex:(...) or column:NAME"
QUPATH = r"regex:([^/]+) \["
"""QuPath's names of exported tiles: ``slide [x=0,y=512,w=512,h=512].png``."""
NAMED = 20  # offenders that a message names


@dataclass(frozen=True)
class SlideRule:
    """The place of a slide's name.

    Args:
        folder: number of the folder, from 1 below the imported one, or from -1, the image's own; None if not there.
        pattern: regular expression searched in the path; its first group, or all of it, is the name.
        column: of the table of labels.
    """

    folder: int | None = None
    pattern: re.Pattern[str] | None = None
    column: str | None = None


def parse_slide_rule(text: str) -> SlideRule:
    """Reads what ``--slide-from`` says.

    Raises:
        DataError: if it is none of the three.
    """
    kind, _, value = text.partition(":")
    if kind == "column" and value.strip():
        return SlideRule(column=value.strip())
    if kind == "regex" and value:
        try:
            return SlideRule(pattern=re.compile(value))
        except (re.error, RecursionError, OverflowError) as error:
            raise DataError(f"--slide-from: {value!r} is not a regular expression: {error}") from error
    if kind == "folder" and re.fullmatch(r"[+-]?\d{1,4}", value.strip()) and int(value) != 0:
        return SlideRule(folder=int(value))
    raise DataError(f"--slide-from: {text!r}; allowed: {SYNTAX}")


def slides_of(images: Sequence[Decided], rule: SlideRule | None) -> list[str] | None:
    """The slide of each image; None where nothing says it.

    Raises:
        DataError: if the rule finds no name for an image.
    """
    if rule is None or rule.column is not None:
        slides = [image.slide for image in images]
        if not any(slides):
            return None
        what = "the table of labels names no slide"
    else:
        slides = [_slide(image.found, rule) for image in images]
        what = "--slide-from finds no slide in this path"
    lacking = [image.found for image, slide in zip(images, slides, strict=True) if not slide]
    if lacking:
        lines = [f"{image.place}: {what}" for image in lacking[:NAMED]]
        raise DataError(
            "\n".join([*lines, f"{len(lacking)} of {len(images)} images have no slide; each must have one"])
        )
    return [unicodedata.normalize("NFC", slide) for slide in slides]


def _slide(image: Found, rule: SlideRule) -> str:
    if rule.pattern is not None:
        match = rule.pattern.search("/".join(image.parts))
        return "" if match is None else shown((match[1] if match.re.groups else match[0]) or "").strip()
    level = rule.folder or 0
    at = level - 1 if level > 0 else len(image.folders) + level
    return shown(image.folders[at]).strip() if 0 <= at < len(image.folders) else ""


def suggestion(images: Sequence[Decided], choice: ClassChoice) -> str:
    """The option that might keep slides or patients, where names look like it; else empty."""
    rule = parse_slide_rule(QUPATH)
    tiled = {_slide(image.found, rule) for image in images}
    if "" not in tiled and len(tiled) <= len(images) / 2:
        return f"the names look like QuPath's: --slide-from {quoted(QUPATH)} keeps the slides"
    classes = set(choice.lookup())
    levels: dict[int, set[str]] = {}
    example: dict[int, str] = {}
    for image in images:
        for level, part in enumerate(image.found.folders, 1):
            names = levels.setdefault(level, set())
            if len(names) < 10_000 and folded(part) not in classes and not splits_named(part):
                names.add(part)
                example.setdefault(level, part)
    level = max(levels, key=lambda level: len(levels[level]), default=0)
    if level and len(levels[level]) > 2:
        return (
            f"if its {len(levels[level])} folders such as {shown(example[level])} are slides or patients, "
            f"--slide-from folder:{level} keeps them"
        )
    return ""
