"""Checks of a data folder: its contents, and its problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from hpo.data import pcam
from hpo.data.dataset import Patches, open_split
from hpo.data.description import read_description
from hpo.data.findings import Crossing, SplitReport, cross, describe_split, doubts, lacking
from hpo.data.progress import Progress, silent
from hpo.errors import DataError

COLUMNS = 12  # of the preview


@dataclass(frozen=True)
class DataReport:
    """The findings of `check_folder`.

    Args:
        folder: that was checked.
        splits: those that could be read.
        crossings: one for each pair of splits.
        problems: one line each: why a study cannot use the data, or what of it makes results doubtful.
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
        progress: takes the progress of decompressing and reading.

    Raises:
        DataError: if there is no such folder, it has no PCam files at all, its description is damaged, or the preview
            cannot be written.
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
    classes = read_description(folder).classes
    splits = tuple(describe_split(patches, classes) for patches in opened)
    crossings = tuple(cross(first, second) for first, second in combinations(opened, 2))
    problems += _judge(splits, crossings)
    if preview is not None and opened:
        draw_preview(opened, preview, classes)
    return DataReport(str(folder), splits, crossings, tuple(problems))


def _judge(splits: tuple[SplitReport, ...], crossings: tuple[Crossing, ...]) -> list[str]:
    """Problems of whole splits, beyond single files."""
    problems = [lack for split in splits if (lack := lacking(split.name, split.classes)) is not None]
    problems += [
        f"{split.name}: patches of {split.shape[1]} pixels, those of {splits[0].name} are {splits[0].shape[1]}"
        for split in splits
        if split.shape[1] != splits[0].shape[1]
    ]
    problems += [
        f"{split.name}: patches of {split.shape[3]} channels, those of {splits[0].name} are {splits[0].shape[3]}"
        for split in splits
        if split.shape[3] != splits[0].shape[3]
    ]
    return [*problems, *doubts(splits, crossings)]


def as_picture(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pixels as a picture has them: grey, or the first three channels."""
    return pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0]


def draw_preview(splits: list[Patches], path: Path, classes: Sequence[str], *, rows: int = 2, seed: int = 0) -> None:
    """Draws a contact sheet: some patches of each split and class, chosen at random.

    Args:
        splits: whose patches to draw.
        path: PNG to write.
        classes: their names, in the order of the labels.
        rows: of `COLUMNS` patches for each split and class.
        seed: of the choice.

    Raises:
        DataError: if the picture cannot be written.
    """
    gap, caption = 4, 16
    side = max(patches.patch_size for patches in splits)
    height = caption + rows * (side + gap)
    size = (COLUMNS * (side + gap) + gap, len(classes) * len(splits) * height)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    top = 0
    for patches in splits:
        for label, word in enumerate(classes):
            candidates = np.flatnonzero(patches.labels == label)
            draw.text((gap, top + 2), f"{patches.name}, {word} ({len(candidates)} patches)", fill="black")
            chosen = np.random.default_rng(seed).permutation(candidates)[: rows * COLUMNS]
            for place, pixels in enumerate(patches.read(chosen)):
                row, column = divmod(place, COLUMNS)
                corner = (gap + column * (side + gap), top + caption + row * (side + gap))
                sheet.paste(Image.fromarray(as_picture(pixels)), corner)
            top += height
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, format="PNG")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error}") from error
