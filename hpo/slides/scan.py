"""A model's way over a slide: tiles are read by one thread and predicted by another, band by band."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpo.data.pool import killed_processes
from hpo.machine import available_cores
from hpo.slides.classifier import Classifier, open_classifier
from hpo.slides.grid import Floats, Grid
from hpo.slides.image import Pixels
from hpo.slides.model_file import ModelFile
from hpo.slides.opening import open_slide
from hpo.slides.view import View, view_by

Wanted = npt.NDArray[np.bool_]
_AHEAD = 4
"""Chunks that are read ahead: a few megabytes."""


@dataclass(frozen=True)
class Work:
    """All that a process must know to predict bands of a slide.

    Args:
        path: of the slide.
        factor: pixels of level 0 that one pixel of the model's patches is wide.
        grid: the tiles.
        model: to predict with.
        label: class of a model of several outputs.
        symmetries: whether to average over turns and mirror images.
        batch: tiles that are predicted together.
    """

    path: Path
    factor: float
    grid: Grid
    model: ModelFile
    label: int | None
    symmetries: bool
    batch: int


@dataclass(frozen=True)
class _Chunk:
    """Tiles that were read together: their band, places in it, and pixels."""

    band: int
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    tiles: Pixels

    def part(self, places: slice) -> _Chunk:
        """Some of its tiles."""
        return _Chunk(self.band, self.rows[places], self.columns[places], self.tiles[places])


def predict_bands(
    view: View, work: Work, classifier: Classifier, wanted: Wanted, bands: Sequence[int]
) -> Iterator[tuple[int, Floats]]:
    """Predict bands of tiles, one after another.

    Args:
        view: of the slide.
        work: what to do.
        classifier: the open model.
        wanted: bool ``(rows, columns)``, the tiles to predict.
        bands: their numbers.

    Returns:
        Of each band its number, and the probabilities of its tiles: NaN where none was wanted.

    Raises:
        DataError: if the slide is damaged.
    """
    grid = work.grid
    found = {band: np.full((_rows(grid, band), grid.columns), np.nan, np.float32) for band in bands}
    missing = {band: int(wanted[grid.band(band)].sum()) for band in bands}
    waiting: list[_Chunk] = []
    for chunk in _read_ahead(view, grid, wanted, bands):
        if chunk is not None:
            waiting.append(chunk)
        # Batches of one size: ONNX Runtime keeps memory for every other.
        while sum(len(one.tiles) for one in waiting) >= (work.batch if chunk is not None else 1):
            together, waiting = _taken(waiting, work.batch)
            _predict(together, work, classifier, found)
            for done in together:
                missing[done.band] -= len(done.tiles)
        for band in [band for band, count in missing.items() if not count]:
            del missing[band]
            yield band, found.pop(band)


def _taken(chunks: list[_Chunk], count: int) -> tuple[list[_Chunk], list[_Chunk]]:
    """The first tiles of chunks, at most so many, and the others."""
    first, others = [], list(chunks)
    while others and count:
        chunk = others.pop(0)
        first.append(chunk.part(slice(0, count)))
        if len(chunk.tiles) > count:
            others.insert(0, chunk.part(slice(count, None)))
        count -= len(first[-1].tiles)
    return first, others


def _rows(grid: Grid, band: int) -> int:
    rows = grid.band(band)
    return int(rows.stop - rows.start)


def _predict(chunks: list[_Chunk], work: Work, classifier: Classifier, found: dict[int, Floats]) -> None:
    tiles = np.concatenate([chunk.tiles for chunk in chunks])
    probabilities = classifier.probabilities(tiles, symmetries=work.symmetries)
    start = 0
    for chunk in chunks:
        stop = start + len(chunk.tiles)
        found[chunk.band][chunk.rows, chunk.columns] = probabilities[start:stop]
        start = stop


def _read_ahead(view: View, grid: Grid, wanted: Wanted, bands: Sequence[int]) -> Iterator[_Chunk | None]:
    """What a thread of its own reads; None after the last. The thread ends when nobody listens any more."""
    ready: queue.Queue[_Chunk | BaseException | None] = queue.Queue(_AHEAD)
    is_over = threading.Event()

    def offer(what: _Chunk | BaseException | None) -> bool:
        while not is_over.is_set():
            try:
                ready.put(what, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            for chunk in _chunks(view, grid, wanted, bands):
                if not offer(chunk):
                    return
            offer(None)
        except BaseException as error:  # raised again by the listener
            offer(error)

    thread = threading.Thread(target=read, name="hpo-slide-reader", daemon=True)
    thread.start()
    try:
        while True:
            what = ready.get()
            if isinstance(what, BaseException):
                raise what
            yield what
            if what is None:
                return
    finally:
        is_over.set()
        thread.join()


def _chunks(view: View, grid: Grid, wanted: Wanted, bands: Sequence[int]) -> Iterator[_Chunk]:
    for band in bands:
        rows = grid.band(band)
        for columns in grid.chunks():
            inside = wanted[rows, columns]
            if inside.any():
                yield _read_chunk(view, grid, band, columns, inside)


def _read_chunk(view: View, grid: Grid, band: int, columns: slice, inside: Wanted) -> _Chunk:
    """The wanted tiles of a chunk, from one read of the rectangle around them."""
    down, across = np.nonzero(inside)
    first, last = (int(down.min()), int(across.min())), (int(down.max()), int(across.max()))
    size, stride = grid.size, grid.stride
    left, top = (columns.start + first[1]) * stride, (grid.band(band).start + first[0]) * stride
    width, height = (last[1] - first[1]) * stride + size, (last[0] - first[0]) * stride + size
    pixels = view.read(left, top, width, height)
    tiles = np.empty((len(down), size, size, 3), np.uint8)
    corners = zip(((down - first[0]) * stride).tolist(), ((across - first[1]) * stride).tolist(), strict=True)
    for tile, (y, x) in zip(tiles, corners, strict=True):
        tile[:] = pixels[y : y + size, x : x + size]
    return _Chunk(band, down, across + columns.start, tiles)


def scan_in_processes(work: Work, wanted: Wanted, bands: Sequence[int], processes: int) -> Iterator[tuple[int, Floats]]:
    """Predict bands of a slide in several processes, each of which opens slide and model for itself.

    Args:
        work: what to do.
        wanted: bool ``(rows, columns)``, the tiles to predict.
        bands: their numbers.
        processes: how many; they share the machine's cores.

    Returns:
        Of each band its number and its probabilities, in any order.
    """
    threads = max(1, available_cores() // processes)
    # Not forked: a process that has started TensorFlow's threads must not be.
    context = get_context("spawn")
    with (
        killed_processes(f"{work.path} is not finished; fewer --processes or a smaller --batch need less"),
        ProcessPoolExecutor(min(processes, len(bands)), context, _start, (work, wanted, threads)) as pool,
    ):
        running = {pool.submit(_predict_one, band) for band in bands}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_here: list[tuple[View, Work, Classifier, Wanted]] = []
"""What a process of the pool works with; one entry."""


def _start(work: Work, wanted: Wanted, threads: int) -> None:
    classifier = open_classifier(work.model, threads=threads, label=work.label)
    _here[:] = [(view_by(open_slide(work.path), work.factor), work, classifier, wanted)]


def _predict_one(band: int) -> tuple[int, Floats]:
    view, work, classifier, wanted = _here[0]
    return next(iter(predict_bands(view, work, classifier, wanted, [band])))
