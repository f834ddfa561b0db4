"""Files that may really only be read, also where root runs the tests, whom the rights of files do not bind."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are shut to others."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        make_writable(folder)
        shutil.rmtree(folder)


def make_read_only(folder: Path) -> None:
    """Take the right to write away, from the folder and all below."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def make_writable(folder: Path) -> None:
    """Give it back."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def without_override() -> Iterator[None]:
    """A block in which root is bound by the rights of files, as everybody is; others are bound by them already."""
    if os.geteuid() != 0:
        yield
        return
    before = _capabilities()
    _set_capabilities(before & ~_OVERRIDE)
    try:
        yield
    finally:
        _set_capabilities(before)


def lose_override() -> None:
    """Make a process that is about to start its program bound by the rights of files, even if it is root's."""
    if os.geteuid() == 0:
        for number in _OVERRIDING:
            if _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")


_libc = ctypes.CDLL(None, use_errno=True)
_PR_CAPBSET_DROP = 24
_OVERRIDING = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""

_OVERRIDE = sum(1 << number for number in _OVERRIDING)
_VERSION = 0x20080522


def _capabilities() -> int:
    """This thread's effective capabilities, a bit each."""
    status = Path("/proc/thread-self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)


def _set_capabilities(effective: int) -> None:
    status = Path("/proc/thread-self/status").read_text()
    sets = {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}
    words = [
        value & 0xFFFFFFFF if half == 0 else value >> 32
        for half in (0, 1)
        for value in (effective, sets["CapPrm"], sets["CapInh"])
    ]
    header, data = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)(*words)
    if _libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise OSError(ctypes.get_errno(), "capset")
