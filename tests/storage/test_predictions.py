"""Stored test predictions come back as they were, or not at all."""

from __future__ import annotations

import io
import zipfile
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
    for split, count, value in (("valid", 2, 0.25), ("test", 3, 0.75)):
        store.save("configuration", "after", 0, np.full(count, value, np.float32), split)  # type: ignore[arg-type]
        store.save_truth("configuration", LABELS[:count], None, split)  # type: ignore[arg-type]
    assert store.load("configuration", "after", 0, "valid").tolist() == [0.25] * 2
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
    files = Files(store_url)
    store = PredictionStore(files)
    with pytest.raises(StorageError, match="does not exist, or nothing is in it; correct `checkpoints`") as nowhere:
        store.load("configuration", "after", 0)
    assert "HPO_CHECKPOINTS" in str(nowhere.value)
    files.write("studies/small-1", b"")
    with pytest.raises(
        StorageError, match=r"configuration/test/after-0\.npz: .* missing; hpo run makes them again"
    ) as caught:
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


def written_by_hand(folder: Path, name: str, **content: np.ndarray) -> Path:
    """A file as an earlier version, or another program, writes it."""
    path = folder / f"predictions/configuration/test/{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **content)  # type: ignore[arg-type]  # numpy's own stub
    return path


def refusal(folder: Path) -> str:
    with pytest.raises(StorageError) as caught:
        PredictionStore(Files(folder)).load("configuration", "after", 0)
    line = str(caught.value)
    assert line.startswith(f"{folder}/predictions/configuration/test/after-0.npz: predictions are ")
    assert "\n" not in line
    return line


def test_a_file_of_an_earlier_version_without_a_digest_still_reads(tmp_path: Path) -> None:
    written_by_hand(tmp_path, "truth", labels=LABELS)
    written_by_hand(tmp_path, "after-0", probabilities=PROBABILITIES[:3])
    store = PredictionStore(Files(tmp_path))
    assert store.load("configuration", "after", 0).tolist() == PROBABILITIES[:3].tolist()
    assert store.load_truth("configuration")[0].tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (np.zeros(4, np.float32), "for 4 patches, and 3 are in truth.npz beside them"),
        (np.zeros((3, 1), np.float32), "not float32 (N,) but float32 (3, 1)"),
        (np.zeros(3), "not float32 (N,) but float64 (3,)"),
        (np.array(["a", "b", "c"]), "not float32 (N,) but <U1 (3,)"),
        (np.array([0, np.nan, 1], np.float32), "not all from 0 to 1"),
        (np.array([0, np.inf, 1], np.float32), "not all from 0 to 1"),
        (np.array([0, -0.5, 1], np.float32), "not all from 0 to 1"),
        (np.array([{}, {}, {}], object), "damaged (Object arrays cannot be loaded"),
    ],
)
def test_content_that_is_no_prediction_is_refused(tmp_path: Path, content: np.ndarray, fault: str) -> None:
    written_by_hand(tmp_path, "truth", labels=LABELS)
    written_by_hand(tmp_path, "after-0", probabilities=content)
    assert fault in refusal(tmp_path)


def test_a_file_that_another_program_put_in_a_files_place_is_refused(tmp_path: Path) -> None:
    store = PredictionStore(Files(tmp_path))
    store.save_truth("configuration", LABELS, None)
    store.save("configuration", "after", 0, PROBABILITIES[:3])
    written_by_hand(tmp_path, "after-0", probabilities=PROBABILITIES[:3])
    assert "without the digest that truth.npz beside them has" in refusal(tmp_path)


def test_a_file_of_another_run_or_split_is_refused(tmp_path: Path) -> None:
    store = PredictionStore(Files(tmp_path))
    for role, split in (("before", "test"), ("after", "valid"), ("after", "test")):
        store.save("configuration", role, 0, PROBABILITIES, split)  # type: ignore[arg-type]
    folder = tmp_path / "predictions/configuration"
    for other in ("test/before-0.npz", "valid/after-0.npz"):
        (folder / "test/after-0.npz").write_bytes((folder / other).read_bytes())
        assert "damaged, or of another run (their digest is another)" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"sha256:" + b"0" * 64, b"\x80\x04." * 9])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    written_by_hand(tmp_path, "after-0").write_bytes(content)
    assert "damaged" in refusal(tmp_path)


def test_an_array_that_says_it_is_huge_is_refused_before_memory_is_taken_for_it(tmp_path: Path) -> None:
    path = written_by_hand(tmp_path, "after-0")
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (10**13,)}
    np.lib.format.write_array_header_1_0(header, shape)
    for name, content in (("probabilities", header.getvalue()), ("bomb", bytes(500_000_000))):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.npy", content)
        assert "damaged" in refusal(tmp_path)


def test_a_truth_of_other_shapes_is_refused(tmp_path: Path) -> None:
    for labels, slides in ((np.zeros((2, 2), np.uint8), None), (np.zeros(3), None), (LABELS, SLIDES[:2])):
        written_by_hand(tmp_path, "truth", labels=labels, **({} if slides is None else {"slides": slides}))
        with pytest.raises(StorageError, match=r"test/truth\.npz: predictions are without"):
            PredictionStore(Files(tmp_path)).load_truth("configuration")
