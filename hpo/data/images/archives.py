"""Tars and zips: what they hold, and the bytes of their members; nothing is ever unpacked to disk."""

from __future__ import annotations

import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal, cast

from hpo.data.images.found import one_line, shown
from hpo.errors import DataError

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ZIPS = (".zip",)
UNREAD = (".tar.zst", ".tzst", ".tar.lz4", ".7z", ".rar")
"""Archives that are named and left out: Python's standard library does not read them."""
LARGEST_FILE = 1 << 28
"""Bytes that an image file may have."""

_FAULTS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """An archive's entry.

    Args:
        index: position of the entry that holds the bytes; that of its target for a hard link.
        name: with ``/`` between its folders.
        size: bytes.
        kind: of the entry.
        offset: where its bytes begin in the archive; -1 where they do not lie there as they are.
    """

    index: int
    name: str
    size: int
    kind: Literal["file", "folder", "link", "other"]
    offset: int = -1


def is_archive(name: str) -> bool:
    """Whether a file is called like an archive, one that we read or not."""
    return name.lower().endswith((*TARS, *ZIPS, *UNREAD))


def is_readable(name: str) -> bool:
    """Whether a file is called like an archive that we read."""
    return name.lower().endswith((*TARS, *ZIPS))


def bare_name(name: str) -> str:
    """An archive's name without its suffix."""
    suffix = next((end for end in (*TARS, *ZIPS) if name.lower().endswith(end)), "")
    return name[: len(name) - len(suffix)]


def list_members(path: Path) -> list[Member]:
    """All entries of an archive, in its order.

    Raises:
        DataError: if it is no archive, damaged, or cut off.
    """
    if _is_zip(path):
        with _readable(path, "zip"), zipfile.ZipFile(path) as archive:
            return [_zip_member(index, info) for index, info in enumerate(archive.infolist())]
    members: list[Member] = []
    with _readable(path, "tar"), tarfile.open(path) as tar:
        latest: dict[str, Member] = {}
        is_plain = isinstance(tar.fileobj, io.BufferedReader)
        for index, info in _entries(tar):
            member = _tar_member(index, info, latest, is_plain)
            members.append(member)
            if member.kind == "file":
                latest[member.name] = member
        _check_end(path, tar)
    return members


def read_members(path: Path, wanted: Collection[int]) -> Iterator[tuple[int, bytes | str]]:
    """The bytes of some entries, in the archive's order; a text says what is wrong with one.

    Args:
        path: the archive.
        wanted: positions of entries.

    Raises:
        DataError: if the whole archive cannot be read.
    """
    if _is_zip(path):
        with _readable(path, "zip"), zipfile.ZipFile(path) as archive:
            for index, info in enumerate(archive.infolist()):
                if index in wanted:
                    yield index, _zip_bytes(archive, info)
        return
    with _readable(path, "tar"), tarfile.open(path) as tar:
        for index, entry in _entries(tar):
            if index in wanted:
                file = tar.extractfile(entry)
                yield index, b"" if file is None else file.read()


def _is_zip(path: Path) -> bool:
    return path.name.lower().endswith(ZIPS)


@contextmanager
def _readable(path: Path, kind: Literal["tar", "zip"]) -> Iterator[None]:
    """Has whatever is wrong with an archive become a `DataError`."""
    try:
        yield
    except _FAULTS as error:
        raise DataError(
            f"{shown(str(path))}: not a {kind}, damaged or truncated ({one_line(error)}); fetch or copy it again"
        ) from error


def _entries(tar: tarfile.TarFile) -> Iterator[tuple[int, tarfile.TarInfo]]:
    """A tar's entries without the list of them that `tarfile` keeps: 200,000 take 200 MB."""
    index = 0
    while (info := tar.next()) is not None:
        yield index, info
        index += 1
        tar.members.clear()  # type: ignore[attr-defined]


def _tar_member(index: int, info: tarfile.TarInfo, latest: dict[str, Member], is_plain: bool) -> Member:
    if info.islnk():
        target = latest.get(info.linkname)
        return Member(index, info.name, 0, "link") if target is None else replace(target, name=info.name)
    kind: Literal["file", "folder", "link", "other"] = "other"
    if info.isfile():
        kind = "file"
    elif info.isdir():
        kind = "folder"
    elif info.issym():
        kind = "link"
    offset = info.offset_data if is_plain and kind == "file" and not info.issparse() else -1
    return Member(index, info.name, info.size, kind, offset)


def _check_end(path: Path, tar: tarfile.TarFile) -> None:
    """`tarfile` takes a damaged header, and the end of the file, for the end of the tar."""
    file = cast("IO[bytes]", tar.fileobj)
    read = file.tell() - tar.offset
    if read < tarfile.BLOCKSIZE:
        raise DataError(
            f"{shown(str(path))}: truncated: it ends without a tar's end mark; fetch or copy it again, or unpack it "
            "and import the folder"
        )
    while block := file.read(1 << 20):
        if block.count(0) != len(block):
            raise DataError(
                f"{shown(str(path))}: damaged after byte {tar.offset:,}, or several tars joined: more follows after "
                "its end; unpack it (tar --ignore-zeros) and import the folder"
            )


def _zip_member(index: int, info: zipfile.ZipInfo) -> Member:
    # Windows' own zips have had backslashes between folders, which the format forbids.
    name = info.filename.replace("\\", "/")
    mode = info.external_attr >> 16
    kind: Literal["file", "folder", "link", "other"] = "file"
    if name.endswith("/"):
        kind = "folder"
    elif stat.S_ISLNK(mode):
        kind = "link"
    return Member(index, name, info.file_size, kind)


def _zip_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | str:
    if info.flag_bits & 1:
        return "encrypted; unpack the zip with its password, and import the folder"
    try:
        with archive.open(info) as file:
            return file.read(LARGEST_FILE + 1)
    except NotImplementedError:
        return f"compressed by a method that is not read here ({info.compress_type}); unpack it, and import the folder"
    except _FAULTS as error:
        return f"damaged in the zip ({one_line(error)})"
