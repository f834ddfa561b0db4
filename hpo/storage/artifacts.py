"""A trial's files in the place where Optuna looks for them: the curve of each finished trial as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

from hpo.recipe.key import digest
from hpo.storage.files import Files

_ID = re.compile(r"[0-9A-Za-z-]{1,128}")


class Artifact(NamedTuple):
    """A file with Optuna's description of it.

    Args:
        id: hexadecimal digits, as the dashboard's addresses want it.
        filename: what it is called where it is downloaded.
        mimetype: what it is.
        content: its bytes.
    """

    id: str
    filename: str
    mimetype: str
    content: bytes


class ArtifactFiles:
    """Optuna's ``ArtifactStore`` under ``URL/artifacts/``: a folder, or wherever fsspec reaches.

    Every method may raise `StoreUnavailableError` once the store has been out of reach for too long.

    Args:
        files: those of the checkpoint store.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The artifact's content, to be read.

        Raises:
            ArtifactNotFound: if it is not there.
        """
        content = self._files.read(_name(artifact_id))
        if content is None:
            raise _not_found(artifact_id)
        return io.BytesIO(content)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Write the content under this name, whole or not at all; it replaces what was there."""
        self._files.write(_name(artifact_id), content_body.read())

    def remove(self, artifact_id: str) -> None:
        """Remove an artifact.

        Raises:
            ArtifactNotFound: if it was not there, and the file system tells.
        """
        if not self._files.remove(_name(artifact_id)):
            raise _not_found(artifact_id)

    def keep(self, artifact: Artifact) -> None:
        """Store an artifact; storing the same content again changes nothing."""
        self._files.write(_name(artifact.id), artifact.content)


def curve_artifact(stage_name: str, point_key: str, curve: Sequence[Mapping[str, float]]) -> Artifact:
    """A trial's curve as CSV.

    Its id depends on the point and the content alone. So attempts that trained the same share one file, and another
    attempt's file is never written over: what a trial shows is what was accepted with it.

    Args:
        stage_name: ``STUDY/STAGE/ARCHITECTURE``.
        point_key: of the trial's design point.
        curve: metrics of each epoch, from epoch 1.
    """
    names = list(dict.fromkeys(name for metrics in curve for name in metrics))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *names])
    rows.writerows([epoch, *(metrics.get(name) for name in names)] for epoch, metrics in enumerate(curve, 1))
    return Artifact(digest([stage_name, point_key, text.getvalue()]), "curve.csv", "text/csv", text.getvalue().encode())


def _name(artifact_id: str) -> str:
    """The path of an artifact; an id that leads out of the folder is refused."""
    if not _ID.fullmatch(artifact_id):
        raise _not_found(artifact_id)
    return f"artifacts/{artifact_id}"


def _not_found(artifact_id: str) -> Exception:
    from optuna.artifacts.exceptions import ArtifactNotFound  # imports what it finds of S3's and Google's packages

    return ArtifactNotFound(f"artifact {artifact_id!r} is not there")
