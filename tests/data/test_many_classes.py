"""Data sets of more than two classes, and of other than three channels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.data.check import check_folder
from hpo.data.dataset import SplitRule, open_dataset
from hpo.data.images.importing import Options, import_images
from hpo.data.synthetic import make_sample
from hpo.errors import DataError

SPLITS = ("train", "valid", "test")


def write(folder: Path, write_split, *, classes=("a", "b", "c"), y=None, channels=3, **other) -> Path:
    """Three splits of 12 patches, four of each class unless ``y`` says otherwise."""
    for seed, name in enumerate(SPLITS):
        x = np.random.default_rng(seed).integers(0, 256, (12, 8, 8, other.get(name, channels)), dtype=np.uint8)
        write_split(folder, name, x=x, y=np.arange(12) % 3 if y is None else y)
    if classes:
        (folder / "dataset.json").write_text(json.dumps({"format": 1, "classes": list(classes)}))
    return folder


def refused(folder: Path, split: SplitRule | None = None) -> str:
    with pytest.raises(DataError) as error:
        open_dataset(folder, patch_size=None, split=split)
    assert "\n" not in str(error.value)
    return str(error.value)


class TestLabels:
    def test_numbers_from_0_with_names(self, tmp_path, write_split):
        data = open_dataset(write(tmp_path, write_split), patch_size=8)
        assert data.classes == ("a", "b", "c")
        assert data.train.labels.tolist() == [0, 1, 2] * 4

    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, bool])
    def test_one_hot_rows_are_the_same_data_set(self, tmp_path, write_split, dtype):
        plain = open_dataset(write(tmp_path / "plain", write_split), patch_size=8)
        hot = np.eye(3, dtype=dtype)[np.arange(12) % 3]
        for name, y in (("flat", hot), ("deep", hot.reshape(12, 1, 1, 3))):
            data = open_dataset(write(tmp_path / name, write_split, y=y), patch_size=8)
            assert data.train.labels.tolist() == plain.train.labels.tolist()
            assert data.digest == plain.digest

    @pytest.mark.parametrize(
        ("row", "words"),
        [([1, 1, 0], "(1, 1, 0), which sums to 2"), ([0, 0, 0], "sums to 0"), ([0.5, 0.5, 0], "(0.5, 0.5, 0)")],
    )
    def test_rows_that_are_not_one_hot_are_refused(self, tmp_path, write_split, row, words):
        hot = np.eye(3)[np.arange(12) % 3]
        hot[4] = row
        said = refused(write(tmp_path, write_split, y=hot))
        assert "split_train_y.h5" in said
        assert "its row 4" in said
        assert words in said

    def test_labels_that_count_from_1_are_refused(self, tmp_path, write_split):
        said = refused(write(tmp_path, write_split, y=1 + np.arange(12) % 3))
        assert said.endswith("labels are 0 to 2, and here they are 1 to 3: subtract 1 from each")

    def test_more_classes_than_are_named_are_refused_with_how_to_name_them(self, tmp_path, write_split):
        assert 'dataset.json beside it names the classes, such as {"format": 1' in refused(
            write(tmp_path / "plain", write_split, classes=())
        )
        assert "rows of 3 values, and there are 2 classes (benign, malignant)" in refused(
            write(tmp_path / "hot", write_split, classes=(), y=np.eye(3)[np.arange(12) % 3])
        )

    def test_classes_that_dataset_json_does_not_name_are_to_be_added_there(self, tmp_path, write_split):
        said = refused(write(tmp_path, write_split, classes=("a", "b")))
        assert said.endswith("labels are 0 and 1, as dataset.json beside it names 2 classes; name all of them there")

    def test_labels_from_1_without_names_are_refused_with_both_ways(self, tmp_path, write_split):
        said = refused(write(tmp_path, write_split, classes=(), y=1 + np.arange(12) % 3))
        assert "dataset.json beside it names the classes" in said
        assert said.endswith("and labels begin at 0: subtract 1 from each")

    def test_numbers_to_predict_are_refused_as_such(self, tmp_path, write_split):
        said = refused(write(tmp_path, write_split, classes=(), y=np.linspace(0, 1, 12).astype(np.float32)))
        assert "y has dtype float32; labels are the integers 0 and 1" in said
        assert "regression" in said

    @pytest.mark.parametrize("value", [-1, 3, 255, 300])
    def test_a_label_that_is_no_classs_is_refused(self, tmp_path, write_split, value):
        y = np.arange(12) % 3
        y[5] = value
        assert f"label {value} at row 5 (1 such rows); labels are 0 to 2" in refused(write(tmp_path, write_split, y=y))

    def test_a_class_without_an_image_in_a_split_is_named(self, tmp_path, write_split):
        said = refused(write(tmp_path, write_split, y=np.arange(12) % 2))
        assert "train has no patch of c (of 3 classes); every split needs patches of every class" in said
        problems = check_folder(tmp_path).problems
        assert [problem for problem in problems if problem.startswith("valid has no patch of c")]

    @pytest.mark.parametrize("pair", [("fat", "Fat"), ("smooth muscle", "smooth_muscle"), ("a", "a ")])
    def test_one_name_in_two_spellings_is_refused(self, tmp_path, write_split, pair):
        said = refused(write(tmp_path, write_split, classes=(*pair, "other")))
        assert f"{pair[0]!r} and {pair[1]!r} are one name in two spellings" in said

    def test_patches_of_several_labels_are_found(self, tmp_path, write_split):
        write_split(tmp_path, "patches", x=np.zeros((6, 8, 8, 3), np.uint8), y=np.arange(6) % 3)
        (tmp_path / "dataset.json").write_text('{"format": 1, "classes": ["a", "b", "c"]}')
        assert any("6 patches with several labels" in problem for problem in check_folder(tmp_path).problems)


class TestChannels:
    @pytest.mark.parametrize("channels", [1, 2, 4])
    def test_patches_are_read_with_the_channels_that_they_have(self, tmp_path, write_split, channels):
        data = open_dataset(write(tmp_path, write_split, channels=channels), patch_size=8)
        assert data.train.shape == (12, 8, 8, channels)
        assert data.train.read([3, 1]).shape == (2, 8, 8, channels)
        check_folder(tmp_path, preview=tmp_path / "preview.png")
        assert Image.open(tmp_path / "preview.png").mode == "RGB"

    def test_grey_patches_without_their_axis_are_refused_with_how_to_add_it(self, tmp_path, write_split):
        write_split(tmp_path, "train", x=np.zeros((4, 8, 8), np.uint8))
        write_split(tmp_path, "valid")
        write_split(tmp_path, "test")
        assert "x[..., None]" in refused(tmp_path)

    def test_splits_of_several_numbers_of_channels_are_refused(self, tmp_path, write_split):
        folder = write(tmp_path, write_split, valid=1)
        assert "patches of 1 channels, those of train are 3" in refused(folder)
        assert "valid: patches of 1 channels, those of train are 3" in check_folder(folder).problems


class TestGreyImages:
    def images(self, folder: Path, mode: str) -> Path:
        for number in range(6):
            path = folder / "abc"[number % 3] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = np.full((8, 8, 3), (10 * number, 20 * number, 5), np.uint8)
            Image.fromarray(values).convert(mode).save(path)
        return folder

    @pytest.mark.parametrize("mode", ["L", "RGB", "LA", "1", "P"])
    def test_they_become_patches_of_one_channel(self, tmp_path, mode):
        imported = import_images(self.images(tmp_path / "i", mode), tmp_path / "d", Options(grey=True))
        assert imported.counts == {"patches": (2, 2, 2)}
        assert imported.changes == ({"RGB converted to grey": 6} if mode == "RGB" else imported.changes)
        assert bool(imported.changes) == (mode in ("RGB", "P"))
        data = open_dataset(tmp_path / "d", patch_size=8, split=SplitRule(0.5))
        assert data.train.shape == (3, 8, 8, 1)
        expected = Image.open(tmp_path / "i" / "a" / "3.png").convert("L").getpixel((0, 0))
        assert (
            expected in data.train.read(np.arange(3)).ravel().tolist() + data.valid.read(np.arange(3)).ravel().tolist()
        )

    def test_tiles_of_grey_images(self, tmp_path):
        imported = import_images(self.images(tmp_path / "i", "L"), tmp_path / "d", Options(grey=True, tile=4))
        assert imported.counts == {"patches": (8, 8, 8)}


class TestSampleOfThreeClasses:
    @pytest.fixture(scope="class")
    @classmethod
    def sample(cls, tmp_path_factory) -> Path:
        folder = tmp_path_factory.mktemp("three") / "sample"
        make_sample(folder, train=60, valid=9, test=9, patch_size=32, classes=3)
        return folder

    def test_has_a_third_of_each(self, sample):
        data = open_dataset(sample, patch_size=32)
        assert data.classes == ("benign", "malignant", "fat")
        assert np.bincount(data.train.labels).tolist() == [20, 20, 20]

    def test_fat_is_pale_and_the_others_are_not(self, sample):
        train = open_dataset(sample, patch_size=32).train
        light = train.read(np.arange(60)).mean(axis=(1, 2, 3))
        assert light[train.labels == 2].mean() > light[train.labels != 2].mean() + 20

    def test_replaces_a_sample_of_two_as_a_whole_and_back(self, tmp_path):
        for classes, names in ((3, ("benign", "malignant", "fat")), (2, ("benign", "malignant"))):
            make_sample(tmp_path / "s", train=6, valid=6, test=6, patch_size=32, classes=classes)
            assert open_dataset(tmp_path / "s", patch_size=32).classes == names

    def test_of_four_classes_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="has 4 classes; allowed: 2 or 3"):
            make_sample(tmp_path / "s", train=6, valid=6, test=6, classes=4)
        with pytest.raises(DataError, match="at least 3, one of each class"):
            make_sample(tmp_path / "s", train=6, valid=2, test=6, classes=3)
