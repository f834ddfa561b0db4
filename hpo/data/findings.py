"""Findings about a data set: its classes, repeats, contradictions, and what its splits share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hpo.data.digest import identities

if TYPE_CHECKING:
    from hpo.data.dataset import Patches


@dataclass(frozen=True)
class SplitReport:
    """One split.

    Args:
        name: of the split.
        patches: how many.
        shape: of all patches together, (N, side, side, channels).
        classes: number of patches of each class, by its name, in the order of the labels.
        slides: number of slides, or None where they are unknown.
        repeats: patches that repeat an earlier one of the split exactly.
        contradictions: patches that also occur with another label.
        digest: SHA-256 of patches and labels.
    """

    name: str
    patches: int
    shape: tuple[int, int, int, int]
    classes: dict[str, int]
    slides: int | None
    repeats: int
    contradictions: int
    digest: str


@dataclass(frozen=True)
class Crossing:
    """Patches and slides that two splits share and should not.

    Args:
        splits: the two.
        repeats: patches of the second that also are in the first.
        contradictions: those of them that have another label there.
        slides: slides that are in both, or None where they are unknown.
    """

    splits: tuple[str, str]
    repeats: int
    contradictions: int
    slides: int | None


def describe_split(patches: Patches, classes: Sequence[str]) -> SplitReport:
    """The contents of one split.

    Args:
        patches: of the split; at least one.
        classes: names of the classes, in the order of their labels.
    """
    same = identities(patches.hashes)
    kinds = np.zeros((int(same.max()) + 1, len(classes)), dtype=bool)
    kinds[same, patches.labels] = True
    counts = np.bincount(patches.labels, minlength=len(classes)).tolist()
    return SplitReport(
        name=patches.name,
        patches=len(patches),
        shape=patches.shape,
        classes=dict(zip(classes, counts, strict=True)),
        slides=None if patches.slides is None else len(np.unique(patches.slides)),
        repeats=len(same) - len(kinds),
        contradictions=int((kinds[same].sum(axis=1) > 1).sum()),
        digest=patches.digest,
    )


def cross(first: Patches, second: Patches) -> Crossing:
    """Patches and slides that two splits share."""
    same = identities(np.concatenate([first.hashes, second.hashes]))
    of_first, of_second = same[: len(first)], same[len(first) :]
    kinds = np.zeros((int(same.max()) + 1, int(max(first.labels.max(), second.labels.max())) + 1), dtype=bool)
    kinds[of_first, first.labels] = True
    shared = kinds[of_second].any(axis=1)
    agreeing = kinds[of_second, second.labels]
    slides = None
    if first.slides is not None and second.slides is not None:
        slides = len(np.intersect1d(first.slides, second.slides))
    return Crossing((first.name, second.name), int(shared.sum()), int((shared & ~agreeing).sum()), slides)


def lacking(name: str, counts: dict[str, int]) -> str | None:
    """Why a split cannot be used, or None: AUC is not defined without patches of every class."""
    if min(counts.values()) > 0:
        return None
    if len(counts) > 2:
        lost = [word for word, count in counts.items() if not count]
        shown = ", ".join(lost[:6]) + (f" and {len(lost) - 6} more" if len(lost) > 6 else "")
        return f"{name} has no patch of {shown} (of {len(counts)} classes); every split needs patches of every class"
    first, second = (f"{count} {word}" for word, count in counts.items())
    return f"{name} has {first} and {second} patches; AUC needs both"


def doubts(splits: Sequence[SplitReport], crossings: Sequence[Crossing]) -> tuple[str, ...]:
    """Facts that let results look better or worse than they are, though a study can run: one line each."""
    lines = [
        f"{split.name}: {_patches(split.contradictions)} with "
        f"{'both' if len(split.classes) == 2 else 'several'} labels: the same pixels are in more than one class"
        for split in splits
        if split.contradictions
    ]
    for crossing in crossings:
        first, second = crossing.splits
        if crossing.repeats:
            other = f" ({crossing.contradictions} with another label)" if crossing.contradictions else ""
            verb = "is an exact repeat" if crossing.repeats == 1 else "are exact repeats"
            lines.append(f"{second}: {_patches(crossing.repeats)} {verb} of patches in {first}{other}")
        if crossing.slides:
            slides = "1 slide is" if crossing.slides == 1 else f"{crossing.slides} slides are"
            lines.append(f"{second}: {slides} also in {first}")
    return tuple(lines)


def doubts_about(parts: Sequence[Patches], classes: Sequence[str]) -> tuple[str, ...]:
    """The same of splits that have been opened; empty ones are left out."""
    filled = [part for part in parts if len(part)]
    return doubts(
        [describe_split(part, classes) for part in filled], [cross(*pair) for pair in combinations(filled, 2)]
    )


def _patches(count: int) -> str:
    return "1 patch" if count == 1 else f"{count} patches"
