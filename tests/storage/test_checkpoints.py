"""The checkpoint store, in a folder, in memory and on S3."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpo.errors import StorageError, StoreUnavailableError
from hpo.storage.checkpoints import Checkpoint, CheckpointStore
from hpo.storage.files import Files
from tests.content import sha256_of, undamaged
from tests.storage.places import FailingWrites, files_of, overwrite

KEY = "ab" * 32


def checkpoint(epoch: int, *, key: str = KEY, fill: float = 1.0) -> Checkpoint:
    state = {
        "model/conv1/kernel": np.full((3, 3, 3, 4), fill, np.float32),
        "model/dropout/seed": np.array([1, 2], np.uint32),
        "optimizer/iteration": np.array(epoch * 7, np.int64),
        "valid_probabilities": np.linspace(0, 1, 5, dtype=np.float32),
    }
    return Checkpoint(key, epoch, state, tuple({"valid_auc": 0.1 * e, "train_loss": 1 / 3} for e in range(epoch)))


def same(one: Checkpoint | None, other: Checkpoint) -> bool:
    return (
        one is not None
        and (one.recipe_key, one.epoch, one.curve) == (other.recipe_key, other.epoch, other.curve)
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(one.arrays[name], value) for name, value in other.arrays.items())
        and all(one.arrays[name].dtype == value.dtype for name, value in other.arrays.items())
    )


@pytest.fixture
def store(store_url: str) -> CheckpointStore:
    return CheckpointStore(Files(store_url))


def test_a_checkpoint_comes_back_as_it_was_saved(store: CheckpointStore) -> None:
    store.save(checkpoint(3))
    assert same(store.latest(KEY, 3), checkpoint(3))


def test_another_process_finds_it(store: CheckpointStore, store_url: str) -> None:
    digest = store.save(checkpoint(3))
    assert sha256_of(CheckpointStore(Files(store_url)), KEY, 3) == digest


def test_latest_is_the_one_of_the_most_epochs_but_no_more_than_asked(store: CheckpointStore) -> None:
    for epoch in (10, 2, 5):
        store.save(checkpoint(epoch))
    assert undamaged(store, KEY) == (2, 5, 10)
    assert [(store.latest(KEY, at_most) or checkpoint(0)).epoch for at_most in (1, 2, 4, 5, 9, 10, 99)] == [
        0, 2, 2, 5, 5, 10, 10
    ]  # fmt: skip


def test_what_is_not_there_is_none(store: CheckpointStore) -> None:
    assert store.latest(KEY, 5) is None
    assert undamaged(store, KEY) == store.epochs(KEY) == ()
    assert sha256_of(store, KEY, 5) is None
    assert store.prune(KEY, ()) == 0
    store.save(checkpoint(4))
    assert sha256_of(store, KEY, 5) is None
    assert undamaged(store, "cd" * 32) == ()


def test_one_file_a_checkpoint_named_by_its_content(store: CheckpointStore, store_url: str) -> None:
    digest = store.save(checkpoint(5))
    ((name, content),) = files_of(store_url).items()
    assert name == f"{KEY}/epoch-000005.{digest}.h5"
    assert hashlib.sha256(content).hexdigest() == digest


def test_the_same_content_is_the_same_bytes_whatever_the_order_of_its_names(
    store: CheckpointStore, store_url: str
) -> None:
    first = store.save(checkpoint(5))
    turned = checkpoint(5)
    turned = Checkpoint(KEY, 5, dict(reversed(turned.arrays.items())), turned.curve)
    assert store.save(turned) == first
    assert len(files_of(store_url)) == 1


def test_other_content_is_other_bytes(store: CheckpointStore) -> None:
    assert store.save(checkpoint(5)) != store.save(checkpoint(5, fill=np.nextafter(np.float32(1), np.float32(2))))


@pytest.mark.parametrize("damage", ["truncated", "emptied", "one bit turned", "replaced"])
def test_a_damaged_checkpoint_is_as_good_as_absent(store: CheckpointStore, store_url: str, damage: str) -> None:
    store.save(checkpoint(2))
    digest = store.save(checkpoint(4))
    name = f"{KEY}/epoch-000004.{digest}.h5"
    whole = files_of(store_url)[name]
    middle = len(whole) // 2
    overwrite(
        store_url,
        name,
        {
            "truncated": whole[:-1],
            "emptied": b"",
            "one bit turned": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "replaced": b"not HDF5 at all",
        }[damage],
    )
    assert same(store.latest(KEY, 4), checkpoint(2))
    assert undamaged(store, KEY) == (2,)
    assert store.epochs(KEY) == (2, 4)
    assert sha256_of(store, KEY, 4) is None
    assert store.save(checkpoint(4)) == digest
    assert same(store.latest(KEY, 4), checkpoint(4))


def test_what_a_killed_writer_left_behind_is_not_seen(store: CheckpointStore, store_url: str) -> None:
    digest = store.save(checkpoint(4))
    overwrite(store_url, f"{KEY}/0123456789abcdef.part", b"half")
    assert undamaged(store, KEY) == store.epochs(KEY) == (4,)
    assert sha256_of(store, KEY, 4) == digest


def test_discarding_removes_that_epoch_alone_and_may_be_repeated(store: CheckpointStore) -> None:
    store.save(checkpoint(1))
    store.save(checkpoint(2))
    store.discard(KEY, 1)
    store.discard(KEY, 1)
    assert undamaged(store, KEY) == (2,)


@pytest.mark.parametrize("key", ["../outside", "a/b", "", ".", "..", "a\\b", "/etc", "key\n"])
def test_a_key_that_leads_elsewhere_is_refused(store: CheckpointStore, key: str) -> None:
    for act in (
        lambda: store.save(checkpoint(1, key=key)),
        lambda: store.latest(key, 1),
        lambda: undamaged(store, key),
        lambda: sha256_of(store, key, 1),
        lambda: store.epochs(key),
        lambda: store.discard(key, 1),
        lambda: store.prune(key, ()),
    ):
        with pytest.raises(StorageError, match="checkpoint key"):
            act()


def test_what_is_needed_stays_and_the_rest_of_the_key_goes(store: CheckpointStore) -> None:
    for epoch in (1, 2, 3, 4):
        store.save(checkpoint(epoch))
    store.save(checkpoint(2, fill=2.0))
    store.save(checkpoint(1, key="other"))
    assert store.prune(KEY, {2, 4, 9}) == 2
    assert store.prune(KEY, {2, 4, 9}) == 0
    assert undamaged(store, KEY) == (2, 4)
    assert same(store.latest(KEY, 9), checkpoint(4))
    assert store.prune(KEY, ()) == 3
    assert undamaged(store, KEY) == ()
    assert undamaged(store, "other") == (1,)


def test_what_a_writer_left_behind_goes_after_an_hour(tmp_path: Path) -> None:
    store = CheckpointStore(Files(tmp_path))
    store.save(checkpoint(1))
    for name, minutes in (("old", 61), ("young", 59)):
        (tmp_path / KEY / f"{name}.part").write_bytes(b"half")
        os.utime(tmp_path / KEY / f"{name}.part", (time.time() - 60 * minutes,) * 2)
    assert store.prune(KEY, {1}) == 0
    assert [path.name for path in tmp_path.rglob("*.part")] == ["young.part"]
    assert undamaged(store, KEY) == (1,)


def test_a_key_of_which_nothing_is_left_leaves_no_folder(tmp_path: Path) -> None:
    store = CheckpointStore(Files(tmp_path))
    store.save(checkpoint(1))
    store.prune(KEY, ())
    assert list(tmp_path.iterdir()) == []


def test_a_listing_reads_no_checkpoint(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(checkpoint(1))
    monkeypatch.setattr(store._files, "read", pytest.fail)
    assert store.epochs(KEY) == (1,)


def test_a_full_disk_ends_in_one_line_and_costs_no_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CheckpointStore(Files(tmp_path, patience_seconds=0.2))
    store.save(checkpoint(1))
    FailingWrites(monkeypatch)
    with pytest.raises(StoreUnavailableError, match="no space left on device; free some"):
        store.save(checkpoint(2))
    assert same(store.latest(KEY, 9), checkpoint(1))


def _save_many(url: str, barrier: object) -> None:
    store = CheckpointStore(Files(url))
    for epoch in range(1, 6):
        barrier.wait()  # type: ignore[attr-defined]
        store.save(checkpoint(epoch))
        if epoch > 1:
            store.discard(KEY, epoch - 1)


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_two_writers_of_the_same_content_at_once_leave_one_whole_file(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(tmp_path) if place == "folder" else f"s3://{request.getfixturevalue('bucket')}"
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    writers = [context.Process(target=_save_many, args=(url, barrier)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert same(CheckpointStore(Files(url)).latest(KEY, 9), checkpoint(5))
    assert len(files_of(url)) == 1


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"(model|optimizer)/[a-z]{3}", fullmatch=True),
        arrays.arrays(
            st.sampled_from([np.float32, np.int64, np.uint32]), arrays.array_shapes(min_dims=0, max_dims=3, max_side=3)
        ),
        max_size=4,
    ),
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b"]), st.floats(allow_nan=False, allow_infinity=False)), max_size=3
    ),
)
def test_any_state_comes_back_bit_for_bit(state: dict[str, np.ndarray], curve: list[dict[str, float]]) -> None:
    store = CheckpointStore(Files(f"memory://{uuid.uuid4().hex}"))
    store.save(Checkpoint(KEY, 1, state, tuple(curve)))
    found = store.latest(KEY, 1)
    assert found is not None
    assert found.curve == tuple(curve)
    assert {n: (v.dtype, v.shape, v.tobytes()) for n, v in found.arrays.items()} == {
        n: (v.dtype, v.shape, v.tobytes()) for n, v in state.items()
    }
