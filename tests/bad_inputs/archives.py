"""Bad tars and zips of images for ``hpo data import``."""

from __future__ import annotations

import io
import random
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bad_inputs.attempt import Attempt, Bases
from tests.bad_inputs.mutate import spoil_bytes
from tests.bad_inputs.pictures import CLASSES, Pixels, Wanted, encoded, pixels


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


class _Spoilt:
    """Of a damaged archive: nothing but what was in it, all of it or a word of what is missing."""

    def __init__(self, sure: Sequence[tuple[Pixels, int]]) -> None:
        self._sure = sure

    def __call__(self, output: str) -> str | None:
        found = Wanted([], [([values], label) for values, label in self._sure])(output)
        return found and f"damaged archive: {found}"


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
