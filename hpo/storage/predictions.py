"""Test predictions, stored beside the checkpoints, from which every figure of the comparison is computed."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from hpo.errors import StorageError


@dataclass(frozen=True)
class PredictionStore:
    """Predictions under ``URL/predictions/``.

    Args:
        url: of the checkpoint store: a folder or an fsspec URL.
    """

    url: str

    def save(self, configuration: str, role: str, seed: int, probabilities: NDArray[np.float32]) -> None:
        """Keep the probabilities ``(N,)`` of one run; repeating it replaces the same content."""
        self._write(f"{configuration}/{role}-{seed}.npz", probabilities=probabilities)

    def load(self, configuration: str, role: str, seed: int) -> NDArray[np.float32]:
        """The probabilities, float32 ``(N,)``, of one run.

        Raises:
            StorageError: if they are not there.
        """
        return self._read(f"{configuration}/{role}-{seed}.npz", "probabilities")["probabilities"]

    def save_truth(self, configuration: str, labels: NDArray[np.uint8], slides: NDArray[np.str_] | None) -> None:
        """Keep what the predictions are compared with, so that a report needs no data folder.

        Args:
            configuration: whose predictions they are.
            labels: ``(N,)``, 0 or 1.
            slides: ``(N,)``, or None where slides are not known.
        """
        known = {} if slides is None else {"slides": slides}
        self._write(f"{configuration}/truth.npz", labels=labels, **known)

    def load_truth(self, configuration: str) -> tuple[NDArray[np.uint8], NDArray[np.str_] | None]:
        """Labels ``(N,)`` and, where known, slides ``(N,)`` of the test patches.

        Raises:
            StorageError: if they are not there.
        """
        found = self._read(f"{configuration}/truth.npz", "labels")
        return found["labels"], found.get("slides")

    def _write(self, name: str, **arrays: NDArray[Any]) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        fs, root = fsspec.core.url_to_fs(self.url, auto_mkdir=True)
        with fs.transaction, fs.open(f"{root}/predictions/{name}", "wb") as file:
            file.write(buffer.getvalue())

    def _read(self, name: str, required: str) -> dict[str, NDArray[Any]]:
        fs, root = fsspec.core.url_to_fs(self.url)
        path = f"{root}/predictions/{name}"
        try:
            with np.load(io.BytesIO(fs.cat_file(path)), allow_pickle=False) as arrays:
                return {required: arrays[required], **arrays}
        except (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise StorageError(
                f"{path}: test predictions are missing or damaged ({error}); give the study a new name to test again"
            ) from error
