"""Stored test predictions come back as they were, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpo.errors import StorageError
from hpo.storage.predictions import PredictionStore

SLIDES = np.array(["slide 1", "slide 1", "lame été"])
PROBABILITIES = np.linspace(0, 1, 9, dtype=np.float32)
LABELS = np.array([0, 1, 1], np.uint8)


@given(probabilities=arrays(np.float32, st.integers(0, 40), elements=st.floats(0, 1, width=32)))
def test_probabilities_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, probabilities: np.ndarray
) -> None:
    store = PredictionStore(str(tmp_path_factory.mktemp("store")))
    store.save("configuration", "after", 3, probabilities)
    loaded = store.load("configuration", "after", 3)
    assert loaded.dtype == np.float32
    assert loaded.tobytes() == probabilities.tobytes()


@pytest.mark.parametrize("url", ["{tmp_path}", "file://{tmp_path}", "memory://predictions"])
def test_a_folder_and_a_url_are_stores_alike(tmp_path: Path, url: str) -> None:
    store = PredictionStore(url.format(tmp_path=tmp_path / "not made yet"))
    store.save("configuration", "before", 0, np.zeros(3, np.float32))
    store.save("configuration", "before", 0, np.ones(3, np.float32))
    assert store.load("configuration", "before", 0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("slides", [SLIDES, None])
def test_the_truth_keeps_labels_and_where_they_are_known_slides(tmp_path: Path, slides: np.ndarray | None) -> None:
    store = PredictionStore(str(tmp_path))
    store.save_truth("configuration", LABELS, slides)
    labels, found = store.load_truth("configuration")
    assert labels.dtype == np.uint8
    assert labels.tolist() == [0, 1, 1]
    assert found is None if slides is None else found.tolist() == slides.tolist()


def test_missing_predictions_are_an_error_that_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    store = PredictionStore(str(tmp_path))
    with pytest.raises(StorageError, match=r"configuration/after-0\.npz: .* missing or damaged .* new name") as caught:
        store.load("configuration", "after", 0)
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageError, match=r"truth\.npz"):
        store.load_truth("configuration")


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = PredictionStore(str(folder))
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
