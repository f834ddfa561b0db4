"""The header of an image file, before any pixel is decoded: size, bits, colours, transparency, orientation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Literal

from PIL import ExifTags, Image

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "JPEG2000")
"""Formats that Pillow may open; it knows forty more, some of which run other programs."""

Colours = Literal["RGB", "palette", "grey", "black and white", "CMYK", "YCbCr", "LAB", "other"]
_COLOURS: dict[str, Colours] = {
    "RGB": "RGB",
    "RGBA": "RGB",
    "RGBX": "RGB",
    "RGBa": "RGB",
    "P": "palette",
    "PA": "palette",
    "L": "grey",
    "LA": "grey",
    "La": "grey",
    "I": "grey",
    "F": "grey",
    "1": "black and white",
    "CMYK": "CMYK",
    "YCbCr": "YCbCr",
    "LAB": "LAB",
}
_TURNED = range(2, 9)
_SIDEWAYS = range(5, 9)
_BITS_PER_SAMPLE, PHOTOMETRIC, _PLANES = 258, 262, 284
"""Tags of TIFF."""


@dataclass(frozen=True, slots=True)
class Header:
    """An image file's own description.

    Args:
        kind: of the file, one of `FORMATS`.
        mode: Pillow's name of the colours, such as ``I;16``.
        width: pixels, once the image is turned upright.
        height: likewise.
        bits: a channel.
        colours: what the channels are.
        transparent: whether pixels may be transparent.
        turned: whether EXIF says that the image is to be turned or mirrored.
        pages: 1, or 2 for more.
        profile: whether there is a colour profile other than sRGB.
        apart: whether each channel is stored by itself.
    """

    kind: str
    mode: str
    width: int
    height: int
    bits: int
    colours: Colours
    transparent: bool
    turned: bool
    pages: int
    profile: bool
    apart: bool

    @property
    def pixels(self) -> int:
        """The number of bands."""
        return self.width * self.height


def open_image(file: IO[bytes]) -> Image.Image:
    """An image of one of `FORMATS`, of which the header alone has been read."""
    return Image.open(file, formats=FORMATS)


def read_header(picture: Image.Image, head: bytes) -> Header:
    """The header of an image that was just opened; ``head`` is the file's beginning."""
    orientation = _orientation(picture)
    width, height = picture.size
    if orientation in _SIDEWAYS and picture.format != "TIFF":  # Pillow turns TIFFs itself
        width, height = height, width
    profile = picture.info.get("icc_profile") or b""
    return Header(
        kind=str(picture.format),
        mode=picture.mode,
        width=width,
        height=height,
        bits=_bits(picture, head),
        colours=_colours(picture),
        transparent=picture.has_transparency_data,
        turned=orientation in _TURNED,
        pages=2 if picture.format != "MPO" and getattr(picture, "is_animated", False) else 1,
        profile=bool(profile) and b"sRGB" not in profile and b"s\0R\0G\0B" not in profile,
        apart=_is_apart(picture),
    )


def _is_apart(picture: Image.Image) -> bool:
    if picture.format != "TIFF" or len(picture.getbands()) == 1:
        return False
    return bool(picture.tag_v2.get(_PLANES) == 2)  # type: ignore[attr-defined]


def _colours(picture: Image.Image) -> Colours:
    if rawmode(picture).startswith(("I;16", "LA;16")):
        return "grey"
    return _COLOURS.get(picture.mode, "grey" if picture.mode.startswith("I;") else "other")


def _bits(picture: Image.Image, head: bytes) -> int:
    if picture.format == "TIFF":
        tags = picture.tag_v2  # type: ignore[attr-defined]
        return max(map(int, tags.get(_BITS_PER_SAMPLE, (1,))))
    if picture.format == "JPEG2000":
        return _jpeg2000_bits(head)
    if picture.mode == "1":
        return 1
    return 16 if ";16" in rawmode(picture) and picture.format == "PNG" else 8


def rawmode(picture: Image.Image) -> str:
    """The layout of pixels in the file, such as ``RGB;16B``."""
    tile = getattr(picture, "tile", None)
    arguments = tile[0][3] if tile else None
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _jpeg2000_bits(head: bytes) -> int:
    """From the codestream's SIZ segment: Pillow itself cuts deeper images to 8 bits."""
    at = head.find(b"\xff\x4f\xff\x51")
    if at < 0:
        return 8
    components = int.from_bytes(head[at + 40 : at + 42], "big")
    depths = head[at + 42 : at + 42 + 3 * min(components, 64) : 3]
    return max(((depth & 0x7F) + 1 for depth in depths), default=8)


def _orientation(picture: Image.Image) -> int:
    if picture.format != "TIFF" and "exif" not in picture.info:
        return 1
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Pillow raises what it likes on damaged EXIF, without which the image is as it is
        return 1
    return found if isinstance(found, int) else 1
