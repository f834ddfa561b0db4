"""From a model and an image of any size to a `Prediction`."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.errors import DataError
from hpo.slides.classifier import Classifier, open_classifier
from hpo.slides.grid import Floats, Grid, check_stride, grid_over
from hpo.slides.image import Pixels, SlideImage
from hpo.slides.model_file import ModelFile
from hpo.slides.opening import open_slide
from hpo.slides.prediction import Prediction
from hpo.slides.scan import Wanted, Work, predict_bands, scan_in_processes
from hpo.slides.tissue import Tissue, all_tissue, find_tissue, read_overview
from hpo.slides.unfinished import Unfinished
from hpo.slides.view import PCAM_MPP, View, resolution_of, view_at

FORMAT = 1
"""Of what probabilities depend on; raised when the same settings give others."""

Progress = Callable[[int, int], None]
"""Called with tiles predicted and tiles in all."""


@dataclass(frozen=True)
class Settings:
    """The way to go over a slide.

    Args:
        mpp: micrometres a pixel of level 0, where the file does not say it or says it wrongly.
        model_mpp: micrometres a pixel of the patches that the model was trained on; None is what its study knows, or
            else PCam's.
        stride: pixels from tile to tile, which divide the model's patch; None is half a patch.
        least_tissue: share of tissue that a tile must have, in [0, 1].
        all_tiles: whether background is predicted too.
        symmetries: whether to average over the eight turns and mirror images.
        threshold: probability above which tissue is positive; None is the model's own.
        label: class of a model of several outputs.
        batch: tiles that are predicted together.
        processes: how many work on a slide.
    """

    mpp: float | None = None
    model_mpp: float | None = None
    stride: int | None = None
    least_tissue: float = 0.1
    all_tiles: bool = False
    symmetries: bool = False
    threshold: float | None = None
    label: int | None = None
    batch: int = 64
    processes: int = 1


class Predictor:
    """A model that goes over one slide after another.

    Args:
        model: the model's file.
        settings: the same for all slides.

    Raises:
        HpoError: if the model cannot be used, or the stride does not fit it.
    """

    def __init__(self, model: ModelFile, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self.classifier: Classifier = open_classifier(model, label=settings.label)
        self.stride = settings.stride or max(1, self.classifier.size // 2)
        check_stride(self.classifier.size, self.stride)
        self.mpp, self.mpp_chosen = _resolution(settings.model_mpp, model.microns_per_pixel)
        self.sha256 = model.sha256
        asked = settings.threshold
        self.threshold = model.threshold if asked is None else asked
        self.threshold_chosen = model.chosen if asked is None else "as asked for"

    def digest(self, path: Path) -> str:
        """Of all that the probabilities of a slide depend on.

        Raises:
            DataError: if the file cannot be found.
        """
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from error
        told = self.settings
        values = [
            *(FORMAT, self.sha256, status.st_size, status.st_mtime_ns, told.mpp, self.mpp, self.stride),
            *(told.least_tissue, told.all_tiles, told.symmetries, self.classifier.label),
        ]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()

    def predict(self, path: Path, *, output: Path | None = None, progress: Progress | None = None) -> Prediction:
        """Probabilities over an image.

        Args:
            path: of the image.
            output: folder where bands are kept until the slide is finished, so that a killed run goes on; None keeps
                none.
            progress: told of the tiles.

        Raises:
            HpoError: if the image cannot be read, says no resolution, is smaller than a patch, or has no tissue.
        """
        slide = open_slide(path)
        try:
            return self._predict(slide, output, progress or (lambda _done, _total: None))
        finally:
            slide.close()

    def _predict(self, slide: SlideImage, output: Path | None, progress: Progress) -> Prediction:
        size, told = self.classifier.size, self.settings
        mpp = resolution_of(slide, told.mpp)
        view = view_at(slide, self.mpp, mpp)
        _check_size(slide, view.width, view.height, size)
        overview = read_overview(slide)
        tissue = all_tissue(overview) if told.all_tiles else find_tissue(overview, mpp)
        grid = grid_over(view.width, view.height, size, self.stride)
        left, top = np.meshgrid(np.arange(grid.columns) * self.stride, np.arange(grid.rows) * self.stride)
        shares = tissue.shares(left * view.factor, top * view.factor, size * view.factor)
        wanted = shares >= max(told.least_tissue, math.ulp(0.0))
        if not wanted.any():
            raise DataError(_no_tissue(slide.path, tissue, told))
        found = self._tiles(view, grid, wanted, output, progress)
        return Prediction(
            path=slide.path,
            size=(slide.levels[0].width, slide.levels[0].height),
            slide_mpp=mpp,
            factor=view.factor,
            grid=grid,
            tiles=found,
            overview=overview,
            tissue=tissue,
            threshold=self.threshold,
            threshold_chosen=self.threshold_chosen,
            model=self.model.name,
            model_sha256=self.sha256,
            digest=self.digest(slide.path),
            positive=self.positive,
        )

    def _tiles(self, view: View, grid: Grid, wanted: Wanted, output: Path | None, progress: Progress) -> Floats:
        """Probabilities of the wanted tiles; bands that an earlier run kept are not predicted again."""
        found = np.full(wanted.shape, np.nan, np.float32)
        kept = None if output is None else Unfinished(output, self.digest(view.slide.path))
        total, done, missing = int(wanted.sum()), 0, []
        for band in range(grid.bands):
            rows = grid.band(band)
            count = int(wanted[rows].sum())
            before = kept.load(band, (rows.stop - rows.start, grid.columns)) if kept and count else None
            if before is not None:
                found[rows] = before
                done += count
            elif count:
                missing.append(band)
        progress(done, total)
        for band, probabilities in self._scan(view, grid, wanted, missing):
            found[grid.band(band)] = probabilities
            if kept is not None:
                kept.keep(band, probabilities)
            done += int(wanted[grid.band(band)].sum())
            progress(done, total)
        return found

    def _scan(self, view: View, grid: Grid, wanted: Wanted, bands: Sequence[int]) -> Iterator[tuple[int, Floats]]:
        told = self.settings
        work = Work(view.slide.path, view.factor, grid, self.model, told.label, told.symmetries, told.batch)
        if told.processes > 1 and len(bands) > 1:
            return scan_in_processes(work, wanted, bands, told.processes)
        return predict_bands(view, work, self.classifier, wanted, bands)

    @property
    def positive(self) -> str:
        """The class that is mapped, in words."""
        label = self.classifier.label if self.classifier.outputs > 1 else 1
        return self.model.class_name(label)

    def predict_patches(
        self,
        paths: Sequence[Path],
        *,
        progress: Progress | None = None,
        refused: Callable[[DataError], object] | None = None,
    ) -> Floats:
        """Probabilities of images that are as large as a patch, float32 ``(N,)``.

        Args:
            paths: of the images; whatever they show is predicted, glass too.
            progress: told of the images.
            refused: told of each image that cannot be predicted, whose probability is NaN then; None raises instead.

        Raises:
            DataError: if an image cannot be read, or is of another size.
        """
        told, size = self.settings, self.classifier.size
        found = np.full(len(paths), np.nan, np.float32)
        for start in range(0, len(paths), told.batch):
            tiles: dict[int, Pixels] = {}
            for at, path in enumerate(paths[start : start + told.batch], start):
                try:
                    tiles[at] = _patch(path, size)
                except DataError as error:
                    if refused is None:
                        raise
                    refused(error)
            if tiles:
                stacked = np.stack(list(tiles.values()))
                found[list(tiles)] = self.classifier.probabilities(stacked, symmetries=told.symmetries)
            if progress is not None:
                progress(min(start + told.batch, len(paths)), len(paths))
        return found


def _patch(path: Path, size: int) -> Pixels:
    slide = open_slide(path)
    try:
        level = slide.levels[0]
        if (level.width, level.height) != (size, size):
            raise DataError(
                f"{path}: has {level.width} x {level.height} pixels; the model's patches have {size} x {size}"
            )
        return slide.read(0, 0, 0, size, size)
    finally:
        slide.close()


def _resolution(asked: float | None, known: float | None) -> tuple[float, str]:
    """Micrometres a pixel of the model's patches, and who says so."""
    if asked is not None:
        return asked, "as asked for"
    if known is not None:
        return known, "as its study's data set says"
    return PCAM_MPP, "as PCam's, because its study does not say (--model-mpp)"


def _check_size(slide: SlideImage, width: int, height: int, size: int) -> None:
    if min(width, height) < size:
        level = slide.levels[0]
        raise DataError(
            f"{slide.path}: has {level.width} x {level.height} pixels, {width} x {height} at the model's resolution; "
            f"the model needs {size} x {size}: give a larger image, or its right resolution by --mpp"
        )


def _no_tissue(path: Path, tissue: Tissue, settings: Settings) -> str:
    share = float(tissue.mask.mean())
    if share < 0.001:
        return f"{path}: shows no tissue, only glass; --all predicts it all the same"
    return (
        f"{path}: no tile has {settings.least_tissue:.0%} tissue ({share:.1%} of the slide is); lower --tissue, or "
        "predict everything with --all"
    )
