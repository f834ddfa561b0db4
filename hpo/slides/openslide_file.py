"""Scanners' own files through OpenSlide: SVS, NDPI, MRXS, SCN, VSI's TIFF, DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hpo.errors import DataError
from hpo.slides.image import Level, Pixels, on_white, plausible_mpp

_CACHE = 96 << 20
"""Bytes of decoded tiles that OpenSlide keeps of a slide."""


class OpenSlideFile:
    """A slide that OpenSlide reads; see `hpo.slides.image.SlideImage`."""

    def __init__(self, path: Path, slide: Any) -> None:
        import openslide

        self.path = path
        self._slide = slide
        # Bands of tiles overlap: what one has decoded at its lower edge, the next finds again.
        slide.set_cache(openslide.OpenSlideCache(_CACHE))
        properties = slide.properties
        self.vendor = str(properties.get("openslide.vendor", "generic-tiff"))
        self.mpp = plausible_mpp(*(_number(properties.get(f"openslide.mpp-{axis}")) for axis in "xy"))
        self.levels = tuple(
            Level(width, height, float(downsample))
            for (width, height), downsample in zip(slide.level_dimensions, slide.level_downsamples, strict=True)
        )

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """See `hpo.slides.image.SlideImage.read`; what the scanner left out is white."""
        import openslide

        downsample = self.levels[level].downsample
        try:
            region = self._slide.read_region((round(x * downsample), round(y * downsample)), level, (width, height))
        except openslide.OpenSlideError as error:
            raise DataError(
                f"{self.path}: damaged or truncated: level {level} cannot be read at x {x}, y {y}: {error}; copy the "
                "file again"
            ) from error
        return on_white(np.asarray(region))

    def close(self) -> None:
        """See `hpo.slides.image.SlideImage.close`."""
        self._slide.close()


def open_with_openslide(path: Path) -> OpenSlideFile | None:
    """The file through OpenSlide; None where OpenSlide does not know its format.

    Raises:
        DataError: if it does know it, and finds it damaged.
        ImportError: if OpenSlide is not installed.
    """
    import openslide

    try:
        if openslide.OpenSlide.detect_format(path) is None:
            return None
        return OpenSlideFile(path, openslide.OpenSlide(path))
    except openslide.OpenSlideUnsupportedFormatError:
        return None
    except openslide.OpenSlideError as error:
        raise DataError(f"{path}: damaged or truncated: {error}; copy the file again") from error


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
