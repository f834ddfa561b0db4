"""Images in class folders or tars, converted to PCam's HDF5 format one at a time."""

from __future__ import annotations

import io
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from hpo.data.pcam import SPLITS, SplitName, SplitWriter, present, split_files
from hpo.data.progress import Progress, silent
from hpo.errors import DataError

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
DECODED_AT_ONCE = 256  # images in memory, at most
SPLIT_WORDS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Args:
        classes: names of the two classes, in the order of their labels 0 and 1.
        counts: for each split its number of patches of either class; a single labelled set is ``patches``.
        patch_size: side, pixels.
    """

    classes: tuple[str, str]
    counts: dict[SplitName, tuple[int, int]]
    patch_size: int


@dataclass(frozen=True)
class _Found:
    """An image: where it is, and its split and class as its path tells them."""

    source: Path
    member: str
    split: SplitName
    kind: str


def import_images(
    source: Path,
    destination: Path,
    *,
    classes: Sequence[str] | None = None,
    patch_size: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Imported:
    """Converts images to PCam's HDF5 files.

    An image's class is the name of its folder. Its split is told by a folder above it or, in a tar, by the tar's name:
    ``train``, ``valid`` (or ``val``, ``validation``) or ``test``; images without any are one labelled set,
    ``patches_x.h5`` and ``patches_y.h5``, for the study file's ``data.split`` to split. Rows are in the natural order
    of the file names, without their folders, so that ``patch0000004.jpg`` comes after ``patch0000000.jpg`` whatever
    their classes.

    Args:
        source: a folder of images or of tars, or one tar.
        destination: folder for the HDF5 files.
        classes: names of the two class folders, that of label 0 first; None takes them in alphabetical order.
        patch_size: side that the images must have, pixels; None takes the first image's.
        overwrite: whether files of a former import may be replaced.
        progress: told the images done and those to do.

    Raises:
        DataError: if there are no images or not two classes, or an image is damaged or has another size.
    """
    found = _find(source)
    names = _class_names(source, found, classes)
    splits = [name for name in (*SPLITS, "patches") if any(image.split == name for image in found)]
    for name in splits:
        if not overwrite and present(split_files(destination, name)):
            raise DataError(f"{destination}: has {split_files(destination, name).x.name} already; --overwrite replaces")
    side = patch_size or _first_side(found[0])
    done = 0
    counts: dict[SplitName, tuple[int, int]] = {}
    for name in splits:
        images = sorted((image for image in found if image.split == name), key=_natural)
        labels = [names.index(image.kind) for image in images]
        rows = {(image.source, image.member): row for row, image in enumerate(images)}
        with SplitWriter(split_files(destination, name), len(images), side) as writer:
            for decoded in _read(images):
                pixels = {rows[image.source, image.member]: _checked(image, values, side) for image, values in decoded}
                for start, stop in _runs(sorted(pixels)):
                    writer.write(start, np.stack([pixels[row] for row in range(start, stop)]), labels[start:stop])
                for _ in decoded:
                    done += 1
                    progress(f"importing {name}", done, len(found))
        counts[name] = (labels.count(0), labels.count(1))
    return Imported(names, counts, side)


def _find(source: Path) -> list[_Found]:
    if source.is_file():
        found = _in_tar(source)
    elif source.is_dir():
        found = [image for tar in sorted(source.iterdir()) if tar.name.endswith(TARS) for image in _in_tar(tar)]
        found += [
            _classify(path, "", path.relative_to(source).parts, source.name)
            for path in sorted(source.rglob("*"))
            if path.suffix.lower() in IMAGES and path.is_file()
        ]
    else:
        raise DataError(f"{source}: no such file or folder")
    if not found:
        raise DataError(f"{source}: no images found ({', '.join(IMAGES)} in class folders, or tars of them)")
    return found


def _in_tar(path: Path) -> list[_Found]:
    with _open_tar(path) as tar:
        return [
            _classify(path, member.name, PurePosixPath(member.name).parts, path.name)
            for member in tar
            if member.isfile() and member.name.lower().endswith(IMAGES)
        ]


@contextmanager
def _open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    """A tar for reading; whatever is wrong with it becomes a `DataError`."""
    try:
        with tarfile.open(path) as tar:
            yield tar
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"{path}: not a tar, damaged or truncated ({error}); fetch or copy it again") from error


def _classify(source: Path, member: str, parts: tuple[str, ...], outer: str) -> _Found:
    """Split and class of an image from the parts of its path, and from the tar's or folder's name."""
    words = [*(part.lower() for part in parts[:-1]), *re.split(r"[^a-z]+", outer.lower())]
    split: SplitName = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "patches")
    kind = parts[-2] if len(parts) > 1 else ""
    return _Found(source, member, split, kind)


def _class_names(source: Path, found: list[_Found], classes: Sequence[str] | None) -> tuple[str, str]:
    kinds = sorted({image.kind for image in found})
    names = kinds if classes is None else list(classes)
    if len(names) != 2 or set(kinds) != set(names):
        listing = ", ".join(kind or "(none)" for kind in kinds[:8])
        wanted = "two class folders, such as 0 and 1" if classes is None else f"exactly {' and '.join(names)}"
        raise DataError(f"{source}: the images lie in these class folders: {listing}; there must be {wanted}")
    return names[0], names[1]


def _natural(image: _Found) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts ``patch10`` after ``patch9``; images of the same name by class."""
    name = PurePosixPath(image.member or image.source.as_posix()).name
    pieces = re.findall(r"\d+|\D+", name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces], image.kind


def _first_side(image: _Found) -> int:
    for decoded in _read([image]):
        return int(decoded[0][1].shape[0])
    raise DataError(f"{image.source}: {image.member} has gone")


def _read(images: list[_Found]) -> Iterator[list[tuple[_Found, npt.NDArray[np.uint8]]]]:
    """The images' pixels, some at a time, decoded by as many threads as there are cores: Pillow lets them run."""
    encoded = _encoded(images)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(encoded, DECODED_AT_ONCE)):
            pixels = pool.map(_decode, *zip(*some, strict=True))
            yield [(image, values) for (image, _), values in zip(some, pixels, strict=True)]


def _encoded(images: list[_Found]) -> Iterator[tuple[_Found, Callable[[], bytes]]]:
    """Where each image's bytes are to be had: those of a tar in the tar's order, which a compressed one needs."""
    for image in images:
        if not image.member:
            yield image, image.source.read_bytes
    for path in dict.fromkeys(image.source for image in images if image.member):
        wanted = {image.member: image for image in images if image.source == path}
        with _open_tar(path) as tar:
            for member in tar:
                if member.name in wanted and member.isfile():
                    file = tar.extractfile(member)
                    content = b"" if file is None else file.read()  # a tar is read by one thread
                    yield wanted[member.name], partial(bytes, content)


def _runs(rows: Iterable[int]) -> list[tuple[int, int]]:
    """Stretches of ascending rows without a gap, each from its first to after its last."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][1] == row:
            runs[-1] = (runs[-1][0], row + 1)
        else:
            runs.append((row, row + 1))
    return runs


def _decode(image: _Found, read: Callable[[], bytes]) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(read())) as picture:
            if picture.mode not in ("RGB", "RGBA", "P"):
                raise DataError(f"{_place(image)}: a {picture.mode} image; patches are RGB, 8 bits a channel")
            return np.asarray(picture.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{_place(image)}: damaged or not an image ({error}); replace or remove it") from error


def _checked(image: _Found, pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    if pixels.shape != (side, side, 3):
        height, width = pixels.shape[:2]
        raise DataError(f"{_place(image)}: {width} x {height} pixels; every patch must be {side} x {side}")
    return pixels


def _place(image: _Found) -> str:
    return f"{image.source}: {image.member}" if image.member else str(image.source)
