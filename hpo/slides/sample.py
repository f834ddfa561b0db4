"""``hpo data sample --slides``: drawn slides, the outlines of their tumour, and a table of their labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from hpo.data.description import CLASSES
from hpo.data.pool import killed_processes
from hpo.errors import DataError
from hpo.slides.drawn_pieces import draw_piece
from hpo.slides.drawn_plan import COARSE, PIECE, make_drawing
from hpo.slides.geojson import Feature, feature_collection
from hpo.slides.image import Pixels
from hpo.slides.outlines import regions_of
from hpo.slides.outputs import write_whole
from hpo.slides.pyramid import write_pyramid
from hpo.slides.view import PCAM_MPP
from hpo.whole_file import whole_file

LABELS = "slides.csv"


def make_slides(
    folder: Path,
    *,
    count: int,
    side: int,
    seed: int = 0,
    processes: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Draw slides: pyramidal TIFF files at PCam's resolution, every other one with tumour.

    Beside each with tumour lies a GeoJSON of its outlines, and beside all a table of the slides' labels.

    Args:
        folder: where to.
        count: of slides; >= 1.
        side: pixels, rounded up to a multiple of 512.
        seed: of everything.
        processes: how many draw; the slides are the same for any number.
        overwrite: whether slides of the same names are replaced.
        progress: told of pieces drawn, and pieces in all.

    Returns:
        The slides' files.

    Raises:
        DataError: if files are there already, or they cannot be written.
    """
    pieces = max(2, -(-side // PIECE))
    paths = [folder / f"made-{number:04d}.tif" for number in range(count)]
    there = [path for path in (*paths, folder / LABELS) if path.exists()]
    if there and not overwrite:
        raise DataError(f"{there[0]}: exists already; --overwrite replaces it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error.strerror or error}") from error
    total = count * pieces**2
    for number, path in enumerate(paths):
        with whole_file(path) as temporary:
            drawn = _draw(seed, number, pieces, processes)
            write_pyramid(
                temporary, _counted(drawn, number * pieces**2, total, progress), pieces * PIECE, PIECE, PCAM_MPP
            )
        _write_truth(path, seed, number, pieces * PIECE)
    _write_labels(folder / LABELS, paths)
    return paths


def has_tumour(number: int) -> bool:
    """Every other slide has: those of even number."""
    return number % 2 == 0


def _draw(seed: int, number: int, pieces: int, processes: int) -> Iterator[Pixels]:
    jobs = [(seed, number, pieces * PIECE, row, column) for row in range(pieces) for column in range(pieces)]
    if processes == 1:
        yield from map(_draw_one, jobs)
        return
    # Not forked: a process that has started TensorFlow's threads must not be.
    with killed_processes(), ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_one, jobs, chunksize=8)


def _draw_one(job: tuple[int, int, int, int, int]) -> Pixels:
    seed, number, side, row, column = job
    return draw_piece(make_drawing(seed, number, side, has_tumour(number)), row, column)


def _counted(
    drawn: Iterator[Pixels], before: int, total: int, progress: Callable[[int, int], None] | None
) -> Iterator[Pixels]:
    for number, piece in enumerate(drawn, 1):
        yield piece
        if progress is not None:
            progress(before + number, total)


def _write_truth(path: Path, seed: int, number: int, side: int) -> None:
    """The outlines of the tumour as a pathologist would draw them in QuPath; none for a slide without."""
    file = path.with_suffix(".geojson")
    truth = make_drawing(seed, number, side, has_tumour(number)).maps.truth
    if not truth.any():
        file.unlink(missing_ok=True)
        return
    outlines = regions_of(np.asarray(truth))[1]
    text = feature_collection([Feature(outline, COARSE, CLASSES[1]) for outline in outlines], (side, side))
    write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _write_labels(path: Path, slides: list[Path]) -> None:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["slide", "label"])
    for number, slide in enumerate(slides):
        table.writerow([slide.name, int(has_tumour(number))])
    write_whole(path, lambda temporary: temporary.write_text(text.getvalue(), encoding="utf-8"))
