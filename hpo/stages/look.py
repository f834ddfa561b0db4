"""What a data folder holds, for a proposal and in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.data.dataset import Dataset, SplitRule, open_dataset
from hpo.data.description import read_description
from hpo.data.pcam import SPLITS, present, split_files
from hpo.data.progress import Progress, silent
from hpo.data.split import ImpossibleSplitError
from hpo.errors import DataError

_SPLIT_SEEDS = 20
"""Splits that are tried, where a part might lack a class."""


@dataclass(frozen=True)
class Look:
    """The findings about a data folder.

    Args:
        folder: as the user wrote it.
        patch_size: side, pixels.
        classes: names, in the order of their labels.
        counts: of each split, how many patches of each class.
        split_seed: of the rule that splits a single labelled set; None where there are three splits.
        has_slides: whether every split knows its slides.
        slides: how many there are in all, where they are known.
        channels: of a patch.
    """

    folder: Path
    patch_size: int
    classes: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    split_seed: int | None
    has_slides: bool
    slides: int = 0
    channels: int = 3

    @property
    def available(self) -> int:
        """Class-balanced training patches."""
        return len(self.classes) * min(self.counts["train"])

    def lines(self) -> tuple[str, ...]:
        """The findings in words, a line each."""
        pairs = zip(self.classes, np.sum(list(self.counts.values()), axis=0).tolist(), strict=True)
        named = ", ".join(f"{label} {name} ({count:,} patches)" for label, (name, count) in enumerate(pairs))
        sizes = ", ".join(f"{sum(counts):,} {name}" for name, counts in self.counts.items())
        slides = f"{self.slides:,} slides" if self.has_slides else "slides unknown"
        kind = "" if self.channels == 3 else f" x {self.channels}"
        size = f"{self.patch_size} x {self.patch_size}{kind} pixels"
        lines = [f"classes: {named}", f"patches: {sizes}, of {size}; {slides}"]
        total = sum(self.counts["train"])
        if self.available < total:
            lines.append(
                f"unbalanced: {self.available:,} of {total:,} training patches can be used, as many of each class "
                "(all with data.balance: natural)"
            )
        return tuple(lines)


def look_at_data(folder: Path, progress: Progress = silent) -> Look:
    """Open a data set of any patch size; a single labelled set is split by a rule.

    Raises:
        DataError: if it is missing, damaged, lacks a class in a split, or has but one training patch of a class.
    """
    there = [name for name in (*SPLITS, "patches") if present(split_files(folder, name))]
    is_single = there in (["patches"], ["train"])
    dataset, seed = (
        _split(folder, progress) if is_single else (open_dataset(folder, patch_size=None, progress=progress), None)
    )
    classes = read_description(folder).classes
    parts = {"train": dataset.train, "valid": dataset.valid, "test": dataset.test}
    counts = {
        name: tuple(np.bincount(part.labels.astype(np.int64), minlength=len(classes)).tolist())
        for name, part in parts.items()
    }
    for name, found in counts.items():
        if 0 in found:
            lacking = classes[found.index(0)]
            raise DataError(
                f"{folder}: the {name} split has no patches of class {lacking}; every split needs every class"
            )
    if min(counts["train"]) < 2:
        raise DataError(
            f"{folder}: {sum(counts['train'])} training patches, {min(counts['train'])} of the rarest class; "
            "a study needs at least 2 of each class"
        )
    known = [part.slides for part in parts.values() if part.slides is not None]
    has_slides = len(known) == len(parts)
    slides = len({slide for part in known for slide in part.tolist()}) if has_slides else 0
    size, channels = dataset.train.patch_size, dataset.train.channels
    return Look(folder, size, classes, counts, seed, has_slides, slides, channels)


def _split(folder: Path, progress: Progress) -> tuple[Dataset, int]:
    """The single labelled set split by the first seed that leaves every part every class."""
    for seed in range(_SPLIT_SEEDS):
        try:
            return open_dataset(folder, patch_size=None, split=SplitRule(0.2, 0.2, seed), progress=progress), seed
        except ImpossibleSplitError as error:
            refused = error
    raise refused
