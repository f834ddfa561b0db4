"""A made data set in PCam's format whose difficulty is real enough to tune on.

Every patch comes from its own random stream, of (seed, split, row): the same however many processes draw them, and
the first thousand patches of a larger sample are those of a smaller one. Patches come in blocks of `BLOCK`, each from
slides of its own; no slide is in two splits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpo.config.study import SAMPLE_SIDES
from hpo.data.description import CLASSES, Description, write_description
from hpo.data.images.staging import data_files, staged
from hpo.data.pcam import SPLITS, SplitName, SplitWriter, split_files
from hpo.data.pool import killed_processes
from hpo.data.textures import Textures, make_textures
from hpo.data.tissue import Slide, draw_patch, make_slide
from hpo.errors import DataError

CLASSES_OF: dict[int, tuple[str, ...]] = {2: CLASSES, 3: (*CLASSES, "fat")}
"""The classes that a sample may have, by their number."""
BLOCK, SLIDES = 250, 5  # patches, and the slides that they come from
# What a random stream is for: the third of the numbers that it is made from.
_TEXTURES, _SLIDE, _LABEL, _PATCH = range(4)

Block = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], list[tuple[int, int, bool, bool, str]]]
"""Patches (n, side, side, 3), labels (n,), and for each the values of the table of slides."""


def make_sample(
    folder: Path,
    *,
    train: int,
    valid: int,
    test: int,
    patch_size: int = 96,
    classes: int = 2,
    seed: int = 0,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a made data set: PCam's HDF5 files and tables of slides, whole or not at all.

    Args:
        folder: where to; another data set there is replaced.
        train: number of patches in this split, of each class as many; at least one of each.
        valid: likewise.
        test: likewise.
        patch_size: side, pixels; in [32, 512].
        classes: 2 are benign and malignant; the third is fat, of which the others then have none.
        seed: of everything; >= 0.
        processes: how many draw at the same time; the patches are the same for any number.
        progress: called with the patches done and those to do.

    Raises:
        DataError: if a number is out of range, or the folder cannot be written to.
    """
    counts: dict[SplitName, int] = {"train": train, "valid": valid, "test": test}
    _check(counts, patch_size, classes, seed, processes)
    total, done = sum(counts.values()), 0
    jobs = [
        (seed, name, start, min(start + BLOCK, count), patch_size, classes)
        for name, count in counts.items()
        for start in range(0, count, BLOCK)
    ]
    with _place(folder) as part, ExitStack() as stack:
        writers = {
            name: stack.enter_context(SplitWriter(split_files(part, name), count, patch_size))
            for name, count in counts.items()
        }
        tables: dict[SplitName, list[tuple[int, int, bool, bool, str]]] = {name: [] for name in SPLITS}
        for (_, name, start, *_), (patches, labels, table) in zip(jobs, _draw(jobs, processes), strict=True):
            writers[name].write(start, patches, labels)
            tables[name].extend(table)
            done += len(labels)
            if progress is not None:
                progress(done, total)
        for name, writer in writers.items():
            writer.write_meta(tables[name])
        stack.close()
        if classes > 2:  # two are called as those of a folder that says nothing
            write_description(part, Description(CLASSES_OF[classes]))


def _check(counts: dict[SplitName, int], patch_size: int, classes: int, seed: int, processes: int) -> None:
    if classes not in CLASSES_OF:
        raise DataError(f"a sample has {classes} classes; allowed: {' or '.join(map(str, CLASSES_OF))}")
    for name, count in counts.items():
        if count < classes:
            least = f"it must have at least {classes}, one of each class"
            raise DataError(f"a sample's {name} split has {count} patches; {least}")
    low, high = SAMPLE_SIDES
    if not low <= patch_size <= high:
        raise DataError(f"a sample's patches have {patch_size} pixels per side; allowed: {low} to {high}")
    if seed < 0 or processes < 1:
        raise DataError(f"a sample's seed ({seed}) must be at least 0 and its processes ({processes}) at least 1")


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """Where the files are made, that become the data set once the block has gone well.

    A folder that exists may be a mounted one: its files are made within. One that does not appears as a whole.
    """
    if folder.exists():
        with staged(folder, overwrite=True) as stage:
            yield stage
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written to: {error}") from error
    with temporary as made:
        part = Path(made)
        yield part
        if folder.exists():  # another process was faster
            with staged(folder, overwrite=True) as stage:
                for path in data_files(part):
                    path.replace(stage / path.name)
            return
        part.rename(folder)
        folder.chmod(0o755)  # temporary folders are private
        part.mkdir()  # which is removed now


Job = tuple[int, SplitName, int, int, int, int]
"""Seed, split, first row and the row after the last, side of the patches in pixels, number of classes."""


def _draw(jobs: list[Job], processes: int) -> Iterator[Block]:
    if processes == 1 or len(jobs) == 1:
        yield from map(_draw_block, jobs)
        return
    # Not forked: a process that has started TensorFlow's threads must not be.
    pooled = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn"))
    with killed_processes(), pooled as pool:
        yield from pool.map(_draw_block, jobs)


def _draw_block(job: Job) -> Block:
    seed, name, start, stop, size, classes = job
    split = SPLITS.index(name)
    textures = _textures(seed, split)
    patches = np.empty((stop - start, size, size, 3), dtype=np.uint8)
    labels = np.empty(stop - start, dtype=np.uint8)
    table = []
    slides: dict[int, Slide] = {}
    for i, row in enumerate(range(start, stop)):
        labels[i] = label_of(seed, split, row, classes)
        rng = np.random.default_rng([seed, split, _PATCH, row])
        number = row // BLOCK * SLIDES + int(rng.integers(SLIDES))
        if number not in slides:
            slides[number] = make_slide(np.random.default_rng([seed, split, _SLIDE, number]))
        malignant, fat = bool(labels[i] == 1), None if classes == 2 else bool(labels[i] == 2)
        patches[i], tumour = draw_patch(slides[number], textures, malignant, size, rng, fat)
        y, x = divmod(row % BLOCK, 16)
        table.append((y * size, x * size, tumour, malignant, f"made-{name}-{number:04d}"))
    return patches, labels, table


def label_of(seed: int, split: int, row: int, classes: int = 2) -> int:
    """Each class once in every so many rows, in random order: classes are as equal as can be."""
    if classes > 2:
        order = np.random.default_rng([seed, split, _LABEL, row // classes]).permutation(classes)
        return int(order[row % classes])
    return (row + int(np.random.default_rng([seed, split, _LABEL, row // 2]).integers(2))) % 2


@lru_cache(maxsize=1)
def _textures(seed: int, split: int) -> Textures:
    return make_textures(np.random.default_rng([seed, split, _TEXTURES]))
