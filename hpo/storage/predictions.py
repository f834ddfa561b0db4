"""Predictions of the final trainings, beside the checkpoints: every figure of the comparison is computed from them.

Each is a NumPy file, ``.npz``, with the SHA-256 of its address and content in the archive's comment, so that a damaged
one, or one of another run, is found out before anything in it is read.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import tokenize
import zipfile
import zlib
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.errors import StorageError
from hpo.plain import in_a_line
from hpo.storage.files import Files

Split = Literal["valid", "test"]

_MARK, _DIGITS = b"sha256:", 64

_MOST_BYTES = 400_000_000
"""Of the arrays of a file without a digest, which may be anything."""

_FAULTS = (
    OSError, EOFError, KeyError, ValueError, RuntimeError, MemoryError, OverflowError, TypeError, SyntaxError,
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError,
)  # fmt: skip
"""What reading an archive that is none, or an array that is none, ends with."""


class _Found(NamedTuple):
    arrays: dict[str, NDArray[Any]]
    has_digest: bool


class _Truth(NamedTuple):
    patches: int
    has_digest: bool


class PredictionStore:
    """Predictions under ``URL/predictions/CONFIGURATION/SPLIT/``.

    Every method may raise `StoreUnavailableError` once the store has been out of reach for too long.

    Args:
        files: those of the checkpoint store.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._truths: dict[tuple[str, Split], _Truth] = {}

    def save(
        self, configuration: str, role: str, seed: int, probabilities: NDArray[np.float32], split: Split = "test"
    ) -> None:
        """Store the probabilities of one run, ``(N,)`` of label 1 or ``(N, K)`` of each class; safe to repeat."""
        self._write(f"{configuration}/{split}/{role}-{seed}.npz", probabilities=probabilities)

    def load(self, configuration: str, role: str, seed: int, split: Split = "test") -> NDArray[np.float32]:
        """The probabilities of one run, float32 ``(N,)`` of label 1 or ``(N, K)`` of each of more than two classes.

        Raises:
            StorageError: if they are not there, damaged, of another run, or not as many as the truth's labels.
        """
        name = f"{configuration}/{split}/{role}-{seed}.npz"
        found = self._read(name, "probabilities")
        probabilities = found.arrays["probabilities"]
        if probabilities.dtype != np.float32 or not (probabilities.ndim == 1 or _is_of_classes(probabilities)):
            raise self._unusable(name, f"not float32 (N,) but {probabilities.dtype} {probabilities.shape}")
        if not bool(np.all((probabilities >= 0) & (probabilities <= 1))):  # nan is neither
            raise self._unusable(name, "not all from 0 to 1")
        truth = self._truth_of(configuration, split)
        if truth is not None and len(probabilities) != truth.patches:
            fault = f"for {len(probabilities)} patches, and {truth.patches} are in truth.npz beside them"
            raise self._unusable(name, fault)
        if truth is not None and truth.has_digest and not found.has_digest:
            raise self._unusable(name, "without the digest that truth.npz beside them has: another program wrote them")
        return probabilities

    def save_truth(
        self,
        configuration: str,
        labels: NDArray[np.uint8],
        slides: NDArray[np.str_] | None,
        split: Split = "test",
    ) -> None:
        """Store labels and slides, so that a report needs no data folder.

        Args:
            configuration: whose predictions they are.
            labels: ``(N,)``, numbers of classes.
            slides: ``(N,)``, or None where slides are not known.
            split: whose patches they are.
        """
        known = {} if slides is None else {"slides": slides}
        self._truths.pop((configuration, split), None)
        self._write(_truth_name(configuration, split), labels=labels, **known)

    def load_truth(
        self, configuration: str, split: Split = "test"
    ) -> tuple[NDArray[np.uint8], NDArray[np.str_] | None]:
        """Labels ``(N,)`` and, where known, slides ``(N,)`` of a split's patches.

        Raises:
            StorageError: if they are not there, or damaged.
        """
        name = _truth_name(configuration, split)
        arrays = self._read(name, "labels").arrays
        labels, slides = arrays["labels"], arrays.get("slides")
        if labels.dtype != np.uint8 or labels.ndim != 1:
            raise self._unusable(name, f"without labels uint8 (N,): found {labels.dtype} {labels.shape}")
        if slides is not None and (slides.dtype.kind != "U" or slides.shape != labels.shape):
            fault = f"without a slide's name for each label: found {slides.dtype} {slides.shape} for {labels.shape}"
            raise self._unusable(name, fault)
        return labels, slides

    def keeps_valid(self, configuration: str) -> bool:
        """Whether validation predictions belong there: early versions kept those of the test split only."""
        folders = [self._files.names(f"predictions/{configuration}/{split}") for split in ("valid", "test")]
        return bool(folders[0]) or not folders[1]

    def upgrade(self) -> int:
        """Move what an early version kept beside the splits' folders into that of the test split; safe to repeat.

        Returns:
            How many files were moved.
        """
        moved = 0
        for configuration in self._files.names("predictions"):
            for name in self._files.names(f"predictions/{configuration}"):
                content = self._files.read(f"predictions/{configuration}/{name}") if name.endswith(".npz") else None
                if content is not None:
                    self._files.write(f"predictions/{configuration}/test/{name}", content)
                    self._files.remove(f"predictions/{configuration}/{name}")
                    moved += 1
        return moved

    def _truth_of(self, configuration: str, split: Split) -> _Truth | None:
        """What a split's predictions are checked against; None if there is no truth."""
        key = configuration, split
        if key not in self._truths:
            name = _truth_name(configuration, split)
            if self._files.read(f"predictions/{name}") is None:
                return None
            found = self._read(name, "labels")
            self._truths[key] = _Truth(found.arrays["labels"].size, found.has_digest)
        return self._truths[key]

    def _write(self, name: str, **arrays: NDArray[Any]) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        self._files.write(f"predictions/{name}", _with_digest(name, buffer.getvalue()))

    def _read(self, name: str, required: str) -> _Found:
        content = self._files.read(f"predictions/{name}")
        if content is None:
            if not self._files.names(""):
                raise StorageError(
                    f"checkpoint store {self._files.url} does not exist, or nothing is in it; correct `checkpoints` in "
                    "the study file, or HPO_CHECKPOINTS; if it is gone for good, hpo run makes predictions again"
                )
            raise self._unusable(name, "missing")
        digest = _digest_in(content)
        if digest is not None and digest != _digest(name, content[: -len(_MARK) - _DIGITS - 2]):
            raise self._unusable(name, "damaged, or of another run (their digest is another)")
        try:
            if digest is None:
                _check_sizes(content)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return _Found({required: arrays[required], **arrays}, digest is not None)
        except _FAULTS as error:
            raise self._unusable(name, f"damaged ({in_a_line(error, 200) or type(error).__name__})") from error

    def _unusable(self, name: str, fault: str) -> StorageError:
        path = f"{self._files.url}/predictions/{name}"
        return StorageError(
            f"{path}: predictions are {fault}; hpo run makes them again; if the store is another, correct "
            "`checkpoints` or HPO_CHECKPOINTS"
        )


def _is_of_classes(probabilities: NDArray[Any]) -> bool:
    return probabilities.ndim == 2 and probabilities.shape[1] > 2


def _truth_name(configuration: str, split: Split) -> str:
    return f"{configuration}/{split}/truth.npz"


def _digest(name: str, archive: bytes) -> str:
    """Of an archive without the length of its comment, at its address."""
    return hashlib.sha256(name.encode() + b"\n" + archive).hexdigest()


def _with_digest(name: str, archive: bytes) -> bytes:
    """An archive with a comment; its last two bytes are the length of none."""
    comment = _MARK + _digest(name, archive[:-2]).encode()
    return archive[:-2] + struct.pack("<H", len(comment)) + comment


def _digest_in(content: bytes) -> str | None:
    """The digest in an archive's comment; None of a file that an earlier version wrote."""
    start = len(content) - len(_MARK) - _DIGITS
    found = content[max(0, start - 2) :]
    length = struct.pack("<H", len(_MARK) + _DIGITS)
    return found[-_DIGITS:].decode("latin-1") if found.startswith(length + _MARK) else None


def _check_sizes(content: bytes) -> None:
    """Refuse arrays larger than any predictions before memory is allocated for them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
            raise ValueError("larger than predictions can be")
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
                if math.prod(shape) * dtype.itemsize > member.file_size:
                    raise ValueError(f"{member.filename} is shorter than it says")
