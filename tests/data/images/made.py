"""Tiny images, folders, tars and zips; and why one of them is refused."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from hpo.data.images.decoding import Want
from hpo.data.images.taking import Refusal, take_image

TRAIN = "camelyonpatch_level_2_split_train"


def image(shade: int, side: int = 8, kind: str = "PNG", mode: str = "RGB", height: int | None = None) -> bytes:
    """One colour, whose red is the shade."""
    stream = io.BytesIO()
    Image.new("RGB", (side, height or side), (shade, 100, 50)).convert(mode).save(stream, format=kind)
    return stream.getvalue()


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format=kind, **options)
    return stream.getvalue()


def folder_of(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def tar_of(path: Path, files: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def two_classes(count: int = 4, first: int = 0) -> dict[str, bytes]:
    """Images of two class folders by turns; the shade of each is its number."""
    return {f"{n % 2}/{n}.png": image(n) for n in range(first, first + count)}


def pixels(folder: Path, stem: str = "patches") -> np.ndarray:
    with h5py.File(folder / f"{stem}_x.h5") as file:
        return np.asarray(file["x"])


def shades(folder: Path, stem: str = "patches") -> list[int]:
    return [int(shade) for shade in pixels(folder, stem)[:, 0, 0, 0]]


def labels(folder: Path, stem: str = "patches") -> list[int]:
    with h5py.File(folder / f"{stem}_y.h5") as file:
        return [int(label) for label in file["y"][:, 0, 0, 0]]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(values: np.ndarray, colour: int, width: int | None = None, height: int | None = None) -> bytes:
    """A PNG of 16 bits per channel, which Pillow writes of grey alone; it may declare any size."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width or values.shape[1], height or len(values), 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def refusal(content: bytes, want: Want | None = None) -> Refusal:
    refused = take_image(lambda: content, want or Want(8))
    assert isinstance(refused, Refusal)
    return refused
