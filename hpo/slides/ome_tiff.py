"""The map of probabilities as an OME-TIFF that viewers lay over the slide."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from hpo.slides.prediction import Prediction

_TILE = 256
_SMALLEST = 256


def can_write_ome_tiff() -> bool:
    """Whether tifffile is installed."""
    return find_spec("tifffile") is not None


def write_ome_tiff(path: Path, prediction: Prediction) -> None:
    """Write the probabilities of all cells: float32, 0 where there is no tissue, with their size in micrometres.

    It is a pyramid of tiles; a cell of it lies over a square of ``prediction.cell`` pixels of the slide.

    Args:
        path: of the file.
        prediction: of the slide.

    Raises:
        OSError: if it cannot be written.
    """
    import tifffile

    levels = [np.nan_to_num(prediction.probability, nan=0.0)]
    while max(levels[-1].shape) > _SMALLEST:
        levels.append(_halved(levels[-1]))
    size = prediction.cell * prediction.slide_mpp
    about = {
        "axes": "YX",
        "PhysicalSizeX": size,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": size,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": f"probability of {prediction.positive}"},
    }
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for number, level in enumerate(levels):
            is_first = number == 0
            tiff.write(
                level,
                tile=(_TILE, _TILE),
                compression="zlib",
                photometric="minisblack",
                subifds=len(levels) - 1 if is_first else None,
                subfiletype=0 if is_first else 1,
                resolution=(1e4 / (size * 2**number),) * 2,
                resolutionunit="CENTIMETER",
                metadata=about if is_first else None,
            )


def _halved(level: np.ndarray) -> np.ndarray:
    down, across = (min(2, length) for length in level.shape)  # a single row or column stays
    height, width = level.shape[0] // down, level.shape[1] // across
    whole = level[: height * down, : width * across].reshape(height, down, width, across)
    return np.asarray(whole.mean(axis=(1, 3)), np.float32)
