"""Data sets as the rest of the package sees them: train, valid and test patches, validated and with a digest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpo.data import pcam
from hpo.data.description import CLASSES, read_description
from hpo.data.digest import Hashes, content_digest, file_stamp, patch_hashes
from hpo.data.findings import doubts_about, lacking
from hpo.data.hdf5 import open_array
from hpo.data.label_file import read_labels
from hpo.data.meta import read_files, read_slides
from hpo.data.progress import Progress, silent
from hpo.data.regular_file import readable_folder
from hpo.data.rows import read_rows
from hpo.data.split import groups_of, split_rows
from hpo.errors import DataError
from hpo.recipe.key import digest as json_digest


@dataclass(frozen=True)
class SplitRule:
    """The split of a single labelled set: stratified, by slide where slides are known, repeats on one side.

    Args:
        valid: share for validation, in (0, 1).
        test: share for the final test, in [0, 1); 0 leaves the test split empty.
        seed: of the random choice; >= 0.

    Raises:
        DataError: if nothing would be left to train on, or a share is out of range.
    """

    valid: float = 0.2
    test: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.valid < 1 and 0 <= self.test < 1 and self.valid + self.test < 1):
            raise DataError(
                f"data.split: valid {self.valid} and test {self.test} must be shares with 0 < valid, 0 <= test and "
                "valid + test < 1"
            )
        if self.seed < 0:
            raise DataError(f"data.split: seed {self.seed} must be at least 0")


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches of one split, on disk until they are read.

    Args:
        name: of the split.
        path: HDF5 file whose dataset ``x`` holds them.
        rows: which of its rows they are, shape (N,), int64.
        labels: number of the class, shape (N,), uint8.
        slides: name of each patch's slide, shape (N,), or None where it is unknown.
        hashes: SHA-256 of each patch, shape (N, 32), uint8.
        patch_size: side, pixels.
        channels: of a patch; 3 is RGB, 1 is grey.
        stamp: of the file when it was opened: no patches are read of another that took its place. None reads any.
    """

    name: str
    path: Path
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.uint8]
    slides: npt.NDArray[np.str_] | None
    hashes: Hashes
    patch_size: int
    channels: int = 3
    stamp: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, side, side, channels)."""
        return (len(self), self.patch_size, self.patch_size, self.channels)

    @cached_property
    def digest(self) -> str:
        """SHA-256, 64 hexadecimal digits, of patches and labels in their order."""
        return content_digest(self.hashes, self.labels, self.patch_size)

    def read(self, rows: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """The patches of these rows.

        Besides what it returns, a slab of at most 64 MB is in memory, and the chunk that it is from.

        Args:
            rows: integers in [0, N), in any order, also repeated; shape (n,).

        Returns:
            uint8 of shape (n, side, side, channels), in the order of ``rows``.

        Raises:
            IndexError: if a row is out of range.
            DataError: if the file cannot be read, or has changed since it was opened.
        """
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} were asked for, there are {len(self)}")
        found = np.empty((len(wanted), *self.shape[1:]), dtype=np.uint8)
        if not len(wanted):
            return found
        stored = self.rows[wanted]
        order = np.argsort(stored, kind="stable")
        with open_array(self.path, "x") as x:
            read_rows(x, stored[order], order, found)
        if self.stamp is not None and file_stamp(self.path) != self.stamp:
            raise DataError(
                f"{self.path}: has changed since this process opened it: its patches are no longer those of the labels "
                "and digest; start again to read it anew"
            )
        return found

    def files(self) -> npt.NDArray[np.str_] | None:
        """The image that each patch was imported from, shape (N,), read from the table beside the patches.

        Returns:
            Paths relative to the imported folder, or ``tar!member``; None where the table does not name them.

        Raises:
            DataError: if the table is damaged.
        """
        meta = self.path.with_name(self.path.name.removesuffix("_x.h5") + "_meta.csv")
        if not os.path.lexists(meta):
            return None
        names = read_files(meta, pcam.check_patches(self.path, None).patches)
        return None if names is None else names[self.rows]

    def take(self, rows: npt.ArrayLike, name: str | None = None) -> Patches:
        """Only these rows, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            name=name or self.name,
            rows=self.rows[chosen],
            labels=self.labels[chosen],
            slides=None if self.slides is None else self.slides[chosen],
            hashes=self.hashes[chosen],
        )


@dataclass(frozen=True)
class Dataset:
    """A validated data set.

    Args:
        train: patches to learn from.
        valid: patches that guide every decision.
        test: patches for the final comparison; empty (length 0) if the split rule leaves none.
        digest: SHA-256 of train and valid patches and labels, in their order, and of the split rule: what a recipe
            holds.
        test_digest: SHA-256 of the test patches and labels.
        classes: their names, in the order of the labels.
    """

    train: Patches
    valid: Patches
    test: Patches
    digest: str
    test_digest: str
    classes: tuple[str, ...] = CLASSES

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Facts that let results look better or worse than they are, one line each.

        Patches and slides that are in two splits, and patches that have two labels.
        """
        return doubts_about((self.train, self.valid, self.test), self.classes)


def open_split(
    folder: Path, name: pcam.SplitName, *, patch_size: int | None = None, progress: Progress = silent
) -> Patches:
    """The patches of one split's files, every one of them read once.

    Args:
        folder: that holds the files.
        name: of the split.
        patch_size: side that the patches must have, pixels; None allows any.
        progress: takes the progress of decompressing and reading.

    Raises:
        DataError: if anything is missing, damaged, or not as PCam's format has it.
    """
    files = pcam.split_files(folder, name)
    for path in (files.x, files.y):
        pcam.unpack(path, progress)
    count, side, channels = pcam.check_patches(files.x, patch_size)
    labels = read_labels(files.y, count, read_description(folder).classes)
    slides = read_slides(files.meta, count)
    stamp = file_stamp(files.x)
    hashes = patch_hashes(files.x, count, progress)
    return Patches(name, files.x, np.arange(count), labels, slides, hashes, side, channels, stamp)


def open_dataset(
    folder: Path, *, patch_size: int | None, split: SplitRule | None = None, progress: Progress = silent
) -> Dataset:
    """The data set in a folder: PCam's three splits, or one labelled set that a rule splits.

    A labelled set is the pair ``patches_x.h5`` and ``patches_y.h5``, or the files of PCam's train split alone.

    Args:
        folder: that holds PCam's HDF5 files, gzipped or not.
        patch_size: side that the patches must have, pixels; None allows any.
        split: how to split a single labelled set; None if the folder has three splits.
        progress: takes the progress of decompressing and reading; the first time, that takes minutes for a large set.

    Raises:
        DataError: if anything is missing, damaged, or not as the format has it, in any of the splits.
    """
    readable_folder(folder)
    there = [name for name in (*pcam.SPLITS, "patches") if pcam.present(pcam.split_files(folder, name))]
    if not there:
        raise DataError(f"{folder}: has no PCam files, such as {pcam.split_files(folder, 'train').x.name}")
    if split is not None:
        return _split_dataset(folder, there, patch_size, split, progress)
    if there in (["patches"], ["train"]):
        raise DataError(f"{folder}: has one labelled set only; say in the study file's data.split how to split it")
    for name in pcam.SPLITS:
        if name not in there:
            missing = pcam.split_files(folder, name)
            raise DataError(f"{folder}: the {name} split is missing ({missing.x.name} and {missing.y.name})")
    train, valid, test = (open_split(folder, name, patch_size=patch_size, progress=progress) for name in pcam.SPLITS)
    for other in (valid, test):
        if other.patch_size != train.patch_size:
            raise DataError(
                f"{other.path}: patches of {other.patch_size} pixels, those of train are {train.patch_size}"
            )
        if other.channels != train.channels:
            raise DataError(f"{other.path}: patches of {other.channels} channels, those of train are {train.channels}")
    return _dataset(folder, (train, valid, test), None)


def _split_dataset(
    folder: Path, there: list[pcam.SplitName], patch_size: int | None, split: SplitRule, progress: Progress
) -> Dataset:
    if there not in (["patches"], ["train"]):
        raise DataError(
            f"{folder}: has the splits {', '.join(there)}, and data.split is for a single labelled set; "
            "leave data.split out, or keep only one pair of files there"
        )
    name: pcam.SplitName = "patches" if there == ["patches"] else "train"
    whole = open_split(folder, name, patch_size=patch_size, progress=progress)
    _checked_classes(folder, [whole])
    shares = (1 - split.valid - split.test, split.valid, split.test)
    rows = split_rows(whole.labels, groups_of(whole.hashes, whole.slides), shares, split.seed)
    return _dataset(folder, [whole.take(part, name) for part, name in zip(rows, pcam.SPLITS, strict=True)], split)


def _dataset(folder: Path, parts: Sequence[Patches], split: SplitRule | None) -> Dataset:
    classes = _checked_classes(folder, parts)
    train, valid, test = parts
    rule = None if split is None else asdict(split)
    digest = json_digest({"format": 1, "train": train.digest, "valid": valid.digest, "split": rule})
    return Dataset(train, valid, test, digest, test.digest, classes)


def _checked_classes(folder: Path, parts: Sequence[Patches]) -> tuple[str, ...]:
    """The names of the classes, of which each part that is not empty has patches."""
    classes = read_description(folder).classes
    for part in parts:
        counts = np.bincount(part.labels, minlength=len(classes)).tolist()
        name = "the labelled set" if part.name == "patches" else part.name
        lack = lacking(name, dict(zip(classes, counts, strict=True)))
        if lack is not None and len(part):
            raise DataError(f"{folder}: {lack}")
    return classes
