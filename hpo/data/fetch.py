"""The official PCam files: fetched so that a broken transfer goes on where it was, verified, and decompressed.

Source of sizes and checksums: Zenodo record 2546921 (licence CC0) and TensorFlow Datasets.
"""

from __future__ import annotations

import http.client
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception_type, wait_exponential

from hpo.data.pcam import SPLITS, SplitName, unpack
from hpo.data.progress import Progress, silent
from hpo.errors import DataError
from hpo.secrets import secrets_of, shown_url, without_secrets

BASE_URL = "https://zenodo.org/record/2546921/files"
BLOCK = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class RemoteFile:
    """A gzipped file to fetch.

    Args:
        name: with ``.gz``.
        size: bytes, compressed.
        raw_size: bytes, decompressed, at least.
        sha256: of the compressed file.
        split: that it belongs to.
    """

    name: str
    size: int
    raw_size: int
    sha256: str
    split: SplitName


def _official(split: SplitName, part: str, size: int, raw_size: int, sha256: str) -> RemoteFile:
    return RemoteFile(f"camelyonpatch_level_2_split_{split}_{part}.h5.gz", size, raw_size, sha256, split)


PCAM_FILES = (
    _official("train", "x", 6421353462, 7247757312, "d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c"),
    _official("train", "y", 21378, 262144, "b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a"),
    _official("valid", "x", 805965320, 905969664, "f82ee1670d027b4ec388048d9eabc2186b77c009655dae76d624c0ecb053ccb2"),
    _official("valid", "y", 3038, 32768, "ce1ae30f08feb468447971cfd0472e7becd0ad96d877c64120c72571439ae48c"),
    _official("test", "x", 800875929, 905969664, "79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245"),
    _official("test", "y", 3040, 32768, "0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef"),
)


FIRST_ATTEMPTS = 3
"""Attempts at a server that has never answered: its address is more likely wrong than its line bad."""


class TransferError(Exception):
    """A transfer that broke off and may be resumed."""


def fetch_pcam(
    folder: Path,
    *,
    base_url: str = BASE_URL,
    files: Sequence[RemoteFile] = PCAM_FILES,
    splits: Sequence[SplitName] = SPLITS,
    attempts: int = 8,
    longest_wait: float = 60.0,
    progress: Progress = silent,
) -> int:
    """Fetches, verifies and decompresses PCam's files; decompressed ones that exist already stay as they are.

    A broken transfer stays as ``NAME.part`` and is continued by the next attempt, or by the next call.

    Args:
        folder: where to.
        base_url: where from; the files' names are appended.
        files: what there is.
        splits: which of it to fetch.
        attempts: how often a transfer is tried; at most `FIRST_ATTEMPTS` before the server has answered once.
        longest_wait: between two attempts, seconds; the first waits are shorter.
        progress: takes the bytes fetched and decompressed of each file.

    Returns:
        How many files existed already, which are not verified.

    Raises:
        DataError: if a file that exists already is too short to be PCam's, the disk is too small, the server cannot be
            reached, or a checksum differs.
    """
    import pooch

    shown = shown_url(base_url)
    if not base_url.startswith(("http://", "https://")) or not _has_a_host(base_url):
        raise DataError(f"{shown}: not a web address; it must be like https://host or http://host:8080/folder")
    pooch.get_logger().setLevel("WARNING")
    asked = [file for file in files if file.split in splits]
    wanted = [file for file in asked if not _is_there(folder, file)]
    _check_space(folder, wanted)
    store = pooch.create(
        path=folder,
        base_url=f"{base_url.rstrip('/')}/",
        registry={file.name: f"sha256:{file.sha256}" for file in wanted},
    )
    for file in wanted:
        part = folder / f"{file.name}.part"
        try:
            store.fetch(file.name, downloader=_downloader(part, file.size, attempts, longest_wait, progress))
        except ValueError as error:  # how pooch says that the checksum differs
            part.unlink(missing_ok=True)
            raise DataError(f"{shown}/{file.name}: the checksum differs ({error}); fetch again") from error
        except (TransferError, OSError) as error:
            reason = without_secrets(str(error), secrets_of(base_url))
            raise DataError(
                f"{shown}/{file.name}: {reason}; what has been fetched is kept, the same command continues"
            ) from error
    for file in wanted:
        unpack(_raw(folder, file), progress)
    return len(asked) - len(wanted)


def _is_there(folder: Path, file: RemoteFile) -> bool:
    path = _raw(folder, file)
    if not path.exists():
        return False
    size = path.stat().st_size
    if size < file.raw_size:
        raise DataError(
            f"{path}: exists already and is not PCam's, with {size:,} bytes instead of {file.raw_size:,} or more; "
            "remove it, or fetch into another folder"
        )
    return True


def _has_a_host(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0) and url.isprintable() and " " not in url
    except ValueError:  # of a port that is no number, a bracket that is not closed
        return False


def _raw(folder: Path, file: RemoteFile) -> Path:
    return folder / file.name.removesuffix(".gz")


def _check_space(folder: Path, wanted: Sequence[RemoteFile]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error}") from error
    need = sum(file.raw_size for file in wanted)
    for file in wanted:
        there = [path.stat().st_size for path in (folder / file.name, folder / f"{file.name}.part") if path.exists()]
        need += max(0, file.size - max(there, default=0))
    free = shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"{folder}: {need / 1e9:.1f} GB are needed (compressed and decompressed), {free / 1e9:.1f} GB are free; "
            "choose another folder or fewer splits"
        )


def _downloader(
    part: Path, size: int, attempts: int, longest_wait: float, progress: Progress
) -> Callable[[str, str, Any], None]:
    """A downloader for pooch that resumes; pooch itself would start from the first byte each time."""

    def download(url: str, output: str, _pooch: Any) -> None:
        retrying = Retrying(
            retry=retry_if_exception_type((TransferError, ConnectionError, TimeoutError, http.client.HTTPException)),
            stop=lambda state: state.attempt_number >= (attempts if part.exists() else min(attempts, FIRST_ATTEMPTS)),
            wait=wait_exponential(multiplier=min(1.0, longest_wait), max=longest_wait),
            reraise=True,
        )
        retrying(_transfer, url, part, size, progress)
        part.replace(output)

    return download


def _transfer(url: str, part: Path, size: int, progress: Progress) -> None:
    """Fetches what is missing of the file, by a Range request; from the first byte if the server knows no ranges.

    Raises:
        TransferError: if it broke off; what came is in ``part``.
        OSError: if the server refuses.
    """
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310  checked
    try:
        with urllib.request.urlopen(request, timeout=60) as answer, part.open("ab") as file:  # noqa: S310
            if have and answer.status != http.client.PARTIAL_CONTENT:
                file.truncate(0)
                have = 0
            while block := answer.read(BLOCK):
                file.write(block)
                have += len(block)
                progress(f"fetching {part.name.removesuffix('.part')}", have, size)
    except urllib.error.HTTPError as error:
        if error.code == http.client.TOO_MANY_REQUESTS or error.code >= http.client.INTERNAL_SERVER_ERROR:
            raise TransferError(f"the server answered {error.code} {error.reason}") from error
        raise
    except urllib.error.URLError as error:
        raise TransferError(f"the server cannot be reached ({error.reason})") from error
    if have != size:
        raise TransferError(f"the transfer ended after {have:,} of {size:,} bytes")
