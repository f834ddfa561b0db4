"""An opened image becomes patches whose values mean what they meant: colours, depth, orientation, size."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

from hpo.data.images.header import PHOTOMETRIC, Header, open_image, rawmode

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Want:
    """The patches to make.

    Args:
        side: of a patch, pixels.
        fit: how an image of another size comes to it; None refuses.
        to_rgb: whether grey, CMYK and LAB images are converted.
        sixteen_bit: values that become 0 and 255 in images of 16 bits per channel; None refuses them.
        channels: of a patch: 3 is RGB; 1 is grey, to which images in colour are converted.
    """

    side: int
    fit: Literal["resize", "crop", "tile"] | None = None
    to_rgb: bool = False
    sixteen_bit: tuple[int, int] | None = None
    channels: Literal[1, 3] = 3


@dataclass(slots=True)
class Taken:
    """An image's patches.

    Attributes:
        patches: uint8, shape (n, side, side, channels).
        corners: left and top of each patch in the image, pixels; only of tiles.
        hashes: SHA-256 of each patch, shape (n, 32), uint8.
        changes: what was done to its pixels, in words.
        left_over: pixels at the right and lower edges that fill no tile.
    """

    patches: Pixels
    corners: list[tuple[int, int]] = field(default_factory=list)
    hashes: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 32), np.uint8))
    changes: tuple[str, ...] = ()
    left_over: int = 0


def decode(picture: Image.Image, header: Header, want: Want) -> Taken:
    """Decodes an image that no reason in its header keeps out; its patches have no hashes yet.

    Raises:
        Exception: whatever Pillow raises on damaged pixels.
        ValueError: if there are other pixels than the header says.
    """
    changes: list[str] = []
    picture = _sixteen(picture, want, changes) if header.bits > 8 else picture
    if header.turned:
        if header.kind != "TIFF":  # which Pillow turns itself
            picture = ImageOps.exif_transpose(picture)
        changes.append("turned as EXIF says")
    picture = _to_rgb(picture, header, changes) if want.channels == 3 else _to_grey(picture, header, changes)
    if header.profile:
        changes.append("colour profile not applied")
    if want.fit == "tile":
        return _tiles(picture, want, changes)
    if want.fit is not None and picture.size != (want.side, want.side):
        picture = _fitted(picture, want, changes)
    pixels = _pixels(picture)
    if pixels.shape != (want.side, want.side, want.channels):
        raise ValueError(f"its header says another size than its {pixels.shape[1]} x {pixels.shape[0]} pixels")
    return Taken(pixels[np.newaxis], changes=tuple(changes))


def _pixels(picture: Image.Image) -> Pixels:
    """Its values, shape (height, width, channels)."""
    values = np.asarray(picture)
    return values[..., np.newaxis] if values.ndim == 2 else values


def _on_white(picture: Image.Image, header: Header, changes: list[str]) -> Image.Image:
    if not header.transparent:
        return picture
    layers = picture.convert("RGBA")
    low, _ = layers.getchannel("A").getextrema()
    if isinstance(low, int | float) and low < 255:
        changes.append("transparency laid on white")
        layers = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return layers


def _to_grey(picture: Image.Image, header: Header, changes: list[str]) -> Image.Image:
    picture = _on_white(picture, header, changes)
    if header.colours not in ("grey", "black and white"):
        changes.append(f"{header.colours} converted to grey")
        picture = _to_rgb(picture, replace(header, transparent=False), [])  # LAB has no way of its own
    return picture if picture.mode == "L" else picture.convert("L")


def _to_rgb(picture: Image.Image, header: Header, changes: list[str]) -> Image.Image:
    picture = _on_white(picture, header, changes)
    if header.colours not in ("RGB", "palette"):
        changes.append(f"{header.colours} converted to RGB")
    if picture.mode == "RGB":
        return picture
    if picture.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
        if converted is None:
            raise ValueError("no conversion from LAB")
        return converted
    return picture.convert("RGB")


def _sixteen(picture: Image.Image, want: Want, changes: list[str]) -> Image.Image:
    """Scales a stated range of 16-bit values to 0 to 255; what lies outside becomes 0 or 255."""
    low, high = want.sixteen_bit or (0, 65535)
    colours, alpha = _sixteen_bit_values(picture)
    changes.append(f"16 bits per channel scaled from {low} to {high}")
    if colours.min(initial=low) < low or colours.max(initial=high) > high:
        changes.append(f"values outside {low} to {high} cut off")
    scaled = np.rint(np.clip((colours.astype(np.float32) - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    if _is_white_at_zero(picture):
        scaled = 255 - scaled
    mode = "CMYK" if picture.mode == "CMYK" else "RGB" if colours.shape[-1] == 3 else "L"
    if alpha is not None:  # transparency always has the whole range
        mode, scaled = f"{mode}A", np.concatenate([scaled, (alpha >> 8).astype(np.uint8)], axis=-1)
    return Image.frombytes(mode, (colours.shape[1], colours.shape[0]), np.ascontiguousarray(scaled).tobytes())


def _is_white_at_zero(picture: Image.Image) -> bool:
    """Whether a TIFF's grey has white at 0, which Pillow turns round at 8 bits alone."""
    return picture.format == "TIFF" and picture.tag_v2.get(PHOTOMETRIC) == 0  # type: ignore[attr-defined]


def _sixteen_bit_values(picture: Image.Image) -> tuple[Values, Values | None]:
    """Both bytes of every value: colours, shape (height, width, channels), and transparency, (height, width, 1).

    Pillow decodes colours to 8 bits; which byte of the two it takes is said by the raw mode: they are decoded twice.
    """
    if picture.mode.startswith("I;16"):
        return _with_key(picture, np.asarray(picture).astype(np.uint16)[..., np.newaxis])
    mode, _, order = rawmode(picture).partition(";16")
    if mode == "LA":  # four bytes a pixel, as RGBA has
        pairs = _bytes_of(picture, "RGBA").astype(np.uint16)
        both: Values = np.asarray(pairs[..., 0::2] << 8 | pairs[..., 1::2], dtype=np.uint16)
        return both[..., :1], both[..., 1:]
    plain = mode.replace("RGBa", "RGBA")  # or Pillow would divide each byte by the transparency for itself
    first, second = (_bytes_of(_again(picture), f"{plain};16{end}").astype(np.uint16) for end in "BL")
    is_big = order == "B" or (order == "N" and sys.byteorder == "big")
    high, low = (first, second) if is_big else (second, first)
    values: Values = np.asarray(high << 8 | low, dtype=np.uint16)
    if plain != "RGBA":
        return _with_key(picture, values)
    colours, alpha = values[..., :3], values[..., 3:]
    if mode == "RGBa":
        colours = np.minimum(colours.astype(np.uint64) * 65535 // np.maximum(alpha, 1), 65535).astype(np.uint16)
    return colours, alpha


def _with_key(picture: Image.Image, colours: Values) -> tuple[Values, Values | None]:
    """Colours of which a PNG may say that one is transparent."""
    key = picture.info.get("transparency")
    if key is None:
        return colours, None
    is_key = (colours == np.asarray(key)).all(axis=-1, keepdims=True)
    return colours, np.where(is_key, 0, 65535).astype(np.uint16)


def _again(picture: Image.Image) -> Image.Image:
    """The same file, opened anew: pixels are decoded once."""
    file = picture.fp  # type: ignore[attr-defined]
    return open_image(io.BytesIO(file.getvalue()))


def _bytes_of(picture: Image.Image, mode: str) -> Pixels:
    """The pixels, unpacked as the raw mode says instead of the file."""
    picture.tile = [  # type: ignore[attr-defined]
        tile._replace(args=(mode, *tile.args[1:]) if isinstance(tile.args, tuple) else mode)
        for tile in picture.tile  # type: ignore[attr-defined]
    ]
    return np.asarray(picture)


def _tiles(picture: Image.Image, want: Want, changes: list[str]) -> Taken:
    side = want.side
    width, height = picture.size
    corners = [(left, top) for top in range(0, height - side + 1, side) for left in range(0, width - side + 1, side)]
    patches = np.empty((len(corners), side, side, want.channels), dtype=np.uint8)
    for patch, (left, top) in zip(patches, corners, strict=True):
        patch[...] = _pixels(picture.crop((left, top, left + side, top + side)))
    left_over = width * height - len(corners) * side * side
    return Taken(patches, corners, changes=tuple(changes), left_over=left_over)


def _fitted(picture: Image.Image, want: Want, changes: list[str]) -> Image.Image:
    width, height = picture.size
    if want.fit == "crop":
        left, top = (width - want.side) // 2, (height - want.side) // 2
        changes.append(f"cropped to the centre {want.side} x {want.side}")
        return picture.crop((left, top, left + want.side, top + want.side))
    if width != height:
        changes.append("cut to the centre square before resizing")
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    changes.append(f"resized to {want.side} x {want.side}")
    return picture.resize((want.side, want.side), Image.Resampling.LANCZOS)
