"""Which library opens a file, and which files of a folder are images."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from hpo.data.regular_file import regular_file
from hpo.errors import DataError, HpoError
from hpo.slides.image import SlideImage
from hpo.slides.openslide_file import open_with_openslide
from hpo.slides.plain_file import open_with_pillow
from hpo.slides.tiff_file import open_with_tifffile

TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PLAIN = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".jp2", ".j2k"})
SCANNED = frozenset({".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".svslide", ".vms", ".vmu", ".dcm"})
SUFFIXES = PLAIN | SCANNED | {".tif", ".tiff", ".btf"}
"""Of the files in a folder that are taken for images."""
EXTRA = "pip install openslide-python openslide-bin tifffile (this package's extra [slides])"


def open_slide(path: Path) -> SlideImage:
    """An image of any size, open for reading.

    OpenSlide reads what it knows, and tifffile other TIFF files; where neither is installed, Pillow decodes the whole
    picture.

    Raises:
        DataError: if the file is not there, no image, damaged, or not RGB of 8 bits per channel.
        HpoError: if a scanner's file needs the extra ``slides``.
    """
    regular_file(path)
    with path.open("rb") as file:
        is_tiff = file.read(4) in TIFF_MARKS
    has_openslide, has_tifffile = (find_spec(name) is not None for name in ("openslide", "tifffile"))
    if not is_tiff and path.suffix.lower() in PLAIN:
        return open_with_pillow(path)
    if not has_openslide and path.suffix.lower() in SCANNED:
        raise HpoError(f"{path}: scanners' files need OpenSlide: {EXTRA}")
    if has_openslide:
        slide = open_with_openslide(path)
        if slide is not None and slide.vendor == "generic-tiff" and has_tifffile:
            slide.close()
            return _generic_tiff(path)
        if slide is not None:
            return slide
    if is_tiff and has_tifffile:
        return open_with_tifffile(path)
    return open_with_pillow(path)


def _generic_tiff(path: Path) -> SlideImage:
    """OpenSlide decodes more, but gives all pixels as RGB and knows no pyramids of OME's: tifffile says what is so.

    OpenSlide also takes any fourth channel for transparency.
    """
    described = open_with_tifffile(path)
    decoding = open_with_openslide(path)
    if decoding is None or described.has_spare_channel or len(described.levels) > len(decoding.levels):
        return described
    if decoding.mpp is None:
        decoding.mpp = described.mpp
    described.close()
    return decoding


def images_in(folder: Path) -> list[Path]:
    """The image files anywhere in a folder, by path; hidden files and folders are left out.

    Raises:
        DataError: if there are none, or the folder cannot be read.
    """
    try:
        found = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in SUFFIXES
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and path.is_file()
        )
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error
    if not found:
        raise DataError(f"{folder}: has no images; their names end in {', '.join(sorted(SUFFIXES))}")
    return found
