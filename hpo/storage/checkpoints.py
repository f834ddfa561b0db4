"""The checkpoint store: the full training state of a recipe after a whole number of epochs.

A checkpoint is one HDF5 file ``KEY/epoch-000005.SHA256.h5`` with the SHA-256 of its content in its name. It is
written under a temporary name and renamed, and verified whenever it is read: a damaged one is as good as absent. The
bytes depend on the content alone, so that two workers that trained the same thing write the same file.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
from numpy.typing import NDArray

from hpo.errors import StorageError

_KEY = re.compile(r"[0-9A-Za-z_-]{1,128}")
_NAME = re.compile(r"epoch-(\d{6,})\.([0-9a-f]{64})\.h5")


@dataclass(frozen=True)
class Checkpoint:
    """The training state of a recipe after a whole number of epochs.

    Args:
        recipe_key: the recipe's key.
        epoch: epochs trained; >= 1.
        arrays: everything needed to go on, by name; names may have ``/`` in them.
        curve: the metrics of each epoch; ``curve[i]`` belongs to epoch ``i + 1``.
    """

    recipe_key: str
    epoch: int
    arrays: dict[str, NDArray[Any]]
    curve: tuple[dict[str, float], ...]


class CheckpointStore:
    """Checkpoints in a folder, or wherever fsspec reaches (``s3://``, ``gs://``, ``memory://``).

    Args:
        url: an fsspec URL or a folder; it is made when first written to.

    Raises:
        StorageError: if fsspec does not know the URL's protocol, or lacks the package for it.
    """

    def __init__(self, url: str | Path) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(str(url))
        except (ValueError, ImportError) as error:
            raise StorageError(f"checkpoint store {url}: {error}") from error
        self.url = str(url)

    def save(self, checkpoint: Checkpoint) -> str:
        """Writes a checkpoint; again with the same content is fine, also by several processes at once.

        Returns:
            The SHA-256 of the file, 64 hexadecimal digits.

        Raises:
            StorageError: if it cannot be written, or the key is no plain name.
        """
        content = _encode(checkpoint)
        digest = hashlib.sha256(content).hexdigest()
        folder = self._folder(checkpoint.recipe_key)
        temporary = f"{folder}/{uuid.uuid4().hex}.part"
        try:
            self._files.makedirs(folder, exist_ok=True)
            self._files.pipe_file(temporary, content)
            self._files.mv(temporary, f"{folder}/{_name(checkpoint.epoch, digest)}")
        except OSError as error:
            raise StorageError(f"checkpoint store {self.url}: cannot write: {error}") from error
        return digest

    def latest(self, key: str, at_most: int) -> Checkpoint | None:
        """The undamaged checkpoint of the most epochs, but no more than ``at_most``; None if there is none."""
        for epoch, digest in reversed(self._listing(key)):
            if epoch <= at_most:
                content = self._verified(key, epoch, digest)
                if content is not None:
                    return _decode(content)
        return None

    def epochs(self, key: str) -> tuple[int, ...]:
        """The epochs of which there is an undamaged checkpoint, rising."""
        return tuple(sorted({e for e, d in self._listing(key) if self._verified(key, e, d) is not None}))

    def digest(self, key: str, epoch: int) -> str | None:
        """The SHA-256 of the undamaged checkpoint at exactly this epoch; None if there is none."""
        for found, digest in reversed(self._listing(key)):
            if found == epoch and self._verified(key, found, digest) is not None:
                return digest
        return None

    def discard(self, key: str, epoch: int) -> None:
        """Removes the checkpoint at this epoch, if there is one."""
        for found, digest in self._listing(key):
            if found == epoch:
                try:
                    self._files.rm_file(f"{self._folder(key)}/{_name(found, digest)}")
                except FileNotFoundError:  # another worker was quicker
                    continue
                except OSError as error:
                    raise StorageError(f"checkpoint store {self.url}: cannot remove: {error}") from error

    def _folder(self, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise StorageError(f"checkpoint key {key!r}: only letters, digits, '-' and '_' may be in it")
        return f"{self._root.rstrip('/')}/{key}"

    def _listing(self, key: str) -> list[tuple[int, str]]:
        """(epoch, SHA-256) of every checkpoint file of a key, sorted, whether damaged or not."""
        folder = self._folder(key)
        try:
            self._files.invalidate_cache(folder)
            paths = self._files.ls(folder, detail=False)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"checkpoint store {self.url}: cannot list: {error}") from error
        matches = (_NAME.fullmatch(path.rpartition("/")[2]) for path in paths)
        return sorted((int(match[1]), match[2]) for match in matches if match)

    def _verified(self, key: str, epoch: int, digest: str) -> bytes | None:
        """The file's content, or None if it is not what its name promises or has just been removed."""
        try:
            content: bytes = self._files.cat_file(f"{self._folder(key)}/{_name(epoch, digest)}")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"checkpoint store {self.url}: cannot read: {error}") from error
        return content if hashlib.sha256(content).hexdigest() == digest else None


def _name(epoch: int, digest: str) -> str:
    return f"epoch-{epoch:06d}.{digest}.h5"


def _encode(checkpoint: Checkpoint) -> bytes:
    """HDF5 without times in it, members in the order of their names: equal checkpoints are equal bytes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("v110", "v110")) as file:
        file.attrs["recipe_key"] = checkpoint.recipe_key
        file.attrs["epoch"] = checkpoint.epoch
        # As text in a dataset: attributes may not exceed 64 KiB, and JSON gives every float back exactly.
        curve = json.dumps(list(checkpoint.curve), sort_keys=True).encode()
        file.create_dataset("curve", data=np.frombuffer(curve, np.uint8), track_times=False)
        for name in sorted(checkpoint.arrays):
            file.create_dataset(f"arrays/{name}", data=checkpoint.arrays[name], track_times=False)
    return buffer.getvalue()


def _decode(content: bytes) -> Checkpoint:
    arrays: dict[str, NDArray[Any]] = {}

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item[()])

    with h5py.File(io.BytesIO(content), "r") as file:
        if "arrays" in file:
            file["arrays"].visititems(collect)
        curve = tuple(json.loads(file["curve"][()].tobytes()))
        return Checkpoint(str(file.attrs["recipe_key"]), int(file.attrs["epoch"]), arrays, curve)
