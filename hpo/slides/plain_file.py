"""Pictures without a pyramid through Pillow, decoded whole: PNG, JPEG, and TIFF where nothing better is installed."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hpo.data.images.header import Header, open_image, read_header
from hpo.data.images.taking import LARGEST_IMAGE
from hpo.errors import DataError
from hpo.slides.image import Level, Pixels, on_white, plausible_mpp

_MICROMETRES = {2: 25400.0, 3: 10000.0}
_HEAD = 4096
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296


class PlainFile:
    """A picture in memory; see `hpo.slides.image.SlideImage`."""

    def __init__(self, path: Path, pixels: Pixels, mpp: float | None) -> None:
        self.path, self.mpp = path, mpp
        self._pixels = pixels
        self.levels: tuple[Level, ...] = (Level(pixels.shape[1], pixels.shape[0], 1.0),)

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:  # noqa: ARG002 - there is one
        """See `hpo.slides.image.SlideImage.read`."""
        return self._pixels[y : y + height, x : x + width]

    def close(self) -> None:
        """See `hpo.slides.image.SlideImage.close`."""


def open_with_pillow(path: Path) -> PlainFile:
    """A picture through Pillow.

    Raises:
        DataError: if it is no picture, damaged, too large to be decoded whole, or not RGB of 8 bits per channel.
    """
    try:
        with path.open("rb") as file, open_image(file) as picture:
            header = _header(file, picture)
            _check(path, header)
            mpp = _mpp(picture)
            upright = ImageOps.exif_transpose(picture) if header.turned else picture
            pixels = np.asarray(upright.convert("RGBA" if header.transparent else "RGB"))
    except Image.DecompressionBombError as error:
        raise DataError(_too_large(path, None)) from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not an image that can be read here; {_READABLE}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DataError(f"{path}: damaged or truncated: {error}; copy the file again") from error
    return PlainFile(path, on_white(pixels) if pixels.shape[-1] == 4 else pixels, mpp)


def size_of(path: Path) -> tuple[int, int] | None:
    """Width and height of an upright picture, by its header; None if Pillow cannot tell."""
    try:
        with path.open("rb") as file, open_image(file) as picture:
            header = _header(file, picture)
            return header.width, header.height
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError):
        return None


_READABLE = "PNG, JPEG, TIFF, BMP, WebP and JPEG 2000 are, and scanners' files with the extra [slides]"


def _header(file: IO[bytes], picture: Image.Image) -> Header:
    place = file.tell()
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(place)
    return read_header(picture, head)


def _check(path: Path, header: Header) -> None:
    """Refuse a picture by its header, before anything is decoded."""
    if header.colours not in ("RGB", "palette", "YCbCr"):
        raise DataError(f"{path}: is {header.colours}; slides are RGB with 8 bits per channel: convert it first")
    if header.bits != 8:
        raise DataError(
            f"{path}: has {header.bits} bits per channel; slides are RGB with 8 bits per channel: convert it first"
        )
    if header.width * header.height > LARGEST_IMAGE:
        raise DataError(_too_large(path, (header.width, header.height)))


def _too_large(path: Path, size: tuple[int, int] | None) -> str:
    found = "has" if size is None else f"has {size[0]} x {size[1]} pixels,"
    return (
        f"{path}: {found} more than the {LARGEST_IMAGE:,} pixels that are decoded whole; save it as a tiled, pyramidal "
        "TIFF, and install the extra [slides]: pip install openslide-python openslide-bin tifffile"
    )


def _mpp(picture: Image.Image) -> float | None:
    if picture.format == "TIFF":
        tags = getattr(picture, "tag_v2", {})
        scale = _MICROMETRES.get(tags.get(_RESOLUTION_UNIT, 0))
        values = [float(tags.get(tag, 0)) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
        return None if scale is None else plausible_mpp(*(scale / value if value > 0 else None for value in values))
    dpi = picture.info.get("dpi")
    return None if dpi is None else plausible_mpp(*(25400.0 / float(value) if value else None for value in dpi))
