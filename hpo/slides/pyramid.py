"""Pyramidal TIFF that OpenSlide, QuPath and libvips read: tiles of JPEG, each level half of the one above.

Tifffile would write it, but encodes JPEG only with a package of 20 MB; Pillow encodes it, and the container is small.

Source: TIFF 6.0, sections 15 (tiles), 21 (YCbCr) and 22 (JPEG, as revised by Adobe's technical note 2); BigTIFF.
"""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from hpo.errors import DataError
from hpo.slides.image import Pixels

TILE = 256
SMALLEST = 512
"""Pixels of the last level's side, at most."""
_QUALITY = 90
_SHORT, _LONG, _RATIONAL, _LONG8 = 3, 4, 5, 16
_FORMATS = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _LONG8: "Q"}
_FIRST_DIRECTORY = 8
"""Place in the file of the first directory's address."""


def write_pyramid(path: Path, pieces: Iterable[Pixels], side: int, piece: int, mpp: float) -> None:
    """Write a square picture that comes piece by piece, and its pyramid.

    Memory does not grow with the picture: the smaller levels wait in a temporary file.

    Args:
        path: of the file.
        pieces: uint8 of shape (piece, piece, 3), row by row.
        side: pixels, a multiple of the piece.
        piece: side of a piece, pixels, a multiple of `TILE`.
        mpp: micrometres a pixel.

    Raises:
        DataError: if it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder, path.open("wb") as file:
            file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
            half = _waiting(Path(folder) / "1", side // 2)
            link = _write_level(file, _cut(pieces, side // piece, half), side, mpp, _FIRST_DIRECTORY)
            number = 1
            while True:
                number += 1
                size = len(half)
                smaller = _waiting(Path(folder) / str(number), size // 2) if size > SMALLEST else None
                link = _write_level(file, _tiles(half, smaller), size, mpp * side / size, link, is_reduced=True)
                if smaller is None:
                    break
                half = smaller
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def _waiting(path: Path, side: int) -> Pixels:
    return np.memmap(path, np.uint8, "w+", shape=(side, side, 3))


def _write_level(
    file: BinaryIO, tiles: Iterator[bytes], side: int, mpp: float, link: int, *, is_reduced: bool = False
) -> int:
    """Write a level's tiles and its directory; returns where the next directory's address is to stand."""
    offsets, counts = [], []
    for tile in tiles:
        offsets.append(file.tell())
        counts.append(len(tile))
        file.write(tile)
    resolution = (round(10000 / mpp * 1000), 1000)
    tags = [
        (254, _LONG, (int(is_reduced),)),
        (256, _LONG, (side,)),
        (257, _LONG, (side,)),
        (258, _SHORT, (8, 8, 8)),
        (259, _SHORT, (7,)),  # JPEG
        (262, _SHORT, (6,)),  # YCbCr
        (277, _SHORT, (3,)),
        (282, _RATIONAL, resolution),
        (283, _RATIONAL, resolution),
        (284, _SHORT, (1,)),
        (296, _SHORT, (3,)),  # centimetres
        (322, _LONG, (TILE,)),
        (323, _LONG, (TILE,)),
        (324, _LONG8, tuple(offsets)),
        (325, _LONG8, tuple(counts)),
        (530, _SHORT, (2, 2)),  # colours at half the resolution
    ]
    entries = b"".join(_entry(file, *tag) for tag in tags)
    place = file.tell()
    file.write(struct.pack("<Q", len(tags)) + entries + struct.pack("<Q", 0))
    end = file.tell()
    file.seek(link)
    file.write(struct.pack("<Q", place))
    file.seek(end)
    return end - 8


def _entry(file: BinaryIO, tag: int, kind: int, values: tuple[int, ...]) -> bytes:
    """A directory's entry; values of more than eight bytes are written before it."""
    content = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
    count = len(values) // 2 if kind == _RATIONAL else len(values)
    if len(content) > 8:
        place = file.tell()
        file.write(content)
        content = struct.pack("<Q", place)
    return struct.pack("<HHQ", tag, kind, count) + content.ljust(8, b"\0")


def _cut(pieces: Iterable[Pixels], across: int, half: Pixels) -> Iterator[bytes]:
    """The tiles of a row of pieces at a time; their halves go where they wait."""
    row: list[Pixels] = []
    top = 0
    for one in pieces:
        row.append(one)
        if len(row) == across:
            strip = np.concatenate(row, axis=1)
            yield from _strip_tiles(strip)
            half[top : top + len(strip) // 2] = _halved(strip)
            top += len(strip) // 2
            row = []


def _tiles(level: Pixels, smaller: Pixels | None) -> Iterator[bytes]:
    for top in range(0, len(level), TILE):
        strip = np.asarray(level[top : top + TILE])
        yield from _strip_tiles(strip)
        if smaller is not None:
            halved = _halved(strip)[: len(smaller) - top // 2, : smaller.shape[1]]
            smaller[top // 2 : top // 2 + len(halved)] = halved


def _strip_tiles(strip: Pixels) -> Iterator[bytes]:
    for top in range(0, len(strip), TILE):
        for left in range(0, strip.shape[1], TILE):
            tile = strip[top : top + TILE, left : left + TILE]
            missing = [(0, TILE - length) for length in tile.shape[:2]]
            yield _jpeg(np.pad(tile, [*missing, (0, 0)], mode="edge"))


def _halved(pixels: Pixels) -> Pixels:
    height, width = (length // 2 * 2 for length in pixels.shape[:2])
    wide = pixels[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).astype(np.uint16)
    return np.asarray((wide.sum(axis=(1, 3)) + 2) // 4, np.uint8)


def _jpeg(tile: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tile)).save(file, "JPEG", quality=_QUALITY, subsampling="4:2:0")
    return file.getvalue()
