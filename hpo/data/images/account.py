"""The account that an import gives of every file: taken, left out, converted, repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from hpo.data.digest import Hashes, identities
from hpo.data.images.classes import normal_first, option
from hpo.data.images.found import LeftOut, folded
from hpo.data.pcam import SplitName


@dataclass(frozen=True)
class Repeats:
    """Patches whose pixels are exactly those of an earlier one.

    Args:
        within: by split, patches that repeat an earlier one of it.
        across: by pair of splits, patches of the second that are in the first too.
        both_labels: patches that occur with another label too.
    """

    within: dict[SplitName, int]
    across: dict[tuple[SplitName, SplitName], int]
    both_labels: int


@dataclass(frozen=True)
class Imported:
    """The outcome of an import: images written, and images left out.

    Args:
        classes: their names, in the order of their labels 0, 1, ...
        counts: for each split its number of patches of each class; a single labelled set is ``patches``.
        patch_size: side, pixels.
        files: files that were found, members of archives among them.
        images: those of them that were taken.
        left_out: the others.
        changes: how many images were converted, by what was done.
        repeats: exact repeats among the patches.
        slides: for each split its number of slides; None where they are unknown.
        notes: what else is to be said, a line each.
    """

    classes: tuple[str, ...]
    counts: dict[SplitName, tuple[int, ...]]
    patch_size: int
    files: int = 0
    images: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)
    changes: dict[str, int] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=lambda: Repeats({}, {}, 0))
    slides: dict[SplitName, int] | None = None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The account, without counts by split and class."""
        lines = [f"files found: {self.files}; images taken: {self.images}; left out: {self.left_out.total}"]
        lines += [f"left out: {line}" for line in self.left_out.lines()]
        lines += [f"{change}: {count} images" for change, count in self.changes.items()]
        lines += _repeat_lines(self.repeats, len(self.classes))
        if len(self.classes) > 2:
            named = ", ".join(f"{label} is {name}" for label, name in enumerate(self.classes))
            return [*lines, f"classes: label {named}; --classes chooses, orders or merges", *self.notes]
        first, second = self.classes
        turned = normal_first(self.classes) != [first, second]
        lines.append(
            f"classes: label 0 is {first}, label 1 is {second}, which counts as positive"
            + (f"; {option((second, first))} turns them round" if turned else "")
        )
        return [*lines, *self.notes]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "classes": list(self.classes),
            "patch_size": self.patch_size,
            "patches": {split: dict(zip(self.classes, counts, strict=True)) for split, counts in self.counts.items()},
            "files": self.files,
            "images": self.images,
            "left_out": [
                {
                    "reason": reason,
                    "count": counts.total(),
                    "details": {detail: count for detail, count in counts.items() if detail},
                    "examples": self.left_out.examples[reason],
                }
                for reason, counts in self.left_out.details.items()
            ],
            "changes": self.changes,
            "repeats": {
                "within": self.repeats.within,
                "across": [{"splits": list(pair), "count": count} for pair, count in self.repeats.across.items()],
                "both_labels": self.repeats.both_labels,
            },
            "slides": self.slides,
            "notes": list(self.notes),
        }


def _repeat_lines(repeats: Repeats, classes: int) -> list[str]:
    lines = [
        f"repeats: {count} patches{'' if split == 'patches' else f' of {split}'} repeat an earlier one"
        for split, count in repeats.within.items()
        if count
    ]
    lines += [
        f"repeats: {count} patches of {second} are also in {first}"
        for (first, second), count in repeats.across.items()
        if count
    ]
    several = "both" if classes == 2 else "several"
    if repeats.both_labels:
        lines.append(f"repeats: {repeats.both_labels} patches occur with {several} labels, which contradict each other")
    return lines or ["repeats: none"]


def count_repeats(
    hashes: dict[SplitName, Hashes], labels: dict[SplitName, np.ndarray[Any, np.dtype[np.uint8]]]
) -> Repeats:
    """Exact repeats within and across splits, from the patches' hashes."""
    same = identities(np.concatenate(list(hashes.values())))
    every = np.concatenate(list(labels.values()))
    kinds = np.zeros((int(same.max(initial=0)) + 1, int(every.max(initial=0)) + 1), dtype=bool)
    kinds[same, every] = True
    parts, start = {}, 0
    for split, found in hashes.items():
        parts[split] = same[start : start + len(found)]
        start += len(found)
    return Repeats(
        within={split: len(part) - len(np.unique(part)) for split, part in parts.items()},
        across={(a, b): int(np.isin(parts[b], parts[a]).sum()) for a, b in combinations(parts, 2)},
        both_labels=int((kinds[same].sum(axis=1) > 1).sum()),
    )


def slide_notes(slides: Mapping[SplitName, Sequence[str]] | None, suggestion: str) -> tuple[str, ...]:
    """Notes on slides: that they are unknown, or that some are in two splits."""
    if slides is None:
        return (
            "slides: unknown, so patches of one slide may fall on both sides of a split"
            + (f"; {suggestion}" if suggestion else "; --slide-from says where a path has them"),
        )
    shared = {(a, b): len(set(slides[a]) & set(slides[b])) for a, b in combinations(slides, 2)}
    known = f"slides: {', '.join(f'{len(set(found))} in {split}' for split, found in slides.items())}"
    return (
        known,
        *(f"slides: {count} are in both {a} and {b}" for (a, b), count in shared.items() if count),
        *_alike(name for names in slides.values() for name in names),
    )


def _alike(names: Iterable[str]) -> list[str]:
    """Says of slides whose names differ in case or blanks alone, of which a split knows nothing, that they do."""
    spellings: dict[str, set[str]] = {}
    for name in set(names):
        spellings.setdefault(folded("".join(name.split())), set()).add(name)
    several = sorted(sorted(found) for found in spellings.values() if len(found) > 1)
    if not several:
        return []
    more = f" (and {len(several) - 1} more such names)" if len(several) > 1 else ""
    return [f"slides: {' and '.join(several[0])}{more} count as different; if they are one, spell them alike"]
