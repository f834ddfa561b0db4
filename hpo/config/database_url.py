"""Database URLs: how they are made of a path, read, and shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_to_bytes

from hpo.secrets import shown_url

if TYPE_CHECKING:  # a wrong YAML file is refused before it is imported, which takes its time
    from sqlalchemy import URL

EXAMPLES = "sqlite:///study.db or postgresql+psycopg://user@host/name"

_SQLITE = ("sqlite", "sqlite+pysqlite")
_URI = "file:"
_SQLITE_KEYS = frozenset({
    "cache", "cached_statements", "check_same_thread", "detect_types", "immutable", "isolation_level", "mode",
    "modeof", "nolock", "psow", "timeout", "uri", "vfs",
})  # fmt: skip
"""What SQLite and its driver take after a question mark; any other belongs to the file's name."""


def sqlite_url(path: Path, **query: str) -> str:
    """The URL of an SQLite file, whatever characters its path has, bytes that are no UTF-8 included.

    Args:
        path: the file, absolute.
        query: SQLite's own settings, such as ``mode="ro"``.
    """
    name = str(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        query["uri"] = "true"
    if query:
        # SQLite decodes what stands here into bytes, whatever they are.
        name, query["uri"] = _URI + quote(os.fsencode(path)), "true"
    from sqlalchemy import URL

    return URL.create("sqlite", database=name, query=query).render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for a database of another kind, or in memory."""
    parsed = parsed_url(url)
    if parsed.drivername not in _SQLITE or not parsed.database or parsed.database == ":memory:":
        return None
    if parsed.database.startswith(_URI):
        path = parsed.database.removeprefix(_URI)
        return Path(os.fsdecode(_unquoted(path))) if path else None
    return Path(parsed.database)


def shown_database(url: str) -> str:
    """The URL as messages show it: no secret, and an SQLite file's path as it is."""
    try:
        file = sqlite_file(url)
    except ValueError:
        file = None
    return shown_url(url) if file is None else f"sqlite:///{file}"


def parsed_url(url: str) -> URL:
    """The URL's parts.

    Raises:
        ValueError: in one line without secrets, if it is not one of SQLAlchemy's.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url)
    except ArgumentError:
        raise ValueError(f"must be a database URL such as {EXAMPLES}; found {shown_url(url)!r}") from None
    except ValueError:  # the port is made a number without asking
        port = "after the host's colon comes a port, which is a number; in a password write %40 for @, %2F for /"
        raise ValueError(f"{port}; found {shown_url(url)!r}") from None


def checked_database_url(url: str, absolute: Callable[[Path], Path]) -> str:
    """A database URL with an absolute path, if it is an SQLite file's, and in SQLAlchemy's own spelling.

    Args:
        url: as somebody wrote it.
        absolute: makes a path absolute.

    Raises:
        ValueError: if it is no database URL, or names no file where there must be one.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _SQLITE:
        if url.startswith("sqlite:") and ":memory:" in url:
            raise ValueError("an SQLite database needs a file: workers do not share memory")
        return parsed_url(url).render_as_string(hide_password=False)
    if not rest.startswith("/"):
        if rest:
            raise ValueError(f"an SQLite URL names no server: three slashes, then the file; found {shown_url(url)!r}")
        raise ValueError("an SQLite database needs a file: workers do not share memory")
    written, query = _split_query(rest[1:])
    if not written or ":memory:" in written or query.get("mode") == "memory":
        raise ValueError("an SQLite database needs a file: workers do not share memory")
    if written.startswith((_URI, "file%3A")) and query.get("uri") == "true":
        path = Path(os.fsdecode(_unquoted(unquote(written).removeprefix(_URI))))
        del query["uri"]
    else:
        path = _as_written_or_decoded(written, absolute)
    return sqlite_url(absolute(path), **query)


def _unquoted(path: str) -> bytes:
    return unquote_to_bytes(os.fsencode(path))


def _split_query(rest: str) -> tuple[str, dict[str, str]]:
    """The path, and what follows its last question mark, if SQLite knows it."""
    path, mark, tail = rest.rpartition("?")
    items = dict(item.partition("=")[::2] for item in tail.split("&"))
    return (path, items) if mark and _SQLITE_KEYS.issuperset(items) else (rest, {})


def _as_written_or_decoded(written: str, absolute: Callable[[Path], Path]) -> Path:
    """People write a folder's name as it is, programs write ``%25`` for ``%``: what exists tells which it was."""
    candidates = [Path(written), Path(unquote(written))]
    for candidate in candidates:
        if os.path.lexists(absolute(candidate)):
            return candidate
    for candidate in candidates:
        if absolute(candidate).parent.is_dir():
            return candidate
    return candidates[1]
