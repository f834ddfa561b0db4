"""Bad images in class folders for ``hpo data import``."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import replace_by_no_file, spoil_bytes
from tests.bad_inputs.pictures import CLASSES, SIDE, Pixels, Wanted, decoded, encoded, pixels


def images(rng: random.Random, _bases: Bases) -> Attempt:
    """Class folders with one bad image among sound ones."""
    sure = _write_sound(Path("src"))
    label = rng.randrange(2)
    folder = Path("src", CLASSES[label])
    way = rng.random()
    if way < 0.06:
        what = replace_by_no_file(rng, folder / "bad.png")
        doubtful = [] if what == "a folder" else [((), label)]
        return _import(f"an image that is {what}", Wanted(sure, doubtful))
    if way < 0.5:
        form, suffix, options = rng.choice(FORMS)
        what, content = spoil_bytes(rng, encoded(pixels(99), form, **options))
        (folder / f"bad{suffix}").write_bytes(content)
        read = decoded(content)
        return _import(f"{form} {options or ''}: {what}", Wanted(sure, [([] if read is None else [read], label)]))
    what = rng.choice(list(PICTURES))
    name, content, choices = PICTURES[what]()
    (folder / name).write_bytes(content)
    return _import(f"an image: {what}", Wanted(sure, [(choices, label)]))


def _import(what: str, judge: Callable[[str], str | None]) -> Attempt:
    return Attempt(what, ("data", "import", "src", "out"), judge=judge)


def _write_sound(source: Path) -> list[tuple[Pixels, int]]:
    sure = []
    for number, label in enumerate((0, 1) * 4):
        folder = source / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(encoded(pixels(number), "PNG"))
        sure.append((pixels(number), label))
    return sure


FORMS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PNG", ".png", {}),
    ("JPEG", ".jpg", {"quality": 95}),
    ("JPEG", ".jpeg", {"progressive": True}),
    ("TIFF", ".tif", {}),
    ("TIFF", ".tiff", {"compression": "tiff_lzw"}),
    ("TIFF", ".tif", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", ".tif", {"compression": "jpeg"}),
    ("BMP", ".bmp", {}),
    ("WEBP", ".webp", {"lossless": True}),
    ("GIF", ".gif", {}),
)


Picture = tuple[str, bytes, Sequence[Pixels]]
"""A file name, its content, and what it may be taken for."""


def _saved(mode_image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    mode_image.save(buffer, form, **options)
    return buffer.getvalue()


def _chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def _huge_png(width: int, height: int, rows: int) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = zlib.compress((b"\0" * (3 * width + 1)) * rows, 1)
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _png16(values: Any) -> bytes:
    """A PNG of 16 bits per channel, which Pillow cannot write."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _rgba(alpha: int) -> Image.Image:
    return Image.fromarray(np.dstack([pixels(99), np.full((SIDE, SIDE), alpha, np.uint8)]), "RGBA")


def _grey() -> Any:
    return pixels(99)[..., 0]


def _palette() -> Image.Image:
    return Image.fromarray(pixels(99)).quantize(64, dither=Image.Dither.NONE)


def _palette_transparent() -> Picture:
    picture = _palette()
    shown = np.asarray(picture.convert("RGB")).copy()
    shown[np.asarray(picture) == 3] = 255
    return "bad.png", _saved(picture, transparency=3), [shown]


def _oriented() -> Picture:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(pixels(99), "PNG", exif=exif)
    return "bad.png", content, [np.rot90(pixels(99), -1)]


def _several(form: str, suffix: str) -> Picture:
    pages = [Image.fromarray(pixels(n)) for n in (99, 98, 97)]
    content = _saved(pages[0], form, save_all=True, append_images=pages[1:])
    return f"bad{suffix}", content, []


def _same(name: str, content: bytes) -> Picture:
    return name, content, [pixels(99)]


def _other_size(width: int, height: int) -> Picture:
    content = _saved(Image.fromarray(pixels(99)).resize((width, height), Image.Resampling.NEAREST))
    return "bad.png", content, []


def _ntile() -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\nshowpage\n"


PICTURES: dict[str, Callable[[], Picture]] = {
    "RGBA, opaque": lambda: _same("bad.png", _saved(_rgba(255))),
    "RGBA, transparent": lambda: ("bad.png", _saved(_rgba(0)), [np.full((SIDE, SIDE, 3), 255, np.uint8)]),
    "palette": lambda: ("bad.png", _saved(_palette()), [np.asarray(_palette().convert("RGB"))]),
    "palette, a colour transparent": _palette_transparent,
    "grey": lambda: ("bad.png", _saved(Image.fromarray(_grey())), [np.dstack([_grey()] * 3)]),
    "16-bit grey": lambda: (
        "bad.png",
        _saved(Image.fromarray(_grey().astype(np.uint16) * 257)),
        [np.dstack([_grey()] * 3)],
    ),
    "16-bit grey of 12 bits": lambda: ("bad.png", _saved(Image.fromarray(_grey().astype(np.uint16) * 16)), []),
    "16-bit RGB": lambda: _same("bad.png", _png16(pixels(99).astype(np.uint16) * 257)),
    "16-bit RGB of 12 bits": lambda: ("bad.png", _png16(pixels(99).astype(np.uint16) * 16 + 3), []),
    "32-bit integers": lambda: ("bad.tif", _saved(Image.fromarray(_grey().astype(np.int32) * 65536), "TIFF"), []),
    "floats": lambda: ("bad.tif", _saved(Image.fromarray(_grey().astype(np.float32) / 255), "TIFF"), []),
    "bits": lambda: (
        "bad.png",
        _saved(Image.fromarray(_grey()).convert("1", dither=Image.Dither.NONE)),
        [np.dstack([(_grey() > 127) * np.uint8(255)] * 3)],
    ),
    "CMYK": lambda: (
        "bad.tif",
        _saved(Image.fromarray(pixels(99)).convert("CMYK"), "TIFF"),
        [np.asarray(Image.fromarray(pixels(99)).convert("CMYK").convert("RGB"))],
    ),
    "Lab": lambda: ("bad.tif", _saved(Image.frombytes("LAB", (SIDE, SIDE), pixels(99).tobytes()), "TIFF"), []),
    "LA": lambda: (
        "bad.png",
        _saved(Image.fromarray(np.dstack([_grey(), np.zeros_like(_grey())]), "LA")),
        [np.full((SIDE, SIDE, 3), 255, np.uint8)],
    ),
    "turned by its EXIF": _oriented,
    "several pages": lambda: _several("TIFF", ".tif"),
    "several frames": lambda: _several("GIF", ".gif"),
    "an animated PNG": lambda: _several("PNG", ".png"),
    "an animated WebP": lambda: _several("WEBP", ".webp"),
    "a PNG named .jpg": lambda: _same("bad.jpg", encoded(pixels(99), "PNG")),
    "a TIFF named .png": lambda: _same("bad.png", encoded(pixels(99), "TIFF")),
    "upper-case suffix": lambda: _same("BAD.PNG", encoded(pixels(99), "PNG")),
    "no suffix": lambda: _same("bad", encoded(pixels(99), "PNG")),
    "a JPEG 2000": lambda: ("bad.jp2", _saved(Image.fromarray(pixels(99)), "JPEG2000"), [pixels(99)]),
    "a JPEG 2000 named .png": lambda: ("bad.png", _saved(Image.fromarray(pixels(99)), "JPEG2000"), [pixels(99)]),
    "a GIF": lambda: (
        "bad.gif",
        encoded(pixels(99), "GIF"),
        [d for d in [decoded(encoded(pixels(99), "GIF"))] if d is not None],
    ),
    "jfif": lambda: (
        "bad.jfif",
        encoded(pixels(99), "JPEG"),
        [d for d in [decoded(encoded(pixels(99), "JPEG"))] if d is not None],
    ),
    "PostScript": lambda: ("bad.eps", _ntile(), []),
    "PostScript named .png": lambda: ("bad.png", _ntile(), []),
    "PPM named .png": lambda: ("bad.png", b"P6 16 16 255 " + pixels(99).tobytes(), [pixels(99)]),
    "an icon named .png": lambda: ("bad.png", _saved(Image.fromarray(pixels(99)), "ICO"), [pixels(99)]),
    "a text": lambda: ("bad.png", b"hello", []),
    "nothing": lambda: ("bad.png", b"", []),
    "a web page": lambda: ("bad.jpg", b"<!doctype html><title>404</title>", []),
    "Git LFS pointer": lambda: ("bad.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", []),
    "AppleDouble": lambda: ("._bad.png", b"\0\5\x16\7\0\2\0\0" + bytes(200), []),
    "a hidden image": lambda: (".bad.png", encoded(pixels(99), "PNG"), [pixels(99)]),
    "20000 x 20000, declared": lambda: ("bad.png", _huge_png(20000, 20000, 1), []),
    "6000 x 6000": lambda: ("bad.png", _huge_png(6000, 6000, 6000), []),
    "2**31-1 wide": lambda: ("bad.png", _huge_png(2**31 - 1, 1, 0), []),
    "oblong": lambda: _other_size(SIDE, SIDE * 2),
    "smaller": lambda: _other_size(SIDE // 2, SIDE // 2),
    "larger": lambda: _other_size(SIDE * 4, SIDE * 4),
    "one pixel": lambda: _other_size(1, 1),
    "control characters in its name": lambda: ("\x1b[31mred\x07\n.png", encoded(pixels(99), "PNG"), [pixels(99)]),
    "a damaged one so named": lambda: ("\x1b[31mred\x07\n.png", b"damaged", []),
    "bytes that are no UTF-8 in its name": lambda: ("b\udcffd.png", encoded(pixels(99), "PNG"), [pixels(99)]),
    "a damaged one named so": lambda: ("b\udcffd.png", b"damaged", []),
    "markup in its name": lambda: ("[red]x[bold] :boom:.png", b"damaged", []),
    "a long name": lambda: ("b" * 240 + ".png", b"damaged", []),
    "a name like a number": lambda: ("0x10.png", encoded(pixels(99), "PNG"), [pixels(99)]),
    "a name of other digits": lambda: ("²٣１.png", encoded(pixels(99), "PNG"), [pixels(99)]),
    "text of 50 MB within": lambda: (
        "bad.png",
        encoded(pixels(99), "PNG")[:33]
        + _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000), 9))
        + encoded(pixels(99), "PNG")[33:],
        [pixels(99)],
    ),
    "a bad checksum": lambda: (
        "bad.png",
        encoded(pixels(99), "PNG")[:-20] + b"\1\2\3\4" + encoded(pixels(99), "PNG")[-16:],
        [],
    ),
    "gamma and profile": lambda: ("bad.png", encoded(pixels(99), "PNG", icc_profile=b"not a profile"), [pixels(99)]),
    "a repeat": lambda: ("bad.png", encoded(pixels(0), "PNG"), [pixels(0)]),
    "a BigTIFF": lambda: _same("bad.tif", encoded(pixels(99), "TIFF", big_tiff=True)),
    "half a JPEG": lambda: ("bad.jpg", encoded(pixels(99), "JPEG")[:-200], []),
}
