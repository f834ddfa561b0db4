"""Bands of a slide that are predicted already, kept until the slide is finished."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np

from hpo.errors import StorageError
from hpo.file_faults import described
from hpo.slides.grid import Floats
from hpo.whole_file import whole_file

FOLDER = ".unfinished"


class Unfinished:
    """A folder of predicted bands, beside the outputs to come.

    Bands that were predicted from another slide, by another model or with other settings are thrown away.

    Args:
        output: the slide's output folder; it is made.
        digest: of all that the probabilities depend on.

    Raises:
        StorageError: if it cannot be written to.
    """

    def __init__(self, output: Path, digest: str) -> None:
        self._folder = output / FOLDER
        note = self._folder / "settings.json"
        try:
            with suppress(OSError, ValueError):
                if json.loads(note.read_text(encoding="utf-8"))["digest"] == digest:
                    return
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True, exist_ok=True)
            with whole_file(note) as file:
                file.write_text(json.dumps({"digest": digest}), encoding="utf-8")
        except OSError as error:
            raise StorageError(described(error)) from error

    def load(self, band: int, shape: tuple[int, int]) -> Floats | None:
        """The probabilities of a band; None if it is to be predicted."""
        try:
            kept = np.load(self._path(band), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return np.asarray(kept, np.float32) if kept.shape == shape else None

    def keep(self, band: int, probabilities: Floats) -> None:
        """Keep a band.

        Raises:
            StorageError: if it cannot be written, as where the disk is full; earlier bands stay.
        """
        content = io.BytesIO()
        np.save(content, probabilities)
        try:
            with whole_file(self._path(band)) as file:
                file.write_bytes(content.getvalue())
        except OSError as error:
            raise StorageError(described(error)) from error

    def _path(self, band: int) -> Path:
        return self._folder / f"band-{band:05d}.npy"


def remove_unfinished(output: Path) -> None:
    """Forget the bands of a slide whose outputs are all written."""
    shutil.rmtree(output / FOLDER, ignore_errors=True)
