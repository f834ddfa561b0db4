from __future__ import annotations

import gzip
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.data.dataset import Dataset, Patches, SplitRule, open_dataset, open_split
from hpo.errors import DataError
from tests.data.conftest import random_patches

TRAIN = "camelyonpatch_level_2_split_train"


def open_(folder: Path, **options: object) -> Dataset:
    return open_dataset(folder, **{"patch_size": 8, **options})  # type: ignore[arg-type]


def test_the_three_splits_are_read_with_labels_shape_and_slides(tmp_path, write_split):
    for name in ("train", "valid", "test"):
        write_split(tmp_path, name, wsi=[f"{name}-{row // 5}" for row in range(10)])

    data = open_(tmp_path)

    assert data.train.shape == (10, 8, 8, 3)
    assert data.valid.labels.tolist() == [0, 1] * 5
    assert data.test.slides is not None
    assert data.test.slides.tolist() == ["test-0"] * 5 + ["test-1"] * 5


def test_slides_are_unknown_without_a_meta_file(pcam_folder):
    assert open_(pcam_folder).train.slides is None


@pytest.mark.parametrize("layout", ["contiguous", "chunked"])
@given(rows=st.lists(st.integers(0, 699), max_size=60))
@settings(max_examples=40, deadline=None)
def test_rows_come_back_in_the_order_asked_for(tmp_path_factory, layout, rows):
    patches, stored = _large(tmp_path_factory, layout)
    assert np.array_equal(patches.read(np.array(rows, dtype=int)), stored[rows] if rows else stored[:0])


_made: dict[str, tuple[Patches, np.ndarray]] = {}


def _large(tmp_path_factory: pytest.TempPathFactory, layout: str) -> tuple[Patches, np.ndarray]:
    if layout not in _made:
        folder = tmp_path_factory.mktemp(layout)
        stored = np.random.default_rng(1).integers(0, 256, (700, 4, 4, 3), dtype=np.uint8)
        options = {"chunks": (32, 4, 4, 3), "compression": "gzip"} if layout == "chunked" else {}
        for name in ("train", "valid", "test"):
            with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_x.h5", "w") as file:
                file.create_dataset("x", data=stored, **options)
            with h5py.File(folder / f"camelyonpatch_level_2_split_{name}_y.h5", "w") as file:
                file.create_dataset("y", data=np.arange(700).reshape(-1, 1, 1, 1) % 2)
        _made[layout] = open_dataset(folder, patch_size=4).train, stored
    return _made[layout]


@pytest.mark.parametrize("rows", [[-1], [10], [0, 99]])
def test_rows_out_of_range_are_refused(pcam_folder, rows):
    with pytest.raises(IndexError, match="there are 10"):
        open_(pcam_folder).train.read(rows)


def test_patches_of_another_file_in_its_place_are_not_read(tmp_path, write_split):
    write_split(tmp_path, "patches")
    patches = open_split(tmp_path, "patches")
    assert len(patches.read([0, 3])) == 2
    write_split(tmp_path, "patches", x=random_patches(10, seed=99))
    with pytest.raises(DataError, match=r"patches_x\.h5: has changed since this process opened it"):
        patches.take([1, 2]).read([0])


def test_gzipped_files_are_decompressed_once_beside_themselves(pcam_folder):
    plain = open_(pcam_folder)
    for path in list(pcam_folder.glob("*_x.h5")):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    told: list[tuple[str, int, int]] = []

    unpacked = open_(pcam_folder, progress=lambda *call: told.append(call))

    assert (unpacked.digest, unpacked.test_digest) == (plain.digest, plain.test_digest)
    assert (pcam_folder / f"{TRAIN}_x.h5").exists()
    assert any("decompressing" in what and done == total for what, done, total in told)
    assert not list(pcam_folder.glob(".*.part"))


class TestDoubts:
    """A data set that may be used, though its results would be better or worse than they are."""

    def test_sound_splits_leave_none(self, tmp_path, write_split):
        for number, name in enumerate(("train", "valid", "test")):
            write_split(tmp_path, name, x=random_patches(10, seed=number), wsi=[name] * 10)
        assert open_(tmp_path).doubts == ()

    def test_patches_and_slides_in_two_splits_are_named(self, tmp_path, write_split):
        x = random_patches(30)
        for number, name in enumerate(("train", "valid", "test")):
            own = x[10 * number : 10 * number + 10].copy()
            own[0] = x[0]
            write_split(tmp_path, name, x=own, wsi=["shared" if name != "valid" else "own"] * 10)
        assert open_(tmp_path).doubts == (
            "valid: 1 patch is an exact repeat of patches in train",
            "test: 1 patch is an exact repeat of patches in train",
            "test: 1 slide is also in train",
            "test: 1 patch is an exact repeat of patches in valid",
        )

    def test_patches_with_two_labels_are_named(self, tmp_path, write_split):
        x = random_patches(40)
        x[1] = x[0]
        write_split(tmp_path, "patches", x=x)
        (doubt,) = open_(tmp_path, split=SplitRule(test=0.2)).doubts
        assert "2 patches with both labels" in doubt


class TestDigest:
    def test_is_the_same_for_the_same_content_in_other_files(self, tmp_path, pcam_folder, write_split):
        first = open_(pcam_folder)
        for name in ("train", "valid", "test"):
            write_split(tmp_path / "copy", name)
        second = open_(tmp_path / "copy")
        assert (first.digest, first.test_digest) == (second.digest, second.test_digest)

    @pytest.mark.parametrize("name", ["train", "valid"])
    @pytest.mark.parametrize("part", ["x", "y"])
    def test_changes_with_any_value_of_train_and_valid(self, pcam_folder, name, part):
        before = open_(pcam_folder)
        _flip_last_bit(pcam_folder / f"camelyonpatch_level_2_split_{name}_{part}.h5", part)
        after = open_(pcam_folder)
        assert before.digest != after.digest
        assert before.test_digest == after.test_digest

    def test_of_train_and_valid_ignores_the_test_split(self, pcam_folder):
        before = open_(pcam_folder)
        _flip_last_bit(pcam_folder / "camelyonpatch_level_2_split_test_x.h5", "x")
        after = open_(pcam_folder)
        assert before.digest == after.digest
        assert before.test_digest != after.test_digest

    def test_is_kept_beside_the_data_so_that_reopening_reads_no_patches(self, pcam_folder):
        reads: list[str] = []
        open_(pcam_folder, progress=lambda what, *_: reads.append(what))
        assert reads
        reads.clear()
        open_(pcam_folder, progress=lambda what, *_: reads.append(what))
        assert not reads

    def test_needs_no_place_to_be_kept(self, pcam_folder):
        for name in ("train", "valid", "test"):  # as in a read-only folder, nothing can be written there
            (pcam_folder / f".camelyonpatch_level_2_split_{name}_x.h5.hashes.npz").mkdir()
        assert open_(pcam_folder).digest == open_(pcam_folder).digest

    def test_is_computed_again_when_what_was_kept_is_damaged(self, pcam_folder):
        before = open_(pcam_folder)
        for kept in pcam_folder.glob(".*.npz"):
            kept.write_bytes(b"not a zip file")
        assert open_(pcam_folder).digest == before.digest


def _flip_last_bit(path: Path, key: str) -> None:
    with h5py.File(path, "r+") as file:
        last = file[key][-1:]
        file[key][-1:] = last ^ 1


class TestRefusals:
    """Each is found before any training, and says which file is at fault."""

    def refused(self, folder: Path, *words: str, **options: object) -> None:
        with pytest.raises(DataError) as error:
            open_(folder, **options)
        assert "\n" not in str(error.value)
        for word in words:
            assert word in str(error.value)

    def test_missing_folder(self, tmp_path):
        self.refused(tmp_path / "nowhere", "nowhere", "no such folder")

    def test_folder_that_may_not_be_read(self, pcam_folder):
        with mock.patch("os.access", return_value=False):
            self.refused(pcam_folder, "permission denied")

    def test_link_to_a_folder_that_is_gone(self, tmp_path):
        (tmp_path / "data").symlink_to("gone")
        self.refused(tmp_path / "data", "link to gone, which does not exist")

    def test_folder_without_data(self, tmp_path):
        self.refused(tmp_path, "no PCam files")

    @pytest.mark.parametrize("name", ["train", "valid", "test"])
    def test_missing_split(self, pcam_folder, name):
        for path in pcam_folder.glob(f"*_{name}_*"):
            path.unlink()
        self.refused(pcam_folder, f"the {name} split is missing")

    @pytest.mark.parametrize("part", ["x", "y"])
    def test_missing_file(self, pcam_folder, part):
        (pcam_folder / f"{TRAIN}_{part}.h5").unlink()
        self.refused(pcam_folder, f"{TRAIN}_{part}.h5", "no such file")

    @pytest.mark.parametrize("part", ["x", "y"])
    def test_damaged_file(self, pcam_folder, part):
        (pcam_folder / f"{TRAIN}_{part}.h5").write_bytes(b"garbage" * 1000)
        self.refused(pcam_folder, f"{TRAIN}_{part}.h5", "damaged")

    def test_damage_within_the_patches(self, pcam_folder):
        path = pcam_folder / f"{TRAIN}_x.h5"
        with h5py.File(path, "w") as file:
            x = file.create_dataset("x", data=np.zeros((10, 8, 8, 3), np.uint8), chunks=(5, 8, 8, 3), fletcher32=True)
            offset = x.id.get_chunk_info(1).byte_offset
        content = bytearray(path.read_bytes())
        content[offset + 3] ^= 0xFF
        path.write_bytes(bytes(content))
        self.refused(pcam_folder, f"{TRAIN}_x.h5", "damaged")

    @pytest.mark.parametrize("part", ["x", "y"])
    def test_truncated_file(self, pcam_folder, part):
        path = pcam_folder / f"{TRAIN}_{part}.h5"
        path.write_bytes(path.read_bytes()[:-5])
        self.refused(pcam_folder, path.name, "truncated")

    def test_empty_file(self, pcam_folder):
        (pcam_folder / f"{TRAIN}_x.h5").write_bytes(b"")
        self.refused(pcam_folder, f"{TRAIN}_x.h5", "empty (0 bytes)")

    def test_truncated_gzip_file(self, pcam_folder):
        path = pcam_folder / f"{TRAIN}_x.h5"
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
        path.unlink()
        self.refused(pcam_folder, path.name + ".gz", "damaged or truncated")
        assert not path.exists()

    def test_no_patches(self, pcam_folder, write_split):
        write_split(pcam_folder, "train", x=np.zeros((0, 8, 8, 3), np.uint8))
        self.refused(pcam_folder, f"{TRAIN}_x.h5", "empty")

    @pytest.mark.parametrize("shape", [(10, 8, 8), (10, 8, 8, 0), (10, 8, 8, 33), (10, 192)])
    def test_wrong_shape(self, pcam_folder, write_split, shape):
        write_split(pcam_folder, "train", x=np.zeros(shape, np.uint8))
        self.refused(pcam_folder, f"{TRAIN}_x.h5", str(shape), "(N, side, side, 3)")

    def test_patches_that_are_not_square(self, pcam_folder, write_split):
        write_split(pcam_folder, "train", x=np.zeros((10, 8, 9, 3), np.uint8))
        self.refused(pcam_folder, "8 x 9", "square")

    def test_wrong_dtype_of_patches(self, pcam_folder, write_split):
        write_split(pcam_folder, "train", x=np.zeros((10, 8, 8, 3), np.float32))
        self.refused(pcam_folder, "float32", "uint8")

    def test_wrong_dtype_of_labels(self, pcam_folder, write_split):
        write_split(pcam_folder, "train", y=np.zeros((10, 1, 1, 1), np.float64))
        self.refused(pcam_folder, f"{TRAIN}_y.h5", "float64")

    @pytest.mark.parametrize("shape", [(10, 2), (10, 3), (10, 2, 2, 1), (10, 0)])
    def test_wrong_shape_of_labels(self, pcam_folder, write_split, shape):
        write_split(pcam_folder, "train", y=np.zeros(shape, np.uint8))
        self.refused(pcam_folder, f"{TRAIN}_y.h5", str(shape) if shape != (10, 3) else "rows of 3 values")

    @pytest.mark.parametrize("label", [2, -1, 255])
    def test_label_that_is_neither_0_nor_1(self, pcam_folder, write_split, label):
        y = np.zeros((10, 1, 1, 1), np.int16)
        y[7] = label
        write_split(pcam_folder, "train", y=y)
        self.refused(pcam_folder, f"{TRAIN}_y.h5", f"label {label} at row 7")

    def test_different_lengths_of_x_and_y(self, pcam_folder, write_split):
        write_split(pcam_folder, "train", y=np.zeros((9, 1, 1, 1), np.uint8))
        self.refused(pcam_folder, f"{TRAIN}_y.h5", "9 labels", "10 patches")

    def test_file_without_the_expected_dataset(self, pcam_folder):
        with h5py.File(pcam_folder / f"{TRAIN}_x.h5", "w") as file:
            file.create_dataset("images", data=np.zeros(3))
        self.refused(pcam_folder, "no dataset 'x'", "images")

    def test_patch_size_that_is_not_the_study_files(self, pcam_folder):
        self.refused(pcam_folder, "8 x 8", "96", "data.patch_size", patch_size=96)

    def test_splits_of_different_patch_sizes(self, pcam_folder, write_split):
        write_split(pcam_folder, "test", x=np.zeros((10, 9, 9, 3), np.uint8))
        self.refused(pcam_folder, "test_x.h5", "9 pixels", patch_size=None)

    def test_meta_file_of_another_length(self, pcam_folder, write_split):
        write_split(pcam_folder, "train", wsi=["a"] * 9)
        self.refused(pcam_folder, f"{TRAIN}_meta.csv", "9 rows", "10 patches")

    def test_meta_file_without_slides(self, pcam_folder):
        (pcam_folder / f"{TRAIN}_meta.csv").write_text("a,b\n1,2\n")
        self.refused(pcam_folder, f"{TRAIN}_meta.csv", "'wsi'")

    @pytest.mark.parametrize("name", ["train", "valid", "test"])
    def test_split_with_one_class_only(self, pcam_folder, write_split, name):
        write_split(pcam_folder, name, y=np.zeros((10, 1, 1, 1), np.uint8))
        self.refused(pcam_folder, f"{name} has 10 benign and 0 malignant patches; AUC needs both")

    def test_one_labelled_set_of_one_class(self, tmp_path, write_split):
        write_split(tmp_path, "patches", y=np.ones((10, 1, 1, 1), np.uint8))
        self.refused(tmp_path, "0 benign and 10 malignant", split=SplitRule())

    def test_one_labelled_set_without_a_split_rule(self, tmp_path, write_split):
        write_split(tmp_path, "patches")
        self.refused(tmp_path, "data.split")

    def test_split_rule_for_three_splits(self, pcam_folder):
        self.refused(pcam_folder, "train, valid, test", "data.split", split=SplitRule())

    @pytest.mark.parametrize(
        "shares", [{"valid": 0.0}, {"valid": 1.0}, {"valid": 0.5, "test": 0.5}, {"test": -0.1}, {"seed": -1}]
    )
    def test_impossible_split_rule(self, shares):
        with pytest.raises(DataError, match=r"data\.split"):
            SplitRule(**shares)


class TestSingleLabelledSet:
    @pytest.mark.parametrize("name", ["patches", "train"])
    def test_is_split_80_to_20_by_default(self, tmp_path, write_split, name):
        write_split(tmp_path, name, x=np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), dtype=np.uint8))
        data = open_(tmp_path, split=SplitRule())
        assert (len(data.train), len(data.valid), len(data.test)) == (80, 20, 0)
        assert data.valid.labels.sum() == 10
        assert data.test.read([]).shape == (0, 8, 8, 3)

    def test_may_leave_a_test_share(self, tmp_path, write_split):
        x = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), dtype=np.uint8)
        write_split(tmp_path, "patches", x=x)
        data = open_(tmp_path, split=SplitRule(valid=0.2, test=0.3))
        assert (len(data.train), len(data.valid), len(data.test)) == (50, 20, 30)
        together = np.concatenate([part.read(np.arange(len(part))) for part in (data.train, data.valid, data.test)])
        assert sorted(map(bytes, together)) == sorted(map(bytes, x))

    def test_parts_read_their_own_patches(self, tmp_path, write_split):
        x = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
        write_split(tmp_path, "patches", x=x)
        valid = open_(tmp_path, split=SplitRule(seed=3)).valid
        assert np.array_equal(valid.read(np.arange(len(valid))), x[valid.rows])

    def test_keeps_slides_on_one_side(self, tmp_path, write_split):
        x = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), dtype=np.uint8)
        write_split(tmp_path, "patches", x=x, wsi=[f"slide{row // 10}" for row in range(100)])
        data = open_(tmp_path, split=SplitRule())
        assert not set(data.train.slides.tolist()) & set(data.valid.slides.tolist())
        assert len(data.valid) == 20

    def test_keeps_identical_patches_on_one_side_even_across_slides(self, tmp_path, write_split):
        x = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), dtype=np.uint8)
        x[95] = x[5]
        write_split(tmp_path, "patches", x=x, wsi=[f"slide{row // 10}" for row in range(100)])
        for seed in range(5):
            data = open_(tmp_path, split=SplitRule(seed=seed))
            assert (5 in data.valid.rows) == (95 in data.valid.rows)

    def test_digest_depends_on_the_rule(self, tmp_path, write_split):
        write_split(tmp_path, "patches", x=np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8))
        rules = [SplitRule(), SplitRule(seed=1), SplitRule(valid=0.3), SplitRule(valid=0.2, test=0.1)]
        assert len({open_(tmp_path, split=rule).digest for rule in rules}) == len(rules)
        assert open_(tmp_path, split=SplitRule()).digest == open_(tmp_path, split=SplitRule()).digest
