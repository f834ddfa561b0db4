"""The checkpoint store: the full training state of a recipe after a whole number of epochs.

A checkpoint is one HDF5 file ``KEY/epoch-000005.SHA256.h5`` with the SHA-256 of its content in its name. It is
written whole or not at all, and verified whenever it is read: a damaged one is as good as absent. The bytes depend on
the content alone, so that two workers that trained the same thing write the same file.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from hpo.errors import StorageError
from hpo.storage.files import Files

STRAY_SECONDS = 3600.0
"""After which an unfinished file is one that a killed writer left behind."""

_KEY = re.compile(r"[0-9A-Za-z_-]{1,128}")
_NAME = re.compile(r"epoch-(\d{6,})\.([0-9a-f]{64})\.h5")


@dataclass(frozen=True)
class Checkpoint:
    """The training state of a recipe after a whole number of epochs.

    Args:
        recipe_key: the recipe's key.
        epoch: epochs trained; >= 1.
        arrays: everything needed to continue, by name; names may have ``/`` in them.
        curve: the metrics of each epoch; ``curve[i]`` belongs to epoch ``i + 1``.
    """

    recipe_key: str
    epoch: int
    arrays: dict[str, NDArray[Any]]
    curve: tuple[dict[str, float], ...]


class CheckpointStore:
    """Checkpoints in a folder, or wherever fsspec reaches (``s3://``, ``gs://``, ``memory://``).

    Every method may raise `StoreUnavailableError` once the store has been out of reach for too long.

    Args:
        files: where they are.

    Attributes:
        url: of the files.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.url = files.url

    def save(self, checkpoint: Checkpoint) -> str:
        """Write a checkpoint; safe to repeat, and by several processes at once.

        Returns:
            The SHA-256 of the file, 64 hexadecimal digits.

        Raises:
            StorageError: if it cannot be written, or the key is no plain name.
        """
        folder = _folder(checkpoint.recipe_key)
        content = _encode(checkpoint)
        digest = hashlib.sha256(content).hexdigest()
        self._files.write(f"{folder}/{_name(checkpoint.epoch, digest)}", content)
        return digest

    def latest(
        self, key: str, at_most: int, is_usable: Callable[[Checkpoint], bool] = lambda _: True
    ) -> Checkpoint | None:
        """The latest undamaged checkpoint at or before ``at_most``; None if there is none.

        Args:
            key: the recipe's.
            at_most: an epoch.
            is_usable: which checkpoints count, where an epoch has several, with the metrics of several objectives.
        """
        for epoch, digest in reversed(self._listing(key)):
            if epoch <= at_most:
                content = self._verified(key, epoch, digest)
                found = None if content is None else _decode(content)
                if found is not None and is_usable(found):
                    return found
        return None

    def epochs(self, key: str) -> tuple[int, ...]:
        """The epochs that have a checkpoint, damaged or not, in ascending order; nothing is read."""
        return tuple(sorted({epoch for epoch, _ in self._listing(key)}))

    def discard(self, key: str, epoch: int) -> None:
        """Remove the checkpoint of this epoch, if there is one."""
        for found, digest in self._listing(key):
            if found == epoch:
                self._files.remove(f"{key}/{_name(found, digest)}")

    def prune(self, key: str, needed: Collection[int]) -> int:
        """Remove a key's checkpoints except those of the needed epochs, and the leftovers of killed writers.

        Returns:
            How many checkpoints were removed; an object store does not tell two that remove the same one apart.
        """
        folder = _folder(key)
        names = self._files.names(folder)
        for name in names:
            if name.endswith(".part") and self._files.age_seconds(f"{folder}/{name}") > STRAY_SECONDS:
                self._files.remove(f"{folder}/{name}")
        matches = [match for name in names if (match := _NAME.fullmatch(name))]
        removed = sum(self._files.remove(f"{folder}/{match[0]}") for match in matches if int(match[1]) not in needed)
        if not needed:
            self._files.remove_empty(folder)
        return removed

    def _listing(self, key: str) -> list[tuple[int, str]]:
        """(epoch, SHA-256) of every checkpoint file of a key, sorted, whether damaged or not."""
        matches = (_NAME.fullmatch(name) for name in self._files.names(_folder(key)))
        return sorted((int(match[1]), match[2]) for match in matches if match)

    def _verified(self, key: str, epoch: int, digest: str) -> bytes | None:
        """The file's content; None if it does not match its name or has just been removed."""
        content = self._files.read(f"{key}/{_name(epoch, digest)}")
        return content if content is not None and hashlib.sha256(content).hexdigest() == digest else None


def _folder(key: str) -> str:
    """The folder of a key's checkpoints; a key that leads out of the store is refused."""
    if not _KEY.fullmatch(key):
        raise StorageError(f"checkpoint key {key!r}: only letters, digits, '-' and '_' may be in it")
    return key


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
