"""Guards of files and folders: a report replaces only what an earlier report wrote."""

from __future__ import annotations

import re
from pathlib import Path

from hpo.errors import HpoError

GENERATOR = '<meta name="generator" content="hpo">'
"""In the head of every page of ours."""

FOOTER = "Made by hpo. This page is one file and opens without a network."
"""In every page of ours. Those of earlier versions are known by it, so that it cannot change."""

_HEAD = 4096
"""Bytes that hold a page's head as far as it matters here."""

_FIGURE = re.compile(r"\.?[0-9]{2,}-[a-z][a-z_]*(-[^/]*)?\.(csv|png|svg)")
"""Names of the files that `write_figures` writes."""


def check_page(path: Path, named: str) -> None:
    """Refuse to write a page over a file that is no page of ours.

    Args:
        path: where the page is to go; a file that is not there, or empty, may be written.
        named: the option that names it, for the message.

    Raises:
        HpoError: if it is a folder, no regular file, or holds something else.
    """
    if path.is_dir() or not path.name:
        raise HpoError(f"{named} {path} is a folder; name an HTML file in it, such as {path / 'report.html'}")
    if not path.exists():
        return
    if not path.is_file():
        raise HpoError(f"{named} {path} is not a regular file; name an HTML file to write")
    if path.stat().st_size and not _is_page(path):
        raise HpoError(f"{named} {path} already exists and is not a report of hpo; name another file")


def check_figures(folder: Path, named: str) -> None:
    """Refuse to write figures into a folder with files that are no figures of ours.

    Args:
        folder: may be missing or empty.
        named: the option that names it, for the message.

    Raises:
        HpoError: if it is a file, or holds something else.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise HpoError(f"{named} {folder} is a file; name a folder")
    strangers = sorted(path.name for path in folder.iterdir() if not (_FIGURE.fullmatch(path.name) and path.is_file()))
    if strangers:
        raise HpoError(
            f"{named} {folder} holds {strangers[0]}, which no report wrote; name a folder that is new or empty, or "
            "of an earlier report's figures"
        )


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head.startswith(b"<!DOCTYPE html>"):
            return False
        return GENERATOR.encode() in head or FOOTER.encode() in head + file.read()
