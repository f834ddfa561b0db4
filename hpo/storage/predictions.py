"""Predictions of the final trainings, beside the checkpoints: every figure of the comparison is computed from them."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpo.errors import StorageError
from hpo.storage.files import Files

Split = Literal["valid", "test"]


class PredictionStore:
    """Predictions under ``URL/predictions/CONFIGURATION/SPLIT/``.

    Every method may raise `StoreUnavailableError` once the store has been out of reach for too long.

    Args:
        files: those of the checkpoint store.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    def save(
        self, configuration: str, role: str, seed: int, probabilities: NDArray[np.float32], split: Split = "test"
    ) -> None:
        """Keep the probabilities ``(N,)`` of one run; repeating it replaces the same content."""
        self._write(f"{configuration}/{split}/{role}-{seed}.npz", probabilities=probabilities)

    def load(self, configuration: str, role: str, seed: int, split: Split = "test") -> NDArray[np.float32]:
        """The probabilities, float32 ``(N,)``, of one run.

        Raises:
            StorageError: if they are not there.
        """
        return self._read(f"{configuration}/{split}/{role}-{seed}.npz", "probabilities")["probabilities"]

    def save_truth(
        self,
        configuration: str,
        labels: NDArray[np.uint8],
        slides: NDArray[np.str_] | None,
        split: Split = "test",
    ) -> None:
        """Keep what the predictions are compared with, so that a report needs no data folder.

        Args:
            configuration: whose predictions they are.
            labels: ``(N,)``, 0 or 1.
            slides: ``(N,)``, or None where slides are not known.
            split: whose patches they are.
        """
        known = {} if slides is None else {"slides": slides}
        self._write(f"{configuration}/{split}/truth.npz", labels=labels, **known)

    def load_truth(
        self, configuration: str, split: Split = "test"
    ) -> tuple[NDArray[np.uint8], NDArray[np.str_] | None]:
        """Labels ``(N,)`` and, where known, slides ``(N,)`` of a split's patches.

        Raises:
            StorageError: if they are not there.
        """
        found = self._read(f"{configuration}/{split}/truth.npz", "labels")
        return found["labels"], found.get("slides")

    def _write(self, name: str, **arrays: NDArray[Any]) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        self._files.write(f"predictions/{name}", buffer.getvalue())

    def _read(self, name: str, required: str) -> dict[str, NDArray[Any]]:
        content = self._files.read(f"predictions/{name}")
        if content is None:
            raise self._unusable(name, "missing")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return {required: arrays[required], **arrays}
        except (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise self._unusable(name, f"damaged ({error})") from error

    def _unusable(self, name: str, fault: str) -> StorageError:
        path = f"{self._files.url}/predictions/{name}"
        return StorageError(f"{path}: predictions are {fault}; give the study a new name to test again")
