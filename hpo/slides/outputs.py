"""Everything that is written of a slide."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hpo.errors import StorageError
from hpo.file_faults import described
from hpo.slides.agreement import Agreement
from hpo.slides.geojson import predicted_geojson
from hpo.slides.heat_map import draw_heat_map
from hpo.slides.image import Pixels
from hpo.slides.ome_tiff import can_write_ome_tiff, write_ome_tiff
from hpo.slides.opening import open_slide
from hpo.slides.prediction import Prediction
from hpo.slides.summary import (
    HEAT_MAP,
    PAGE,
    PROBABILITY,
    REGIONS,
    SUMMARY,
    TILES,
    Summary,
    Truth,
    summarize,
)
from hpo.slides.unfinished import remove_unfinished
from hpo.slides.view import view_by
from hpo.slides.viewer import render_viewer
from hpo.whole_file import whole_file


def check_output(folder: Path) -> None:
    """Make an output folder, and make sure that it can be written to, before anything is predicted.

    Raises:
        StorageError: if not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / ".writable") as file:
            file.write_bytes(b"")
        (folder / ".writable").unlink()
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(folder)
        raise StorageError(described(error)) from error


def write_outputs(
    prediction: Prediction, folder: Path, truth: Truth | None = None, agreement: Agreement | None = None
) -> Path:
    """Write all files of a slide to a folder, each whole or not at all.

    Args:
        prediction: of the slide.
        folder: for its files.
        truth: what is known of it.
        agreement: with that.

    Returns:
        The folder.

    Raises:
        StorageError: if one cannot be written.
    """
    check_output(folder)
    summary = summarize(prediction, truth, agreement)
    pictures = top_pictures(summary)
    picture = draw_heat_map(prediction)
    write_whole(folder / HEAT_MAP, lambda path: picture.save(path, "PNG"))
    if can_write_ome_tiff():
        write_whole(folder / PROBABILITY, lambda path: write_ome_tiff(path, prediction))
    texts = {
        TILES: tiles_csv(prediction),
        REGIONS: predicted_geojson(prediction, summary.regions),
        PAGE: render_viewer(summary, pictures, _outlines(truth)),
        SUMMARY: summary.to_json(),  # the last one: with it, the slide is finished
    }
    for name, text in texts.items():
        _write_text(folder / name, text)
    remove_unfinished(folder)
    return folder


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all.

    Args:
        path: of the file.
        write: called with the name to write to.

    Raises:
        StorageError: if it cannot be written.
    """
    try:
        with whole_file(path) as temporary:
            write(temporary)
    except OSError as error:
        if error.errno is None:
            raise StorageError(f"{path}: cannot be written: {error}") from error
        raise StorageError(described(OSError(error.errno, error.strerror, os.fspath(path)))) from error


def _outlines(truth: Truth | None) -> list[list[tuple[float, float]]]:
    """The annotations' lines, for the page."""
    if truth is None or truth.annotations is None:
        return []
    return [ring.tolist() for polygon in truth.annotations.polygons for ring in polygon.rings]


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def top_pictures(summary: Summary) -> list[Pixels]:
    """The top tiles as the model saw them, uint8 of shape (size, size, 3) each.

    Raises:
        DataError: if the slide cannot be read any more.
    """
    one = summary.prediction
    slide = open_slide(one.path)
    try:
        view = view_by(slide, one.factor)
        places = [(round(tile.x / one.factor), round(tile.y / one.factor)) for tile in summary.top]
        return [view.read(x, y, one.grid.size, one.grid.size) for x, y in places]
    finally:
        slide.close()


def tiles_csv(prediction: Prediction) -> str:
    """One line per predicted tile: row, column, corner and side in pixels of level 0, tissue, probability."""
    grid = prediction.grid
    rows, columns = np.nonzero(np.isfinite(prediction.tiles))
    left = columns * prediction.cell
    top = rows * prediction.cell
    shares = prediction.tissue.shares(left, top, prediction.tile)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["row", "column", "x", "y", "side", "tissue", "probability"])
    side = round(grid.size * prediction.factor)
    for row, column, x, y, share in zip(
        rows.tolist(), columns.tolist(), left.tolist(), top.tolist(), shares.tolist(), strict=True
    ):
        probability = float(prediction.tiles[row, column])
        table.writerow([row, column, round(x), round(y), side, f"{share:.3f}", f"{probability:.6f}"])
    return text.getvalue()
