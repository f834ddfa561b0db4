"""What a model says of a slide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from hpo.data.description import CLASSES
from hpo.slides.grid import Floats, Grid
from hpo.slides.tissue import Overview, Tissue


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """Probabilities over a slide.

    Args:
        path: the slide's file.
        size: width and height of its level 0, pixels.
        slide_mpp: micrometres a pixel of level 0.
        factor: pixels of level 0 that one pixel of the model's patches is wide.
        grid: the tiles, in pixels of the model's patches.
        tiles: probability of each tile, float32 ``(rows, columns)``; NaN on background.
        overview: the slide made small.
        tissue: where on it there is tissue.
        threshold: probability above which tissue counts as positive.
        threshold_chosen: by whom, in words.
        model: its name.
        model_sha256: of its file.
        digest: of all that the probabilities depend on.
        positive: name of the class whose probability it is.
    """

    path: Path
    size: tuple[int, int]
    slide_mpp: float
    factor: float
    grid: Grid
    tiles: Floats
    overview: Overview
    tissue: Tissue
    threshold: float
    threshold_chosen: str
    model: str
    model_sha256: str
    digest: str
    positive: str = CLASSES[1]

    @cached_property
    def probability(self) -> Floats:
        """Mean over the tiles that cover each cell, float32 of shape ``grid.cells``; NaN where there is no tissue."""
        return np.where(self.tissue_shares > 0, self.grid.averaged(self.tiles), np.float32(np.nan))

    @cached_property
    def tissue_shares(self) -> npt.NDArray[np.float64]:
        """Share of tissue of each cell, in [0, 1]."""
        rows, columns = self.grid.cells
        left, top = np.meshgrid(np.arange(columns) * self.cell, np.arange(rows) * self.cell)
        return self.tissue.shares(left, top, self.cell)

    @property
    def cell(self) -> float:
        """Side of a cell, pixels of level 0."""
        return self.grid.stride * self.factor

    @property
    def tile(self) -> float:
        """Side of a tile, pixels of level 0."""
        return self.grid.size * self.factor

    @property
    def mpp(self) -> float:
        """Micrometres a pixel at which the model saw the slide."""
        return self.slide_mpp * self.factor

    @property
    def above(self) -> npt.NDArray[np.bool_]:
        """Cells above the threshold."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.probability > self.threshold)

    @cached_property
    def cell_areas(self) -> npt.NDArray[np.float64]:
        """Tissue in each cell, square millimetres; what reaches over the edge of the slide is none of it."""
        side = self.cell * self.slide_mpp / 1000
        rows, columns = self.grid.cells
        wide = np.clip(self.size[0] / self.cell - np.arange(columns), 0, 1)
        tall = np.clip(self.size[1] / self.cell - np.arange(rows), 0, 1)
        return np.asarray(self.tissue_shares * np.outer(tall, wide) * side**2)

    def areas(self, labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
        """Tissue of each of ``count`` numbered regions of cells, square millimetres."""
        return np.asarray(np.bincount(labels.reshape(-1), self.cell_areas.reshape(-1), minlength=count), np.float64)

    @property
    def tumour_area(self) -> float:
        """Tissue above the threshold, square millimetres."""
        return float(self.cell_areas[self.above].sum())

    @property
    def tissue_area(self) -> float:
        """All tissue that was predicted, square millimetres."""
        return float(self.cell_areas[np.isfinite(self.probability)].sum())

    @property
    def tumour_share(self) -> float:
        """Of the tissue; 0 where there is none."""
        return self.tumour_area / self.tissue_area if self.tissue_area else 0.0

    @property
    def mean(self) -> float:
        """Mean probability of the predicted tiles."""
        return float(self.tiles[np.isfinite(self.tiles)].mean(dtype=np.float64))

    @property
    def maximum(self) -> float:
        """Largest probability of a cell; NaN without tissue."""
        return float(np.nanmax(self.probability)) if np.isfinite(self.probability).any() else float("nan")

    @property
    def percentile_95(self) -> float:
        """Of the cells' probabilities; NaN without tissue."""
        known = self.probability[np.isfinite(self.probability)]
        return float(np.percentile(known, 95)) if len(known) else float("nan")

    def show(self) -> Image.Image:
        """The heat map over the slide, with legend and scale bar; a notebook shows it."""
        from hpo.slides.heat_map import draw_heat_map

        return draw_heat_map(self)

    def save(self, folder: Path | str) -> Path:
        """Write every output of `hpo predict` to a folder.

        Raises:
            HpoError: if it cannot be written to.
        """
        from hpo.slides.outputs import write_outputs

        return write_outputs(self, Path(folder))

    def __repr__(self) -> str:
        """In one line."""
        return (
            f"<Prediction {self.path.name} by {self.model}: {int(np.isfinite(self.tiles).sum()):,} tiles, "
            f"{self.tumour_area:.2f} of {self.tissue_area:.2f} mm2 tissue above {self.threshold:.3f}>"
        )

    def _repr_png_(self) -> bytes:
        import io

        file = io.BytesIO()
        self.show().save(file, "PNG")
        return file.getvalue()
