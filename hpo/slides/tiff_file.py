"""Tiled and pyramidal TIFF through tifffile: OME-TIFF, BigTIFF, and what OpenSlide does not know."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from hpo.errors import DataError
from hpo.slides.image import Level, Pixels, on_white, plausible_mpp

_LARGEST_PIECE = 1 << 26
"""Pixels that one piece of the file (tile or strip) may have: it is decoded whole."""
_KEPT_BYTES = 1 << 26
"""Bytes of decoded pieces that are kept, because neighbours read them again."""
_RGB, _YCBCR = 2, 6
_JPEG = (6, 7)
_PREMULTIPLIED, _TRANSPARENCY = 1, 2
"""TIFF's numbers of colours, of compressions, and of what a fourth channel may be."""
_MICROMETRES = {2: 25400.0, 3: 10000.0}
"""Of an inch and a centimetre, by TIFF's number of the unit."""


class TiffPyramid:
    """A TIFF file whose pieces are decoded as they are needed; see `hpo.slides.image.SlideImage`.

    Attributes:
        has_spare_channel: whether there is a fourth channel that is no transparency.
    """

    def __init__(self, path: Path, tiff: Any) -> None:
        self.path = path
        self._tiff = tiff
        series = tiff.series[0]
        self._pages = [level.pages[0].aspage() for level in series.levels]
        for page in self._pages:
            _check(path, page)
        _check_length(path, self._pages)
        widths = [int(page.imagewidth) for page in self._pages]
        self.mpp = _mpp(tiff, self._pages[0])
        self.has_spare_channel = self._pages[0].samplesperpixel == 4 and _fourth(self._pages[0]) == 0
        self.levels = tuple(
            Level(width, int(page.imagelength), widths[0] / width)
            for width, page in zip(widths, self._pages, strict=True)
        )
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._kept: OrderedDict[tuple[int, int], Pixels] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """See `hpo.slides.image.SlideImage.read`."""
        page = self._pages[level]
        tall, wide = _piece_shape(page)
        across = -(-int(page.imagewidth) // wide)
        pixels = np.full((height, width, 3), 255, np.uint8)
        for row in range(y // tall, (y + height - 1) // tall + 1):
            for column in range(x // wide, (x + width - 1) // wide + 1):
                piece = self._piece(level, row * across + column)
                top, left = row * tall, column * wide
                y0, y1 = max(y, top), min(y + height, top + len(piece))
                x0, x1 = max(x, left), min(x + width, left + piece.shape[1])
                if y0 < y1 and x0 < x1:
                    pixels[y0 - y : y1 - y, x0 - x : x1 - x] = piece[y0 - top : y1 - top, x0 - left : x1 - left]
        return pixels

    def close(self) -> None:
        """See `hpo.slides.image.SlideImage.close`."""
        self._tiff.close()
        os.close(self._file)

    def _piece(self, level: int, index: int) -> Pixels:
        with self._lock:
            if (level, index) in self._kept:
                self._kept.move_to_end((level, index))
                return self._kept[level, index]
        piece = self._decoded(level, index)
        with self._lock:
            if (level, index) not in self._kept:
                self._kept[level, index] = piece
                self._bytes += piece.nbytes
            while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return piece

    def _decoded(self, level: int, index: int) -> Pixels:
        page = self._pages[level]
        count = page.databytecounts[index]
        if count == 0:  # a piece that was never written is empty
            return np.full((*_piece_shape(page), 3), 255, np.uint8)
        data = os.pread(self._file, count, page.dataoffsets[index])
        if len(data) < count:
            raise DataError(f"{self.path}: truncated: level {level} ends in the middle; copy the file again")
        try:
            decoded = page.decode(data, index, jpegtables=page.jpegtables)[0]
        except Exception as error:  # whatever a decoder stumbles over
            reason = (str(error).splitlines() or [""])[0]
            lacks_decoder = ", or compressed in a way that is not known here" if "imagecodecs" in reason else ""
            raise DataError(
                f"{self.path}: damaged or cut short{lacks_decoder}: piece {index} of level {level} cannot be decoded "
                f"({reason[:200]}); copy the file again, or convert it to a tiled, pyramidal TIFF"
            ) from error
        return _as_rgb(page, np.asarray(decoded).reshape(decoded.shape[-3:]))


def _as_rgb(page: Any, piece: Pixels) -> Pixels:
    """RGB of decoded pixels: tifffile converts YCbCr of JPEG alone, and leaves a fourth channel as it is."""
    colours = np.ascontiguousarray(piece[..., :3])
    if page.photometric == _YCBCR and page.compression not in _JPEG:
        return np.asarray(Image.frombytes("YCbCr", piece.shape[1::-1], colours.tobytes()).convert("RGB"))
    kind = _fourth(page) if piece.shape[-1] == 4 else 0
    if kind == _PREMULTIPLIED:
        return np.asarray(np.clip(colours + (255 - piece[..., 3:].astype(np.int16)), 0, 255), np.uint8)
    return on_white(piece) if kind == _TRANSPARENCY else colours


def _fourth(page: Any) -> int:
    return int(page.extrasamples[0]) if page.extrasamples else 0


def open_with_tifffile(path: Path) -> TiffPyramid:
    """A TIFF file through tifffile.

    Raises:
        DataError: if it is no TIFF, damaged, or its pixels are not RGB of 8 bits per channel.
        ImportError: if tifffile is not installed.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it finds wrong, this says in one line
    try:
        tiff = tifffile.TiffFile(path)
    except (tifffile.TiffFileError, ValueError, OSError) as error:
        raise DataError(f"{path}: damaged or truncated TIFF: {error}; copy the file again") from error
    try:
        return TiffPyramid(path, tiff)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, tifffile.TiffFileError) as error:
        tiff.close()
        raise DataError(f"{path}: damaged or truncated: has no complete TIFF directory; copy the file again") from error
    except DataError:
        tiff.close()
        raise


def _check_length(path: Path, pages: list[Any]) -> None:
    """Refuse a file that ends before its pixels do."""
    size = path.stat().st_size
    for level, page in enumerate(pages):
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if max(ends, default=0) > size:
            raise DataError(
                f"{path}: truncated: has {size:,} bytes, and pixels of level {level} up to {max(ends):,}; copy the "
                "file again"
            )


def _check(path: Path, page: Any) -> None:
    found = None
    if page.bitspersample != 8 or page.dtype != np.uint8:
        found = f"{page.bitspersample} bits per channel"
    elif page.photometric not in (_RGB, _YCBCR) or page.samplesperpixel not in (3, 4):
        name = getattr(page.photometric, "name", page.photometric)
        found = f"{page.samplesperpixel} channels of kind {name}"
    elif page.planarconfig != 1:
        found = "one plane for each channel"
    if found is not None:
        raise DataError(f"{path}: has {found}; slides are RGB with 8 bits per channel: convert it first")
    tall, wide = _piece_shape(page)
    if tall * wide > _LARGEST_PIECE:
        raise DataError(
            f"{path}: is stored in pieces of {wide} x {tall} pixels, each of which has to be decoded whole; save it as "
            "a tiled, pyramidal TIFF"
        )


def _piece_shape(page: Any) -> tuple[int, int]:
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    return min(int(page.rowsperstrip), int(page.imagelength)), int(page.imagewidth)


def _mpp(tiff: Any, page: Any) -> float | None:
    """Of OME's metadata, or else of the page's resolution."""
    if tiff.is_ome:
        import re

        said = dict(re.findall(r'(PhysicalSize[XY](?:Unit)?)="([^"]*)"', tiff.ome_metadata or ""))
        if all(said.get(f"PhysicalSize{axis}Unit", "µm") in ("µm", "um") for axis in "XY"):
            try:
                return plausible_mpp(float(said["PhysicalSizeX"]), float(said["PhysicalSizeY"]))
            except (KeyError, ValueError):
                pass
    unit = page.tags.get("ResolutionUnit")
    across, down = page.tags.get("XResolution"), page.tags.get("YResolution")
    scale = _MICROMETRES.get(int(unit.value)) if unit is not None else None
    if scale is None or across is None or down is None:
        return None
    values = [tag.value[0] / tag.value[1] if tag.value[1] else 0.0 for tag in (across, down)]
    return plausible_mpp(*(scale / value if value else None for value in values))
