"""Looks for image files in a folder, in the archives that it holds, or in one archive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hpo.data.images.archives import UNREAD, Member, bare_name, is_archive, is_readable, list_members
from hpo.data.images.found import Found, LeftOut, shown
from hpo.errors import DataError

IMAGES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".jp2", ".j2k", ".jpx", ".jpf")
SYSTEM = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information")
HIDDEN = "hidden or system files"
LINK = "links, which are not followed; --follow-links takes what they point to"
AGAIN = "folders that links lead to a second time"
INSIDE = "archives inside an archive, which are not opened; unpack the outer one"
ARCHIVE = "archives of a kind that is not read here; unpack them"
SUFFIX = "files with another suffix than an image's"
NOT_REGULAR = "not regular files"
REPEATED = "members that a later one of the same name in the archive replaces"


@dataclass
class Search:
    """Everything that was found.

    Attributes:
        source: the folder or archive that was pointed at.
        images: image files.
        left_out: other files.
        tables: CSV files, which may have labels.
        empty: folders without any entry.
        unreadable: files and folders that the system does not let us read, one line each.
        files: how many there are, members of archives among them.
    """

    source: Path
    images: list[Found] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)
    tables: list[Path] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    files: int = 0


def search(source: Path, *, spare: Path | None = None, follow_links: bool = False) -> Search:
    """Every image file below a folder or in an archive, and an account of all other files.

    Args:
        source: a folder or an archive.
        spare: a folder that is not looked into: where the data set goes.
        follow_links: whether links to files and folders are followed.

    Raises:
        DataError: if there is no such file or folder, or an archive is damaged.
    """
    found = Search(source)
    if source.is_dir():
        _search_folder(found, source, (), spare, {os.path.realpath(source)} if follow_links else None)
    elif source.is_file():
        if not is_readable(source.name):
            advice = "unpack it first" if is_archive(source.name) else "point at a folder, a tar or a zip"
            raise DataError(f"{shown(str(source))}: neither a folder nor a tar or zip; {advice}")
        _search_archive(found, source, ())
    elif source.exists():
        raise DataError(f"{shown(str(source))}: neither a folder nor a regular file")
    else:
        raise DataError(f"{shown(str(source))}: no such file or folder")
    found.files = len(found.images) + found.left_out.total + len(found.unreadable)
    return found


def is_hidden(name: str) -> bool:
    """Whether a system, not a user, puts files of that name into folders."""
    return name.startswith((".", "@")) or name.lower() in SYSTEM


def _search_folder(
    found: Search, folder: Path, outer: tuple[str, ...], spare: Path | None, seen: set[str] | None
) -> None:
    """Walks a folder, however deep; ``seen`` are the real paths already walked where links are followed."""
    waiting = [(folder, outer)]
    while waiting:
        folder, outer = waiting.pop()
        entries = _entries(found, folder)
        if not entries:
            found.empty.append("/".join(outer))
        inner = []
        for entry in entries:
            path = folder / entry.name
            if is_hidden(entry.name):
                _count_hidden(found, entry)
            elif entry.is_symlink() and seen is None:
                found.left_out.add(LINK, shown(str(path)))
            else:
                try:
                    inner += _look_at(found, path, entry, outer, spare, seen)
                except OSError as error:  # a link that leads to itself
                    found.unreadable.append(f"{shown(str(path))}: cannot be read: {error.strerror or error}")
        waiting += reversed(inner)


def _entries(found: Search, folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        found.unreadable.append(f"{shown(str(folder))}: the folder cannot be read: {error.strerror or error}")
        return []


def _look_at(
    found: Search,
    path: Path,
    entry: os.DirEntry[str],
    outer: tuple[str, ...],
    spare: Path | None,
    seen: set[str] | None,
) -> list[tuple[Path, tuple[str, ...]]]:
    """Takes a file, or returns the folder that is to be walked."""
    follow = seen is not None
    if entry.is_dir(follow_symlinks=follow):
        return [(path, (*outer, entry.name))] if _is_new(found, path, spare, seen) else []
    if entry.is_file(follow_symlinks=follow):
        _take_file(found, path, entry, outer)
    else:
        found.left_out.add(NOT_REGULAR, shown(str(path)))
    return []


def _is_new(found: Search, path: Path, spare: Path | None, seen: set[str] | None) -> bool:
    if spare is not None and path.absolute() == spare.absolute():
        return False
    if seen is None:
        return True
    real = os.path.realpath(path)
    if real in seen:
        found.left_out.add(AGAIN, shown(str(path)))
        return False
    seen.add(real)
    return True


def _count_hidden(found: Search, entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        for parent, _, names in os.walk(entry.path):
            for name in names:
                found.left_out.add(HIDDEN, shown(str(Path(parent, name))))
    else:
        found.left_out.add(HIDDEN, shown(entry.path))


def _take_file(found: Search, path: Path, entry: os.DirEntry[str], outer: tuple[str, ...]) -> None:
    name = entry.name
    if is_readable(name):
        _search_archive(found, path, outer)
    elif name.lower().endswith(UNREAD):
        found.left_out.add(ARCHIVE, shown(str(path)))
    elif name.lower().endswith(IMAGES):
        found.images.append(Found(path, "", (*outer, name), entry.stat().st_size))
    else:
        if name.lower().endswith(".csv"):
            found.tables.append(path)
        found.left_out.add(SUFFIX, shown(str(path)), path.suffix.lower() or "none")


def _search_archive(found: Search, path: Path, outer: tuple[str, ...]) -> None:
    pointed_at = path == found.source
    stem = bare_name(path.name)
    before = () if pointed_at else (*outer, stem)
    at = -1 if pointed_at else len(outer)
    taken: dict[str, Found] = {}
    for place, member, parts in _members(path):
        if any(is_hidden(part) for part in parts):
            found.left_out.add(HIDDEN, place)
        elif member.kind == "link":
            found.left_out.add(LINK.partition(";")[0], place)
        elif member.kind == "other":
            found.left_out.add(NOT_REGULAR, place)
        elif is_archive(parts[-1]):
            found.left_out.add(INSIDE, place)
        elif not parts[-1].lower().endswith(IMAGES):
            found.left_out.add(SUFFIX, place, Path(parts[-1]).suffix.lower() or "none")
        else:
            key = "/".join(parts)
            if key in taken:
                found.left_out.add(REPEATED, place)
                del taken[key]
            taken[key] = Found(path, member.name, (*before, *parts), member.size, member.index, member.offset, stem, at)
    found.images += taken.values()


def _members(path: Path) -> Iterator[tuple[str, Member, tuple[str, ...]]]:
    """An archive's entries but its folders, each with its place fit to print and its path without ``.`` and ``..``."""
    for member in list_members(path):
        parts = tuple(part for part in member.name.split("/") if part not in ("", ".", ".."))
        if member.kind != "folder" and parts:
            yield shown(f"{path}: {member.name}"), member, parts
