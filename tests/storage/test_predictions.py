"""Stored test predictions come back as they were, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpo.errors import StorageError, StoreUnavailableError
from hpo.storage.files import Files
from hpo.storage.predictions import PredictionStore
from tests.storage.places import FailingWrites, files_of

SLIDES = np.array(["slide 1", "slide 1", "lame été"])
PROBABILITIES = np.linspace(0, 1, 9, dtype=np.float32)
LABELS = np.array([0, 1, 1], np.uint8)


@given(probabilities=arrays(np.float32, st.integers(0, 40), elements=st.floats(0, 1, width=32)))
def test_probabilities_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, probabilities: np.ndarray
) -> None:
    store = PredictionStore(Files(str(tmp_path_factory.mktemp("store"))))
    store.save("configuration", "after", 3, probabilities)
    loaded = store.load("configuration", "after", 3)
    assert loaded.dtype == np.float32
    assert loaded.tobytes() == probabilities.tobytes()


def test_saving_again_replaces(store_url: str) -> None:
    store = PredictionStore(Files(store_url))
    store.save("configuration", "before", 0, np.zeros(3, np.float32))
    store.save("configuration", "before", 0, np.ones(3, np.float32))
    assert PredictionStore(Files(store_url)).load("configuration", "before", 0).tolist() == [1, 1, 1]
    assert list(files_of(store_url)) == ["predictions/configuration/test/before-0.npz"]


def test_predictions_of_either_split_lie_apart(tmp_path: Path) -> None:
    store = PredictionStore(Files(tmp_path))
    for split, value in (("valid", 0.25), ("test", 0.75)):
        store.save("configuration", "after", 0, np.full(3, value, np.float32), split)  # type: ignore[arg-type]
        store.save_truth("configuration", LABELS[: 2 if split == "valid" else 3], None, split)  # type: ignore[arg-type]
    assert store.load("configuration", "after", 0, "valid").tolist() == [0.25] * 3
    assert store.load("configuration", "after", 0).tolist() == [0.75] * 3
    assert len(store.load_truth("configuration", "valid")[0]) == 2
    assert len(store.load_truth("configuration")[0]) == 3


@pytest.mark.parametrize("slides", [SLIDES, None])
def test_the_truth_keeps_labels_and_where_they_are_known_slides(store_url: str, slides: np.ndarray | None) -> None:
    store = PredictionStore(Files(store_url))
    store.save_truth("configuration", LABELS, slides)
    labels, found = store.load_truth("configuration")
    assert labels.dtype == np.uint8
    assert labels.tolist() == [0, 1, 1]
    assert found is None if slides is None else found.tolist() == slides.tolist()


def test_missing_predictions_are_an_error_that_names_the_file_and_what_to_do(store_url: str) -> None:
    store = PredictionStore(Files(store_url))
    with pytest.raises(StorageError, match=r"configuration/test/after-0\.npz: .* missing; .* new name") as caught:
        store.load("configuration", "after", 0)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, StoreUnavailableError)  # waiting will not bring them back
    with pytest.raises(StorageError, match=r"truth\.npz"):
        store.load_truth("configuration")


def test_a_store_that_is_away_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FailingWrites(monkeypatch, times=2)
    store = PredictionStore(Files(tmp_path))
    store.save("configuration", "after", 3, PROBABILITIES)
    assert store.load("configuration", "after", 3).tobytes() == PROBABILITIES.tobytes()
    FailingWrites(monkeypatch)
    with pytest.raises(StoreUnavailableError, match="no space left"):
        PredictionStore(Files(tmp_path, patience_seconds=0)).save("configuration", "after", 4, PROBABILITIES)


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = PredictionStore(Files(str(folder)))
    store.save("configuration", "after", 0, PROBABILITIES)
    (path,) = folder.rglob("*.npz")
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="truncated"):
        del content[data.draw(st.integers(0, len(content) - 1), label="length") :]
    else:
        position = data.draw(st.integers(0, len(content) - 1), label="position")
        content[position] ^= data.draw(st.integers(1, 255), label="change")
    path.write_bytes(content)
    try:
        loaded = store.load("configuration", "after", 0)
    except StorageError:
        return
    assert loaded.tobytes() == PROBABILITIES.tobytes()
