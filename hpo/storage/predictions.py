"""Test predictions, stored beside the checkpoints, from which every figure of the comparison is computed."""

from __future__ import annotations

import io
from dataclasses import dataclass

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
        """Keep the probabilities (N,) of one run; repeating it replaces the same content."""
        buffer = io.BytesIO()
        np.save(buffer, probabilities, allow_pickle=False)
        self._write(f"{configuration}/{role}-{seed}.npy", buffer.getvalue())

    def load(self, configuration: str, role: str, seed: int) -> NDArray[np.float32]:
        """The probabilities (N,), float32, of one run.

        Raises:
            StorageError: if they are not there.
        """
        return self._read(f"{configuration}/{role}-{seed}.npy")

    def _write(self, name: str, content: bytes) -> None:
        fs, root = fsspec.core.url_to_fs(self.url, auto_mkdir=True)
        with fs.transaction, fs.open(f"{root}/predictions/{name}", "wb") as file:
            file.write(content)

    def _read(self, name: str) -> NDArray[np.float32]:
        fs, root = fsspec.core.url_to_fs(self.url)
        path = f"{root}/predictions/{name}"
        try:
            array: NDArray[np.float32] = np.load(io.BytesIO(fs.cat_file(path)), allow_pickle=False)
        except (OSError, ValueError) as error:
            raise StorageError(
                f"{path}: test predictions are missing or damaged ({error}); remove them and the study's stage 'test'"
            ) from error
        return array
