"""Looking into a store past our own code, and places where writing goes wrong."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem


def files_of(url: str) -> dict[str, bytes]:
    """The content of every file of a store, by its name."""
    files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return {path.removeprefix(root).lstrip("/"): files.cat_file(path) for path in files.find(root)}


def overwrite(url: str, name: str, content: bytes) -> None:
    """Another process's write, at once or half done."""
    files, root = fsspec.core.url_to_fs(url, skip_instance_cache=True)
    files.pipe_file(f"{root}/{name}", content)


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own that is really full once it is full."""
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "disk", place]).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


class FailingWrites:
    """Makes the next writes into folders fail half-way.

    Args:
        monkeypatch: undoes it.
        number: what the operating system says.
        times: how many writes fail; None is all.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = errno.ENOSPC, times: int | None = None) -> None:
        self.failed = 0
        real = LocalFileSystem.pipe_file

        def pipe_file(files: LocalFileSystem, path: str, value: bytes, **options: Any) -> None:
            if times is not None and self.failed >= times:
                real(files, path, value, **options)
                return
            self.failed += 1
            real(files, path, value[: len(value) // 2], **options)
            raise OSError(number, os.strerror(number), path)

        monkeypatch.setattr(LocalFileSystem, "pipe_file", pipe_file)
