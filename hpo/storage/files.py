"""Files in a folder or on anything that fsspec reaches: written whole or not at all, with retries."""

from __future__ import annotations

import errno
import stat
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TypeVar

import fsspec

from hpo.errors import StorageError, StoreUnavailableError
from hpo.file_faults import file_fault
from hpo.secrets import secrets_of, shown_url, without_secrets
from hpo.storage.patience import patiently

PATIENCE_SECONDS = 300.0
"""How long a store that is away, or a disk that is full, is waited for."""

Result = TypeVar("Result")

_PUT_WHOLE = frozenset({"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"})
"""Protocols whose files appear at once and whole; elsewhere a write can be seen half done, so it gets another name."""

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
"""Which package fsspec needs for a protocol."""

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))

_OWN_ADVICE = (errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE, getattr(errno, "ESTALE", errno.EMFILE))
"""What of a folder's errors is mended otherwise than a store that is away."""

_PASSING_NAMES = (
    "EAGAIN EBUSY EDQUOT EINTR EIO EMFILE ENFILE ENOLCK ENOSPC EREMOTEIO ESTALE ECONNABORTED ECONNREFUSED ECONNRESET "
    "EHOSTDOWN EHOSTUNREACH ENETDOWN ENETRESET ENETUNREACH ENOTCONN EPIPE ESHUTDOWN ETIMEDOUT"
)
_PASSING_NUMBERS = frozenset(getattr(errno, name) for name in _PASSING_NAMES.split() if hasattr(errno, name))
"""s3fs gives EBUSY, EIO and EREMOTEIO to what S3 answers with 429, 5xx and "slow down"."""

_PASSING_CLASSES = frozenset({
    "aiohttp.client_exceptions.ClientError",
    "botocore.exceptions.ConnectionError",
    "botocore.exceptions.HTTPClientError",
    "botocore.parsers.ResponseParserError",
    "google.auth.exceptions.TransportError",
    "requests.exceptions.ConnectionError",
    "requests.exceptions.Timeout",
})  # fmt: skip
"""What reaches us untranslated while S3 or GCS is away; by name, because their packages are optional."""


class Files:
    """The files under a URL; names are relative to it, with ``/`` between folders. May be used by several threads.

    Attributes:
        url: as messages may show it, secrets masked.

    Args:
        url: an fsspec URL or a folder; a folder is made when first written to, a bucket has to be there.
        patience_seconds: how long to try again while what goes wrong may pass.
        hurry: once set, nothing is tried again.

    Raises:
        StorageError: if fsspec does not know the URL's protocol, or lacks the package for it.
    """

    def __init__(self, url: str | Path, patience_seconds: float = PATIENCE_SECONDS, hurry: Event | None = None) -> None:
        self._url, self._secrets = str(url), secrets_of(url)
        self.url = shown_url(url)
        self._patience_seconds, self._hurry = patience_seconds, hurry
        try:
            # Other processes write here too: a remembered listing would be wrong.
            self._fs, root = fsspec.core.url_to_fs(self._url, use_listings_cache=False)
        except ImportError as error:
            package = _PACKAGES.get(self._url.partition(":")[0])
            advice = f"its package is missing; pip install {package}" if package else self._says(error)
            raise StorageError(f"checkpoint store {self.url}: {advice}") from error
        except Exception as error:  # file systems are other people's: they raise what they like
            raise StorageError(f"checkpoint store {self.url}: {self._says(error)}; {_advice(error)}") from error
        self._root = root.rstrip("/")
        protocols = (self._fs.protocol,) if isinstance(self._fs.protocol, str) else self._fs.protocol
        self._is_local = "file" in protocols
        self._is_put_whole = not _PUT_WHOLE.isdisjoint(protocols)

    def write(self, name: str, content: bytes) -> None:
        """Create or replace a file, whole or not at all.

        Raises:
            StoreUnavailableError: if it cannot be written.
        """
        try:
            self._patiently("write", lambda: self._write(self._path(name), content))
        except FileNotFoundError as error:
            raise self._unavailable("write", error) from error

    def read(self, name: str) -> bytes | None:
        """A file's content; None if there is no regular file. A pipe or device would never end.

        Raises:
            StoreUnavailableError: if that cannot be said.
        """
        try:
            content: bytes | None = self._patiently("read", lambda: self._read(self._path(name)))
        except FileNotFoundError:
            return None
        return content

    def names(self, folder: str) -> list[str]:
        """The names in a folder; empty if there is no such folder.

        Raises:
            StoreUnavailableError: if that cannot be said.
        """
        try:
            paths: list[str] = self._patiently("list", lambda: self._fs.ls(self._path(folder), detail=False))
        except FileNotFoundError:
            return []
        return [path.rpartition("/")[2] for path in paths]

    def age_seconds(self, name: str) -> float:
        """Seconds since a file was written; 0 if it does not exist.

        Raises:
            StoreUnavailableError: if that cannot be said.
        """
        try:
            modified: datetime = self._patiently("read", lambda: self._fs.modified(self._path(name)))
        except FileNotFoundError:
            return 0.0
        return (datetime.now(UTC) - modified).total_seconds()

    def remove(self, name: str) -> bool:
        """Remove a file.

        Returns:
            False if somebody else was quicker, where the file system tells.

        Raises:
            StoreUnavailableError: if it cannot be removed.
        """
        try:
            self._patiently("remove", lambda: self._fs.rm_file(self._path(name)))
        except FileNotFoundError:
            return False
        return True

    def remove_empty(self, folder: str) -> None:
        """Remove a folder if it is empty; object stores have no folders."""
        if not self._is_put_whole:
            with suppress(OSError):  # it is not empty, or gone already
                self._fs.rmdir(self._path(folder))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _read(self, path: str) -> bytes | None:
        if self._is_local and not stat.S_ISREG(Path(path).stat().st_mode):
            return None
        content: bytes = self._fs.cat_file(path)
        return content

    def _write(self, path: str, content: bytes) -> None:
        if self._is_put_whole:
            self._fs.pipe_file(path, content)
            return
        folder = path.rpartition("/")[0]
        temporary = f"{folder}/{uuid.uuid4().hex}.part"
        try:
            self._fs.makedirs(folder, exist_ok=True)
            self._fs.pipe_file(temporary, content)
            self._fs.mv(temporary, path)
        except BaseException:  # KeyboardInterrupt too
            with suppress(Exception):
                self._fs.rm_file(temporary)
            raise

    def _patiently(self, verb: str, work: Callable[[], Result]) -> Result:
        def may_pass(error: BaseException) -> bool:
            # Where there are folders, another process may remove an empty one just before we write into it.
            removed = verb == "write" and not self._is_put_whole and isinstance(error, FileNotFoundError)
            return removed or is_passing(error)

        try:
            return patiently(may_pass, self._patience_seconds, f"checkpoint store {self.url}", self._hurry)(work)
        except FileNotFoundError as error:
            if _is_bucket_missing(error):
                raise self._unavailable(verb, error) from error
            raise
        except Exception as error:  # file systems are other people's: they raise what they like
            raise self._unavailable(verb, error) from error

    def _says(self, error: Exception) -> str:
        reason = str(getattr(error, "strerror", None) or error).strip().partition("\n")[0] or type(error).__name__
        is_sentence = reason[1:2].islower() or reason[1:2] == " "  # and no name such as SFTPFileSystem
        return without_secrets(reason[:1].lower() + reason[1:] if is_sentence else reason, self._secrets)

    def _unavailable(self, verb: str, error: Exception) -> StoreUnavailableError:
        reason = self._says(error)
        text = f"checkpoint store {self.url}: cannot {verb}: {reason}; {_advice(error)}"
        return StoreUnavailableError(text, is_passing=is_passing(error))


def is_passing(error: BaseException) -> bool:
    """Whether the same file operation may succeed later."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in _PASSING_NUMBERS:
        return True
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if "gcsfs.retry.HttpError" in names:
        code = int(getattr(error, "code", None) or 0)
        return code in (408, 429) or code >= 500
    return not names.isdisjoint(_PASSING_CLASSES)


def _is_bucket_missing(error: FileNotFoundError) -> bool:
    response = getattr(error.__cause__, "response", None) or {}
    return bool(response.get("Error", {}).get("Code") == "NoSuchBucket")


def _advice(error: Exception) -> str:
    if getattr(error, "errno", None) in _FULL:
        return "free some and run the same command again: every finished epoch is kept"
    if isinstance(error, OSError) and error.errno in _OWN_ADVICE:
        return file_fault(error).partition("; ")[2]
    if is_passing(error):
        return "run the same command again once it is back: every finished epoch is kept"
    if isinstance(error, FileNotFoundError):
        return "make the bucket first, or correct `checkpoints` in the study file, or HPO_CHECKPOINTS"
    if type(error).__module__ == "botocore.exceptions" and "Credentials" in type(error).__name__:
        return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, PermissionError):
        return "get the right to read and write there, or correct `checkpoints` in the study file, or HPO_CHECKPOINTS"
    return "correct `checkpoints` in the study file, or HPO_CHECKPOINTS"
