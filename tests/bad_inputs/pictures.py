"""Bad images, archives and tables of labels for ``hpo data import``: which pixels have which label is known."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import replace_by_no_file, spoil_bytes, spoil_text

SIDE = 16
CLASSES = ("benign", "malignant")
LEFT_OUT = re.compile(r"left out|skipp|not taken|ignored|passed over", re.IGNORECASE)
Pixels = Any
"""uint8 (SIDE, SIDE, 3)."""


def pixels(number: int) -> Pixels:
    """The patch of a number: no two are alike, and none is flat."""
    return np.random.default_rng([7, number]).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def encoded(values: Pixels, form: str, **options: Any) -> bytes:
    """An image file."""
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form, **options)
    return buffer.getvalue()


def decoded(content: bytes) -> Pixels | None:
    """What Pillow makes of an image file by itself; None if nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as picture:
                if picture.width * picture.height > 10_000_000:
                    return None
                return np.asarray(picture.convert("RGB"))
    except Exception:
        return None


def _key(values: Pixels) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype=np.uint8).tobytes()).hexdigest()[:12] + str(values.shape)


class Wanted:
    """What an import has to give.

    Args:
        sure: pixels and label of each patch that is beyond doubt.
        doubtful: for each bad image its label and the pixels it may be taken for; it may be refused instead.
    """

    def __init__(
        self, sure: Sequence[tuple[Pixels, int]], doubtful: Sequence[tuple[Sequence[Pixels], int]] = ()
    ) -> None:
        self._sure = Counter((_key(values), label) for values, label in sure)
        self._doubtful = [({(_key(values), label) for values in choices}, label) for choices, label in doubtful]

    def __call__(self, output: str) -> str | None:
        """What was imported otherwise than put in; None if all is well."""
        found: Counter[tuple[str, int]] = Counter()
        for path in sorted(Path("out").glob("*_x.h5")):
            with h5py.File(path) as file:
                x = file["x"][...]
            with h5py.File(path.with_name(path.name.replace("_x.h5", "_y.h5"))) as file:
                labels = file["y"][...].ravel()
            found += Counter((_key(values), int(label)) for values, label in zip(x, labels, strict=True))
        if lacking := self._sure - found:
            return f"{sum(lacking.values())} sound images lost, or with another label"
        rest = found - self._sure
        missing = 0
        for choices, _label in self._doubtful:
            choice = next((choice for choice in choices if rest[choice] > 0), None)
            if choice is None:
                missing += 1
            else:
                rest[choice] -= 1
        if rest := +rest:
            return f"{sum(rest.values())} patches have pixels or labels that were not put in"
        if missing and not LEFT_OUT.search(output):
            return f"{missing} images were left out without a word"
        return None


def images(rng: random.Random, _bases: Bases) -> Attempt:
    """Class folders with one bad image among sound ones."""
    sure = _write_sound(Path("src"))
    label = rng.randrange(2)
    folder = Path("src", CLASSES[label])
    way = rng.random()
    if way < 0.06:
        what = replace_by_no_file(rng, folder / "bad.png")
        return _import(f"an image that is {what}", Wanted(sure, [((), label)]))
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


def archives(rng: random.Random, _bases: Bases) -> Attempt:
    """A tar or zip with a bad member, or damaged."""
    members = [
        (f"{CLASSES[label]}/{number}.png", encoded(pixels(number), "PNG"), label)
        for number, label in enumerate((0, 1) * 4)
    ]
    sure = [(pixels(number), label) for number, (_, _, label) in enumerate(members)]
    form = rng.choice(("tar", "tar", "tar.gz", "tar.xz", "tar.bz2", "zip"))
    path = Path(f"src.{form}")
    if rng.random() < 0.5:
        what, content = spoil_bytes(rng, _packed(form, members, None)[0])
        path.write_bytes(content)
        return Attempt(f"{form}: {what}", ("data", "import", str(path), "out"), judge=_Spoilt(sure))
    what = rng.choice(list(ZIP_MEMBERS if form == "zip" else TAR_MEMBERS))
    content, judge = _packed(form, members, what)
    path.write_bytes(content)
    if rng.random() < 0.3:  # within a folder
        Path("src").mkdir()
        path.rename(Path("src") / path.name)
        path = Path("src")
    return Attempt(f"{form} with {what}", ("data", "import", str(path), "out"), judge=judge or Wanted(sure))


def labels(rng: random.Random, _bases: Bases) -> Attempt:
    """A folder of images beside a bad table of labels."""
    source = Path("src")
    source.mkdir()
    rows, truth = [], {}
    for number in range(12):
        name, label = f"{number:04x}cafe", (number * 7 // 3) % 2
        (source / f"{name}.png").write_bytes(encoded(pixels(number), "PNG"))
        rows.append((name, label))
        truth[name] = (number, label)
    sound = "id,label\n" + "".join(f"{name},{label}\n" for name, label in rows)
    sure = [(pixels(number), label) for number, label in truth.values()]
    path = Path("labels.csv")
    argv = ("data", "import", "src", "out", "--labels", "labels.csv")
    way = rng.random()
    if way < 0.06:
        path.write_text(sound)
        return Attempt(f"labels: {replace_by_no_file(rng, path)}", argv, judge=Wanted(sure))
    if way < 0.5:
        what, spoilt = spoil_text(rng, sound)
        path.write_bytes(spoilt)
        return Attempt(f"labels: {what}", argv, judge=_Labelled(path, truth))
    what = rng.choice(list(LABELS))
    content = LABELS[what](sound)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return Attempt(f"labels: {what}", argv, judge=_Labelled(path, truth) if what in UNSURE else Wanted(sure))


class _Spoilt:
    """Of a damaged archive: nothing but what was in it, all of it or a word of what is missing."""

    def __init__(self, sure: Sequence[tuple[Pixels, int]]) -> None:
        self._sure = sure

    def __call__(self, output: str) -> str | None:
        found = Wanted([], [([values], label) for values, label in self._sure])(output)
        return found and f"damaged archive: {found}"


class _Labelled:
    """Of a spoilt table: every label as the table says now, and no image left out without a word."""

    def __init__(self, path: Path, truth: dict[str, tuple[int, int]]) -> None:
        self._path, self._truth = path, truth

    def __call__(self, output: str) -> str | None:
        text = self._path.read_bytes().decode("utf-8-sig")
        said: dict[str, str] = {}
        for row in csv.reader(re.split(r"\r\n|\n|\r", text), delimiter=";" if ";" in text and "," not in text else ","):
            cells = [cell.strip() for cell in row]
            if len(cells) >= 2:
                name = cells[0].removesuffix(".png")
                if said.setdefault(name, cells[1]) != cells[1]:
                    return f"{name} has two labels in the table, one was taken"
        names = sorted({label for name, label in said.items() if name in self._truth})
        doubtful = [
            ([pixels(number)], label)
            for name, (number, _) in self._truth.items()
            if name in said
            for label in ([names.index(said[name])] if len(names) <= 2 else [0, 1])
        ]
        lacking = [name for name in self._truth if name not in said]
        found = Wanted([], doubtful)(output)
        if found is None and lacking and not LEFT_OUT.search(output):
            return f"{len(lacking)} images without a label were left out without a word"
        return found


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
    body = zlib.compress((b"\0" * (3 * width + 1)) * rows, 9)
    return b"\x89PNG\r\n\x1a\n" + head + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _png16(values: Any) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write."""
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
    "markup in its name": lambda: ("[red]x[/red] :boom:.png", b"damaged", []),
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


def _packed(form: str, members: list[tuple[str, bytes, int]], odd: str | None) -> tuple[bytes, Wanted | None]:
    buffer = io.BytesIO()
    judge: Wanted | None = None
    if form == "zip":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content, _ in members:
                    archive.writestr(name, content)
                if odd is not None:
                    judge = ZIP_MEMBERS[odd](archive, members)
        content = buffer.getvalue()
        return (
            content.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0") if odd == "encryption" else content
        ), judge
    with tarfile.open(fileobj=buffer, mode=f"w:{form[4:]}") as archive:  # type: ignore[call-overload]
        for name, content, _ in members:
            _add(archive, name, content)
        if odd is not None:
            judge = TAR_MEMBERS[odd](archive, members)
    return buffer.getvalue(), judge


def _add(archive: Any, name: str, content: bytes, **fields: Any) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))


def _sure(members: list[tuple[str, bytes, int]], without: int = 0) -> list[tuple[Pixels, int]]:
    return [(pixels(number), label) for number, (_, _, label) in enumerate(members)][without:]


def _extra(
    name: str, content: bytes, choices: Sequence[Pixels] = (), label: int = 1, **fields: Any
) -> Callable[[Any, Any], Wanted]:
    def add(archive: Any, members: Any) -> Wanted:
        if isinstance(archive, zipfile.ZipFile):
            archive.writestr(zipfile.ZipInfo(name), content)
        else:
            _add(archive, name, content, **fields)
        return Wanted(_sure(members), [(choices, label)])

    return add


def _repeated(archive: Any, members: Any) -> Wanted:
    """A later member of the same name replaces the earlier one, as ``tar -x`` does."""
    name, _, label = members[0]
    content = encoded(pixels(50), "PNG")
    if isinstance(archive, zipfile.ZipFile):
        archive.writestr(name, content)
    else:
        _add(archive, name, content)
    return Wanted([*_sure(members, 1), (pixels(50), label)])


def _linked(kind: bytes, target: str, choices: Sequence[Pixels] = ()) -> Callable[[Any, Any], Wanted]:
    def add(archive: Any, members: Any) -> Wanted:
        _add(archive, "malignant/link.png", b"", type=kind, linkname=target)
        return Wanted(_sure(members), [(choices, 1)])

    return add


def _many(archive: Any, members: Any) -> Wanted:
    for number in range(3000):
        _add(archive, f"malignant/deep/{'x' * 90}/{number}.txt", b"")
    return Wanted(_sure(members))


def _large(archive: Any, members: Any) -> Wanted:
    _add(archive, "malignant/large.png", bytes(300_000_000))
    return Wanted(_sure(members), [((), 1)])


PNG = encoded(pixels(60), "PNG")
TAR_MEMBERS: dict[str, Callable[[Any, Any], Wanted]] = {
    "a member twice": _repeated,
    "a path upwards": _extra("../../malignant/up.png", PNG, [pixels(60)]),
    "an absolute path": _extra("/malignant/abs.png", PNG, [pixels(60)]),
    "a link to a file": _linked(tarfile.SYMTYPE, "/etc/passwd"),
    "a link to a member": _linked(tarfile.LNKTYPE, "benign/0.png", [pixels(0)]),
    "a link to itself": _linked(tarfile.SYMTYPE, "link.png"),
    "a device": _linked(tarfile.CHRTYPE, ""),
    "a pipe": _linked(tarfile.FIFOTYPE, ""),
    "a sparse member": _extra("malignant/s.png", PNG, [pixels(60)], type=tarfile.GNUTYPE_SPARSE),
    "AppleDouble": _extra("malignant/._0.png", b"\0\5\x16\7" + bytes(99)),
    "a hidden folder": _extra(".git/malignant/x.png", PNG, [pixels(60)]),
    "an archive within": _extra("malignant/more.tar", bytes(10240)),
    "control characters": _extra("malignant/\x1b[31m\n.png", b"damaged"),
    "no UTF-8": _extra("malignant/\udcff.png", b"damaged"),
    "a damaged member": _extra("malignant/d.png", PNG[:60]),
    "a third class": _extra("other/x.png", PNG, [pixels(60)], 2),
    "no class": _extra("x.png", PNG, [pixels(60)]),
    "./ before names": _extra("./malignant/dot.png", PNG, [pixels(60)]),
    "a backslash": _extra("malignant\\x.png", PNG, [pixels(60)]),
    "a text": _extra("malignant/readme.txt", b"hello"),
    "3,000 other files": _many,
    "a member of 300 MB": _large,
    "Windows' names": _extra("malignant/Thumbs.db", b"x" * 100),
    "upper-case class": _extra("MALIGNANT/x.png", PNG, [pixels(60)]),
    "a blank after the class": _extra("malignant /x.png", PNG, [pixels(60)]),
}


def _zip_bomb(archive: Any, members: Any) -> Wanted:
    archive.writestr("malignant/bomb.png", bytes(600_000_000))
    return Wanted(_sure(members), [((), 1)])


ZIP_MEMBERS: dict[str, Callable[[Any, Any], Wanted | None]] = {
    "nothing odd": lambda _a, members: Wanted(_sure(members)),
    "a member twice": _repeated,
    "a path upwards": _extra("../../malignant/up.png", PNG, [pixels(60)]),
    "an absolute path": _extra("/malignant/a.png", PNG, [pixels(60)]),
    "macOS' own folder": _extra("__MACOSX/malignant/._0.png", b"\0\5\x16\7" + bytes(99)),
    "a bomb": _zip_bomb,
    "a damaged member": _extra("malignant/d.png", PNG[:60]),
    "encryption": lambda _a, _m: None,
    "a backslash": _extra("malignant\\x.png", PNG, [pixels(60)]),
    "control characters": _extra("malignant/\x1b[31m.png", b"damaged"),
}


def _rows(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


LABELS: dict[str, Callable[[str], str | bytes]] = {
    "byte-order mark": lambda t: "\ufeff" + t,
    "UTF-16": lambda t: t.encode("utf-16"),
    "semicolons": lambda t: t.replace(",", ";"),
    "tabs": lambda t: t.replace(",", "\t"),
    "CRLF": lambda t: t.replace("\n", "\r\n"),
    "CR": lambda t: t.replace("\n", "\r"),
    "quotes": lambda t: '"' + t.rstrip("\n").replace(",", '","').replace("\n", '"\n"') + '"\n',
    "blank lines": lambda t: t.replace("\n", "\n\n"),
    "blanks around": lambda t: t.replace(",", " , "),
    "suffixes": lambda t: t.replace("cafe", "cafe.png"),
    "folders": lambda t: t.replace("\n0", "\nsrc/0"),
    "other order": lambda t: "\n".join([_rows(t)[0], *_rows(t)[:0:-1]]) + "\n",
    "columns swapped": lambda t: "\n".join(",".join(r.split(",")[::-1]) for r in _rows(t)) + "\n",
    "a third column": lambda t: "\n".join(f"{r},{i or 'note'}" for i, r in enumerate(_rows(t))) + "\n",
    "ID,LABEL": lambda t: t.replace("id,label", "ID,LABEL"),
    "filename,class": lambda t: t.replace("id,label", "filename,class"),
    "a row twice": lambda t: t + _rows(t)[1] + "\n",
    "a row twice, other label": lambda t: t + f"{_rows(t)[1].split(',')[0]},{1 - int(_rows(t)[1][-1])}\n",
    "a row fewer": lambda t: "\n".join(_rows(t)[:-1]) + "\n",
    "a row of no image": lambda t: t + "deadbeef,1\n",
    "labels 0.0 and 1.0": lambda t: t.replace(",0\n", ",0.0\n").replace(",1\n", ",1.0\n"),
    "labels as words": lambda t: t.replace(",0\n", ",benign\n").replace(",1\n", ",malignant\n"),
    "words in other case": lambda t: t.replace(",0\n", ",benign\n").replace(",1\n", ",Malignant\n"),
    "a third label": lambda t: t.replace(",1\n", ",2\n", 1),
    "a blank label": lambda t: t.replace(",1\n", ",\n", 1),
    "NA": lambda t: t.replace(",1\n", ",NA\n", 1),
    "one label only": lambda t: t.replace(",1\n", ",0\n"),
    "no header": lambda t: "\n".join(_rows(t)[1:]) + "\n",
    "header only": lambda _t: "id,label\n",
    "nothing": lambda _t: "",
    "ids as numbers": lambda t: t.replace("cafe", ""),
    "ids in upper case": lambda t: t.replace("cafe", "CAFE"),
    "NUL": lambda t: t.replace("cafe", "ca\0fe", 1),
    "open quote": lambda t: t.replace("\n0", '\n"0', 1),
    "a cell of 1 MB": lambda t: t.replace("cafe", "c" * 1_000_000, 1),
    "paths upwards": lambda t: t.replace("\n0", "\n../../0"),
    "two headers": lambda t: t + t,
    "escapes": lambda t: t.replace("id", "\x1b[31m" + "w" * 5000, 1),
    "sep line": lambda t: "sep=,\n" + t,
    "exponents": lambda t: t.replace("0001cafe", "1E+10"),
    "a split column": lambda t: (
        "\n".join(f"{r},{'split' if not i else ('train', 'val', 'test')[i % 3]}" for i, r in enumerate(_rows(t))) + "\n"
    ),
    "an odd split": lambda t: (
        "\n".join(f"{r},{'split' if not i else ('train', 'holdout', 'test')[i % 3]}" for i, r in enumerate(_rows(t)))
        + "\n"
    ),
}
UNSURE = {
    "a row fewer",
    "a blank label",
    "NA",
    "a third label",
    "no header",
    "exponents",
    "NUL",
    "open quote",
    "a cell of 1 MB",
    "one label only",
    "ids as numbers",
    "two headers",
    "an odd split",
}
