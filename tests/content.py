"""What a checkpoint store holds, by content."""

from __future__ import annotations

from hpo.storage.checkpoints import CheckpointStore


def sha256_of(store: CheckpointStore, key: str, epoch: int) -> str | None:
    """The SHA-256 of the undamaged checkpoint at exactly this epoch; None if there is none."""
    found = store.latest(key, epoch)
    return None if found is None or found.epoch != epoch else store.save(found)  # the same bytes under the same name


def undamaged(store: CheckpointStore, key: str) -> tuple[int, ...]:
    """The epochs of which there is an undamaged checkpoint, rising."""
    return tuple(epoch for epoch in store.epochs(key) if sha256_of(store, key, epoch) is not None)
