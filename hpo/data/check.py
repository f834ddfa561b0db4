"""What a data folder holds, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from hpo.data import pcam
from hpo.data.dataset import Patches, open_split
from hpo.data.digest import identities
from hpo.data.progress import Progress, silent
from hpo.errors import DataError

COLUMNS = 12  # of the preview


@dataclass(frozen=True)
class SplitReport:
    """One split.

    Args:
        name: of the split.
        patches: how many.
        shape: of all patches together, (N, side, side, 3).
        benign: patches of label 0.
        malignant: patches of label 1.
        slides: number of slides, or None where they are not known.
        repeats: patches that repeat an earlier one of the split exactly.
        contradictions: patches that also occur with the other label.
        digest: SHA-256 of patches and labels.
    """

    name: str
    patches: int
    shape: tuple[int, int, int, int]
    benign: int
    malignant: int
    slides: int | None
    repeats: int
    contradictions: int
    digest: str


@dataclass(frozen=True)
class Crossing:
    """What two splits have in common and should not.

    Args:
        splits: the two.
        repeats: patches of the second that also are in the first.
        slides: slides that are in both, or None where they are not known.
    """

    splits: tuple[str, str]
    repeats: int
    slides: int | None


@dataclass(frozen=True)
class DataReport:
    """What `check_folder` found.

    Args:
        folder: that was checked.
        splits: those that could be read.
        crossings: one for each pair of splits.
        problems: one line each; empty if a study can use the data as it is.
    """

    folder: str
    splits: tuple[SplitReport, ...]
    crossings: tuple[Crossing, ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def check_folder(folder: Path, *, preview: Path | None = None, progress: Progress = silent) -> DataReport:
    """Reads all of a data folder and reports on it; damaged files are problems, not errors.

    Args:
        folder: that holds PCam's HDF5 files.
        preview: PNG to draw with some patches of each class and split; None draws none.
        progress: told about decompressing and reading.

    Raises:
        DataError: if there is no such folder, it has no PCam files at all, or the preview cannot be written.
    """
    names = [name for name in (*pcam.SPLITS, "patches") if pcam.present(pcam.split_files(folder, name))]
    if not names:
        raise DataError(f"{folder}: has no PCam files, such as {pcam.split_files(folder, 'train').x.name}")
    problems: list[str] = []
    if names not in (["patches"], ["train"]):
        problems += [f"{folder}: the {name} split is missing" for name in pcam.SPLITS if name not in names]
    opened: list[Patches] = []
    for name in names:
        try:
            opened.append(open_split(folder, name, progress=progress))
        except DataError as error:
            problems.append(str(error))
    splits = tuple(_describe(patches) for patches in opened)
    crossings = tuple(_cross(first, second) for first, second in combinations(opened, 2))
    problems += _judge(splits, crossings)
    if preview is not None and opened:
        draw_preview(opened, preview)
    return DataReport(str(folder), splits, crossings, tuple(problems))


def _describe(patches: Patches) -> SplitReport:
    same = identities(patches.hashes)
    kinds = np.zeros((int(same.max()) + 1, 2), dtype=bool)
    kinds[same, patches.labels] = True
    return SplitReport(
        name=patches.name,
        patches=len(patches),
        shape=patches.shape,
        benign=int((patches.labels == 0).sum()),
        malignant=int((patches.labels == 1).sum()),
        slides=None if patches.slides is None else len(np.unique(patches.slides)),
        repeats=len(same) - len(kinds),
        contradictions=int((kinds[same, 0] & kinds[same, 1]).sum()),
        digest=patches.digest,
    )


def _cross(first: Patches, second: Patches) -> Crossing:
    same = identities(np.concatenate([first.hashes, second.hashes]))
    repeats = int(np.isin(same[len(first) :], same[: len(first)]).sum())
    slides = None
    if first.slides is not None and second.slides is not None:
        slides = len(np.intersect1d(first.slides, second.slides))
    return Crossing((first.name, second.name), repeats, slides)


def _judge(splits: tuple[SplitReport, ...], crossings: tuple[Crossing, ...]) -> list[str]:
    """Problems of whole splits, beyond single files."""
    problems = []
    for split in splits:
        if 0 in (split.benign, split.malignant):
            problems.append(f"{split.name}: has {split.benign} benign and {split.malignant} malignant patches")
        if split.shape[1:] != splits[0].shape[1:]:
            problems.append(
                f"{split.name}: patches of {split.shape[1]} pixels, those of {splits[0].name} are {splits[0].shape[1]}"
            )
    for crossing in crossings:
        first, second = crossing.splits
        if crossing.repeats:
            problems.append(f"{second}: {crossing.repeats} patches are exact repeats of patches in {first}")
        if crossing.slides:
            problems.append(f"{second}: {crossing.slides} slides are also in {first}")
    return problems


def draw_preview(splits: list[Patches], path: Path, *, rows: int = 2, seed: int = 0) -> None:
    """Draws a contact sheet: some patches of each split and class, chosen at random.

    Args:
        splits: whose patches to draw.
        path: PNG to write.
        rows: of `COLUMNS` patches for each split and class.
        seed: of the choice.

    Raises:
        DataError: if the picture cannot be written.
    """
    gap, caption = 4, 16
    side = max(patches.patch_size for patches in splits)
    height = caption + rows * (side + gap)
    sheet = Image.new("RGB", (COLUMNS * (side + gap) + gap, 2 * len(splits) * height), "white")
    draw = ImageDraw.Draw(sheet)
    top = 0
    for patches in splits:
        for label, word in enumerate(("benign", "malignant")):
            candidates = np.flatnonzero(patches.labels == label)
            draw.text((gap, top + 2), f"{patches.name}, {word} ({len(candidates)} patches)", fill="black")
            chosen = np.random.default_rng(seed).permutation(candidates)[: rows * COLUMNS]
            for place, pixels in enumerate(patches.read(chosen)):
                row, column = divmod(place, COLUMNS)
                corner = (gap + column * (side + gap), top + caption + row * (side + gap))
                sheet.paste(Image.fromarray(pixels), corner)
            top += height
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, format="PNG")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error}") from error
