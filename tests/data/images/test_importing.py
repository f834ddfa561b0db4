from __future__ import annotations

import io
import tarfile
from pathlib import Path

import h5py
import pytest
from PIL import Image

from hpo.data.dataset import open_dataset
from hpo.data.images.importing import Options, import_images
from hpo.errors import DataError


def image_bytes(shade: int, side: int = 8, kind: str = "PNG", mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (shade, 100, 50)).convert(mode).save(stream, format=kind)
    return stream.getvalue()


def write_folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def shades(folder: Path, stem: str) -> list[int]:
    with h5py.File(folder / f"{stem}_x.h5") as file:
        return [int(shade) for shade in file["x"][:, 0, 0, 0]]


def labels(folder: Path, stem: str) -> list[int]:
    with h5py.File(folder / f"{stem}_y.h5") as file:
        assert file["y"].shape[1:] == (1, 1, 1)
        return [int(label) for label in file["y"][:, 0, 0, 0]]


PCAM_TRAIN = "camelyonpatch_level_2_split_train"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_tars_become_the_splits_of_their_names_in_the_order_of_their_row_numbers(tmp_path, suffix):
    for number, split in enumerate(("train", "valid", "test")):
        files = {f"set/{split}/1/patch0000{n}.png": image_bytes(n + number) for n in (7, 30, 1)}
        files |= {f"set/{split}/0/patch0000{n}.png": image_bytes(n + number) for n in (20, 3)}
        write_tar(tmp_path / "tars" / f"pcam-subset-{split}{suffix}", files)

    imported = import_images(tmp_path / "tars", tmp_path / "data")

    assert imported.counts == {"train": (2, 3), "valid": (2, 3), "test": (2, 3)}
    assert imported.classes == ("0", "1")
    assert shades(tmp_path / "data", PCAM_TRAIN) == [1, 3, 7, 20, 30]
    assert labels(tmp_path / "data", PCAM_TRAIN) == [1, 0, 1, 0, 1]
    assert len(open_dataset(tmp_path / "data", patch_size=8).test) == 5


def test_a_tars_name_tells_the_split_where_its_folders_do_not(tmp_path):
    path = write_tar(tmp_path / "my_val_images.tar", {"a/1.png": image_bytes(1), "b/2.png": image_bytes(2)})
    assert list(import_images(path, tmp_path / "data").counts) == ["valid"]


def test_split_folders_become_splits(tmp_path):
    files = {f"{split}/{kind}/1.png": image_bytes(5) for split in ("train", "val", "test") for kind in ("no", "yes")}
    imported = import_images(write_folder(tmp_path / "images", files), tmp_path / "data")
    assert imported.counts == {"train": (1, 1), "valid": (1, 1), "test": (1, 1)}


def test_class_folders_alone_become_one_labelled_set(tmp_path):
    files = {f"benign/{n}.png": image_bytes(n) for n in (10, 9)} | {"malignant/1.png": image_bytes(1)}
    imported = import_images(write_folder(tmp_path / "images", files), tmp_path / "data")
    assert imported.counts == {"patches": (2, 1)}
    assert shades(tmp_path / "data", "patches") == [1, 9, 10]
    assert labels(tmp_path / "data", "patches") == [1, 0, 0]


def test_classes_may_be_named_in_another_order(tmp_path):
    source = write_folder(tmp_path / "images", {"cancer/1.png": image_bytes(1), "healthy/2.png": image_bytes(2)})
    imported = import_images(source, tmp_path / "data", Options(classes="healthy,cancer"))
    assert imported.classes == ("healthy", "cancer")
    assert labels(tmp_path / "data", "patches") == [1, 0]


@pytest.mark.parametrize(("suffix", "kind"), [("jpg", "JPEG"), ("tif", "TIFF"), ("bmp", "BMP"), ("PNG", "PNG")])
def test_image_formats(tmp_path, suffix, kind):
    files = {f"{n}/{n}.{suffix}": image_bytes(n, kind=kind) for n in (0, 1)}
    assert import_images(write_folder(tmp_path / "i", files), tmp_path / "data").counts == {"patches": (1, 1)}


@pytest.mark.parametrize("at_once", [1, 3, 256])
def test_rows_and_labels_are_the_same_however_many_images_are_decoded_at_once(tmp_path, monkeypatch, at_once):
    monkeypatch.setattr("hpo.data.images.reading.BATCH", at_once)
    files = {f"{n % 2}/{n}.png": image_bytes(n) for n in (9, 2, 30, 4, 7, 11, 5, 3)}
    for source in (write_folder(tmp_path / "images", files), write_tar(tmp_path / "images.tar", files)):
        import_images(source, tmp_path / "data", Options(overwrite=True))
        assert shades(tmp_path / "data", "patches") == [2, 3, 4, 5, 7, 9, 11, 30]
        assert labels(tmp_path / "data", "patches") == [0, 1, 0, 1, 1, 1, 1, 0]


def test_progress_counts_every_image(tmp_path):
    files = {f"{n % 2}/{n}.png": image_bytes(n) for n in range(6)}
    calls: list[tuple[str, int, int]] = []
    source = write_folder(tmp_path / "images", files)
    import_images(source, tmp_path / "data", progress=lambda *call: calls.append(call))
    assert [done for _, done, _ in calls] == [1, 2, 3, 4, 5, 6]
    assert calls[-1][1] == calls[-1][2]


class TestRefusals:
    def refused(self, source: Path, destination: Path, *words: str, **options: object) -> None:
        with pytest.raises(DataError) as error:
            import_images(source, destination, Options(**options))
        for word in words:
            assert word in str(error.value)
        assert not list(destination.glob("*.h5"))
        assert not list(destination.glob(".*"))

    def test_missing_source(self, tmp_path):
        self.refused(tmp_path / "nowhere", tmp_path / "data", "no such file or folder")

    def test_no_images(self, tmp_path):
        self.refused(tmp_path, tmp_path / "data", "no images found")

    @pytest.mark.parametrize("kinds", [["a"], [f"k{n:03}" for n in range(101)]])
    def test_one_class_or_far_too_many(self, tmp_path, kinds):
        source = write_folder(tmp_path / "images", {f"{kind}/1.png": image_bytes(1) for kind in kinds})
        words = f"found {len(kinds)} class folder", ", ".join(kinds[:12]), "two or more class folders, 100 at most"
        self.refused(source, tmp_path / "data", *words)

    def test_slides_below_three_classes_are_not_taken_for_classes(self, tmp_path):
        files = {f"{kind}/slide{n}/1.png": image_bytes(n) for n, kind in enumerate("abcabc")}
        source = write_folder(tmp_path / "images", files)
        self.refused(source, tmp_path / "data", "found 6 class folders", "--classes a,b,c takes them")
        imported = import_images(source, tmp_path / "data", Options(classes="a,b,c", slide_from="folder:2"))
        assert imported.counts == {"patches": (2, 2, 2)}
        assert imported.slides == {"patches": 6}

    def test_grey_and_rgb_contradict_each_other(self, tmp_path):
        source = write_folder(tmp_path / "images", {f"{kind}/1.png": image_bytes(1) for kind in "ab"})
        self.refused(source, tmp_path / "data", "--grey and --to-rgb contradict", grey=True, to_rgb=True)

    def test_classes_that_are_not_there(self, tmp_path):
        source = write_folder(tmp_path / "images", {f"{kind}/1.png": image_bytes(1) for kind in "ab"})
        self.refused(source, tmp_path / "data", "names c", "a, b", classes="a,c")

    def test_damaged_image(self, tmp_path):
        files = {"0/1.png": image_bytes(1), "1/2.png": image_bytes(2)[:-30]}
        self.refused(write_folder(tmp_path / "images", files), tmp_path / "data", "2.png", "damaged")

    def test_damaged_image_in_a_tar(self, tmp_path):
        tar = write_tar(tmp_path / "train.tar", {"0/1.png": image_bytes(1), "1/2.png": b"not an image"})
        self.refused(tar, tmp_path / "data", "train.tar", "1/2.png", "damaged")

    def test_truncated_tar(self, tmp_path):
        tar = write_tar(tmp_path / "train.tar", {f"{n}/{n}.png": image_bytes(n, side=64) for n in (0, 1)})
        tar.write_bytes(tar.read_bytes()[:1600])
        self.refused(tar, tmp_path / "data", "train.tar", "truncated")

    def test_not_a_tar(self, tmp_path):
        (tmp_path / "train.tar").write_bytes(b"x" * 5000)
        self.refused(tmp_path / "train.tar", tmp_path / "data", "not a tar")

    def test_images_of_different_sizes(self, tmp_path):
        files = {"0/1.png": image_bytes(1), "1/2.png": image_bytes(2, side=9)}
        self.refused(write_folder(tmp_path / "images", files), tmp_path / "data", "2.png", "9 x 9", "8 x 8")

    def test_images_of_another_size_than_asked_for(self, tmp_path):
        files = {"0/1.png": image_bytes(1), "1/2.png": image_bytes(2)}
        self.refused(write_folder(tmp_path / "images", files), tmp_path / "data", "8 x 8", "96 x 96", patch_size=96)

    def test_images_without_colour(self, tmp_path):
        files = {f"{n}/{n}.png": image_bytes(n, mode="L") for n in (0, 1)}
        self.refused(write_folder(tmp_path / "images", files), tmp_path / "data", "mode L ", "RGB")

    def test_a_data_set_that_is_there_already(self, tmp_path):
        source = write_folder(tmp_path / "images", {f"{kind}/1.png": image_bytes(1) for kind in "ab"})
        import_images(source, tmp_path / "data")
        with pytest.raises(DataError, match="--overwrite"):
            import_images(source, tmp_path / "data")
        assert import_images(source, tmp_path / "data", Options(overwrite=True)).counts == {"patches": (1, 1)}
