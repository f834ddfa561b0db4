"""A data set as studies see it: three splits of patches, opened and checked, and the digest of their content."""

from __future__ import annotations

import csv
import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.data.pcam import BASE, SPLITS, SplitFiles, content_digests, find_split, open_labels, open_shape, read_rows
from hpo.data.split import Rows, SplitRule, split_rows
from hpo.errors import DataError


@dataclass(frozen=True, eq=False)
class Patches:
    """One split: labels in memory, patches read when asked for.

    Args:
        name: ``train``, ``valid`` or ``test``.
        labels: uint8 ``(N,)``, 0 benign or 1 malignant.
        slides: str ``(N,)``, the slide of each patch, or None where it is not known.
        size: side of the patches, pixels.
        source: the files that hold them.
        rows: which of the file's rows are this split's, ascending.
    """

    name: str
    labels: NDArray[np.uint8]
    slides: NDArray[np.str_] | None
    size: int
    source: SplitFiles
    rows: Rows

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """``(N, size, size, 3)``."""
        return (len(self), self.size, self.size, 3)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Patches, uint8 ``(n, size, size, 3)``, in the order asked for; never more memory than these.

        Args:
            rows: ``(n,)``, row numbers within this split.

        Raises:
            DataError: if the file cannot be read there.
        """
        return read_rows(self.source.x, self.rows[np.asarray(rows, dtype=np.intp)], self.size)


@dataclass(frozen=True)
class Dataset:
    """Three splits and what they amount to.

    Args:
        train: what is trained on.
        valid: what ranges, donors and the choice of the best are judged on.
        test: opened once a configuration is frozen.
        digest: SHA-256 of training and validation patches and labels, in their order: what a recipe names.
        test_digest: likewise of the test split.
    """

    train: Patches
    valid: Patches
    test: Patches
    digest: str
    test_digest: str


def open_dataset(folder: Path, *, patch_size: int | None = None, split: SplitRule | None = None) -> Dataset:
    """Open a folder of PCam-format HDF5 files, and check it before anything is trained on it.

    Args:
        folder: holds ``camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5`` (or ``.h5.gz``, unpacked once), and
            perhaps ``_meta.csv`` files that name each patch's slide.
        patch_size: side that the patches must have, pixels; None takes what is there.
        split: where only one labelled pair of files is there: how to split it.

    Raises:
        DataError: if a file is missing, damaged, empty, of the wrong shape or type, or has a label other than 0 and 1;
            if a pair of files differs in length; if a split is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; make a sample with: hpo data sample {folder}")
    if split is not None:
        found = [files for name in SPLITS if (files := find_split(folder, name)) is not None]
        if len(found) != 1:
            names = ", ".join(files.name for files in found) or "none"
            raise DataError(f"{folder}: splitting needs exactly one pair of {BASE}NAME_x.h5 and _y.h5; found {names}")
        return _split_dataset(found[0], patch_size, split)
    parts, digests = {}, {}
    for name in SPLITS:
        files = find_split(folder, name)
        if files is None:
            raise DataError(f"{folder / f'{BASE}{name}_x.h5'}: the {name} split is missing (.h5 or .h5.gz)")
        parts[name] = _whole(files, name, patch_size)
        digests[name] = _digest(parts[name])
    sizes = {part.size for part in parts.values()}
    if len(sizes) != 1:
        listing = ", ".join(f"{name} {part.size}" for name, part in parts.items())
        raise DataError(f"{folder}: the splits have patches of different sizes: {listing} pixels")
    return Dataset(**parts, digest=_joined(digests["train"], digests["valid"]), test_digest=digests["test"])


def _split_dataset(files: SplitFiles, patch_size: int | None, rule: SplitRule) -> Dataset:
    whole = _whole(files, files.name, patch_size)
    rows = split_rows(whole.labels, whole.slides, content_digests(files.x, whole.size), rule)
    if not len(rows["test"]):
        raise DataError(f"{files.x}: the split leaves no test patches; give test a share of more than 0")
    parts = {
        name: Patches(
            name=name,
            labels=whole.labels[taken],
            slides=None if whole.slides is None else whole.slides[taken],
            size=whole.size,
            source=files,
            rows=taken,
        )
        for name, taken in rows.items()
    }
    content = _digest(whole)
    of = {name: _joined(content, json.dumps(part.rows.tolist())) for name, part in parts.items()}
    return Dataset(**parts, digest=_joined(of["train"], of["valid"]), test_digest=of["test"])


def _whole(files: SplitFiles, name: str, patch_size: int | None) -> Patches:
    count, size = open_shape(files.x)
    labels = open_labels(files.y)
    if len(labels) != count:
        raise DataError(f"{files.y}: has {len(labels)} labels, but {files.x.name} has {count} patches")
    if patch_size is not None and size != patch_size:
        raise DataError(f"{files.x}: patches are {size} pixels wide, the study file says patch_size: {patch_size}")
    return Patches(name, labels, _slides(files.meta, count), size, files, np.arange(count))


def _slides(meta: Path | None, count: int) -> NDArray[np.str_] | None:
    """The ``wsi`` column of a ``_meta.csv``."""
    if meta is None:
        return None
    try:
        with meta.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if "wsi" not in (rows.fieldnames or ()):
                raise DataError(f"{meta}: has no column 'wsi', which names the slide of each patch")
            slides = np.array([row["wsi"] or "" for row in rows], dtype=np.str_)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{meta}: cannot be read ({error})") from error
    if len(slides) != count:
        raise DataError(f"{meta}: has {len(slides)} rows for {count} patches")
    return slides


def _digest(part: Patches) -> str:
    """SHA-256 of patches and labels, remembered beside the file for as long as it does not change."""
    stamp = {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in (part.source.x, part.source.y)}
    memory = part.source.x.with_name(f".{part.source.x.stem}.sha256.json")
    try:
        remembered = json.loads(memory.read_text())
        if remembered["stamp"] == stamp:
            return str(remembered["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there yet, or not ours to read: the content decides
    content = hashlib.sha256(part.labels.tobytes())
    step = 1024
    for first in range(0, len(part), step):
        content.update(part.read(np.arange(first, min(first + step, len(part)))).tobytes())
    with suppress(OSError):  # a read-only folder: the digest is taken again next time
        memory.write_text(json.dumps({"stamp": stamp, "sha256": content.hexdigest()}))
    return content.hexdigest()


def _joined(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
