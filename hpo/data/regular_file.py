"""Files and folders that a user names: what is wrong with one, by its kind, its permissions and its first bytes."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from hpo.errors import DataError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_ERRORS = {
    errno.ENOENT: "no such file",
    errno.ENOTDIR: "no such file",
    errno.EACCES: "permission denied; let this user read the file, and enter the folders above it",
    errno.EPERM: "permission denied; let this user read the file, and enter the folders above it",
    errno.ELOOP: "is a link that leads back to itself; replace it by the file",
    errno.ENAMETOOLONG: "the name is too long for this file system",
    errno.EAGAIN: "locked by another process; wait until that has finished writing, or end it",
    errno.ENOLCK: "cannot be locked on this file system; set HDF5_USE_FILE_LOCKING=FALSE",
    errno.EIO: "the disk cannot read it (input/output error); copy the file from elsewhere",
    errno.ESTALE: "the shared folder has changed under this process (stale handle); try again",
    errno.ENOMEM: "not enough memory to read it",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
}
_BEGINNINGS = (
    (b"\x1f\x8b", "gzip-compressed; add .gz to its name"),
    (b"PK\x03\x04", "a zip archive, such as NumPy's .npz; unpack it first"),
    (b"BZh", "bzip2-compressed; decompress it first"),
    (b"\xfd7zXZ", "xz-compressed; decompress it first"),
    (b"(\xb5/\xfd", "zstd-compressed; decompress it first"),
    (b"\x93NUMPY", "a NumPy file; write it as HDF5 with h5py"),
    (b"MATLAB 5.0", "a MATLAB 5 file; save it with -v7.3, which is HDF5"),
    (b"\x0e\x03\x13\x01", "HDF4; convert it with h4toh5"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file with: git lfs pull"),
    (b"%PDF", "a PDF"),
)


def readable_folder(folder: Path) -> None:
    """Check that a folder of data exists and that this user may list and enter it.

    Raises:
        DataError: if not.
    """
    try:
        is_there = stat.S_ISDIR(folder.stat().st_mode)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR) or folder.is_symlink():
            raise os_error(folder, error) from error
        is_there = False
    if not is_there:
        raise DataError(f"{folder}: no such folder; `hpo data sample`, `import` or `fetch` makes one")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise os_error(folder, PermissionError(errno.EACCES, "Permission denied"))


def regular_file(path: Path) -> os.stat_result:
    """The status of a regular file that may be read.

    Raises:
        DataError: if there is none, or it is a folder, pipe or device (which opening could wait on for ever).
    """
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            return status
    except OSError as error:
        raise os_error(path, error) from error
    except ValueError as error:  # a NUL in the name
        raise DataError(f"{str(path)!r}: no such file ({error})") from error
    kind = next((words for test, words in _KINDS if test(status.st_mode)), "not a regular file")
    raise DataError(f"{path}: is {kind}; a file was expected")


def os_error(path: Path, error: OSError) -> DataError:
    """The meaning of an operating system's error for a file that was to be read."""
    if error.errno == errno.ENOENT and path.is_symlink():
        return DataError(f"{path}: is a link to {path.readlink()}, which does not exist")
    words = _ERRORS.get(error.errno or 0, error.strerror or str(error).splitlines()[0])
    return DataError(f"{path}: {words}")


def begins_with(beginning: bytes) -> str:
    """The likely kind of a file that is not what it should be, by its first bytes."""
    for magic, words in _BEGINNINGS:
        if beginning.startswith(magic):
            return words
    text = beginning.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return f"a page that a server sent in place of the file, {_shown(beginning)}; fetch it again"
    if beginning and not any(beginning):
        return "it begins with zeros, as an interrupted copy does; fetch or copy it again"
    return f"it begins with {_shown(beginning)}: damaged, or another kind of file; fetch or copy it again"


def _shown(beginning: bytes) -> str:
    return repr(beginning[:16])[1:]
