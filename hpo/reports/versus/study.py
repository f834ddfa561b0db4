"""Studies that stand side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from hpo.results.words import listed

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


class Options(NamedTuple):
    """Options of a panel of several studies: one architecture, where it shows a single one."""

    architecture: str = ""


@dataclass(frozen=True, eq=False)
class ComparedStudy:
    """One of the studies.

    Args:
        label: what it is called on the page, like no other of them.
        results: of the study.
        wishes: its files' settings, by (part, key), as `hpo.reports.versus.settings.wishes_of` writes them.
    """

    label: str
    results: StudyResults
    wishes: Mapping[tuple[str, str], str]

    @property
    def test_digest(self) -> str:
        """Of the test split that its models were tested on; empty before that."""
        return next((one.test_digest for one in self.results.test_openings if one.test_digest), "")


Studies = tuple[ComparedStudy, ...]


NO_OPTIONS = Options()


class Look(NamedTuple):
    """How a study looks in every figure; colours are the architectures'."""

    symbol: str
    dash: str


def look_of(place: int) -> Look:
    """By the study's place among the studies."""
    return Look(SYMBOLS[place % len(SYMBOLS)], DASHES[place % len(DASHES)])


def labels(names: Sequence[str], files: Sequence[Path]) -> list[str]:
    """The studies' names; where several have one name, with as much of the file's path as tells them apart.

    Args:
        names: of the studies.
        files: the study files, absolute, no two the same.
    """
    return [
        name if names.count(name) == 1 else f"{name} ({_telling_part(file, files)})"
        for name, file in zip(names, files, strict=True)
    ]


def _telling_part(file: Path, files: Sequence[Path]) -> str:
    others = [other.parts for other in files if other != file]
    for length in range(1, len(file.parts)):
        end = file.parts[-length:]
        if all(other[-length:] != end for other in others):
            return "/".join(end)
    return str(file)


def architectures_of(studies: Sequence[ComparedStudy]) -> tuple[str, ...]:
    """Every architecture of any of them: the first study's in its order, then what the others add."""
    return tuple(dict.fromkeys(name for study in studies for name in study.results.settings.architectures))


def shared_architectures(studies: Sequence[ComparedStudy]) -> tuple[str, ...]:
    """Those that at least two of the studies have."""
    found = [name for study in studies for name in study.results.settings.architectures]
    return tuple(name for name in architectures_of(studies) if found.count(name) > 1)


def shared_looks(studies: Sequence[ComparedStudy]) -> Looks:
    """One colour per architecture, whichever study it is drawn of."""
    return Looks(architectures_of(studies))


def listed_labels(studies: Sequence[ComparedStudy]) -> str:
    """The studies in a sentence."""
    return listed(study.label for study in studies)
