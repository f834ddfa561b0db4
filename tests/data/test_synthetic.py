from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.data.dataset import open_dataset
from hpo.data.stain import random_stain, to_rgb
from hpo.data.synthetic import make_sample
from hpo.data.textures import Textures, make_textures
from hpo.data.tissue import Slide, centre, draw_patch, make_slide
from hpo.errors import DataError


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "sample"
    make_sample(folder, train=260, valid=20, test=10, seed=1)
    return folder


def test_a_sample_opens_as_a_pcam_data_set_with_equal_classes(sample):
    data = open_dataset(sample, patch_size=96)
    assert data.train.shape == (260, 96, 96, 3)
    assert [int(part.labels.sum()) for part in (data.train, data.valid, data.test)] == [130, 10, 5]


def test_no_slide_is_in_two_splits(sample):
    data = open_dataset(sample, patch_size=96)
    slides = [set(part.slides.tolist()) for part in (data.train, data.valid, data.test)]
    assert len(set().union(*slides)) == sum(map(len, slides))
    assert len(slides[0]) > 5


def test_the_meta_file_has_the_official_columns(sample):
    with (sample / "camelyonpatch_level_2_split_train_meta.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["", "coord_y", "coord_x", "tumor_patch", "center_tumor_patch", "wsi"]
    labels = open_dataset(sample, patch_size=96).train.labels
    assert [row[4] == "True" for row in rows[1:]] == labels.astype(bool).tolist()


def test_some_benign_patches_have_tumour_outside_their_centre(sample):
    with (sample / "camelyonpatch_level_2_split_train_meta.csv").open() as file:
        rows = list(csv.DictReader(file))
    edges = [row for row in rows if row["tumor_patch"] == "True" and row["center_tumor_patch"] == "False"]
    assert 0.02 < len(edges) / len(rows) < 0.2
    assert all(row["tumor_patch"] == "True" for row in rows if row["center_tumor_patch"] == "True")


def test_no_two_patches_are_the_same(sample):
    data = open_dataset(sample, patch_size=96)
    hashes = np.concatenate([data.train.hashes, data.valid.hashes, data.test.hashes])
    assert len(np.unique(hashes, axis=0)) == len(hashes)


def test_a_smaller_sample_is_the_beginning_of_a_larger_one_on_any_number_of_processes(sample, tmp_path):
    make_sample(tmp_path / "again", train=252, valid=6, test=2, seed=1, processes=2)
    small, large = open_dataset(tmp_path / "again", patch_size=96), open_dataset(sample, patch_size=96)
    assert np.array_equal(small.train.hashes, large.train.hashes[:252])
    assert np.array_equal(small.train.labels, large.train.labels[:252])
    assert np.array_equal(small.valid.hashes, large.valid.hashes[:6])


def test_another_seed_makes_other_patches(sample, tmp_path):
    make_sample(tmp_path / "other", train=4, valid=2, test=2, seed=2)
    other, first = open_dataset(tmp_path / "other", patch_size=96), open_dataset(sample, patch_size=96)
    assert not np.isin(other.train.hashes[:, 0], first.train.hashes[:4, 0]).all()


def test_progress_ends_with_all_patches(tmp_path):
    calls: list[tuple[int, int]] = []
    make_sample(tmp_path / "s", train=4, valid=2, test=2, patch_size=32, progress=lambda *call: calls.append(call))
    assert calls[-1] == (8, 8)


def test_an_existing_folder_keeps_its_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    make_sample(tmp_path, train=2, valid=2, test=2, patch_size=32)
    make_sample(tmp_path, train=4, valid=2, test=2, patch_size=32)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(open_dataset(tmp_path, patch_size=32).train) == 4


def test_a_folder_that_exists_may_be_on_a_disk_of_its_own(tmp_path, monkeypatch):
    moved: list[tuple[Path, Path]] = []
    replace_ = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, other: moved.append((path, Path(other))) or replace_(path, other))
    (tmp_path / "made").mkdir()
    make_sample(tmp_path / "made", train=2, valid=2, test=2, patch_size=32)
    assert all((tmp_path / "made") in path.parents for pair in moved for path in pair)
    assert len(open_dataset(tmp_path / "made", patch_size=32).train) == 2


def test_a_killed_sample_leaves_the_data_set_that_it_would_have_replaced(tmp_path, monkeypatch):
    make_sample(tmp_path / "made", train=4, valid=2, test=2, patch_size=32, seed=1)
    before = open_dataset(tmp_path / "made", patch_size=32).digest

    def killed(_path: Path, _other: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hpo.data.images.staging._complete", killed)
    with pytest.raises(KeyboardInterrupt):
        make_sample(tmp_path / "made", train=4, valid=2, test=2, patch_size=32, seed=2)
    assert open_dataset(tmp_path / "made", patch_size=32).digest == before


def test_nothing_is_left_behind_by_an_interrupted_sample(tmp_path):
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_sample(tmp_path / "s", train=2, valid=2, test=2, patch_size=32, progress=interrupt)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": 1}, "train split has 1"),
        ({"patch_size": 31}, "31 pixels"),
        ({"patch_size": 600}, "600 pixels"),
        ({"seed": -1}, "seed"),
        ({"processes": 0}, "processes"),
    ],
)
def test_impossible_samples_are_refused(tmp_path, change, words):
    with pytest.raises(DataError, match=words):
        make_sample(tmp_path / "s", **{"train": 2, "valid": 2, "test": 2, **change})


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        make_sample(tmp_path / "file" / "s", train=2, valid=2, test=2)


@pytest.fixture(scope="module")
def textures() -> Textures:
    return make_textures(np.random.default_rng(0))


class TestPatch:
    @pytest.mark.parametrize("size", [32, 96, 128])
    def test_has_a_malignant_nucleus_in_its_centre_exactly_if_malignant(self, textures, size):
        slide = _with_black_tumour(make_slide(np.random.default_rng(1)))
        anywhere = []
        for seed in range(30):
            for malignant in (True, False):
                pixels, tumour = draw_patch(slide, textures, malignant, size, np.random.default_rng(seed))
                black = pixels.max(axis=2) < 5
                assert black[centre(size), centre(size)].any() == malignant
                assert black.any() == tumour
                anywhere.append(tumour)
        assert 30 < sum(anywhere) < 60  # some of the benign ones have tumour elsewhere

    def test_is_stained_between_white_and_dark(self, textures):
        slide = make_slide(np.random.default_rng(2))
        drawn = [draw_patch(slide, textures, bool(i % 2), 96, np.random.default_rng(i))[0] for i in range(40)]
        patches = np.stack(drawn)
        red, green, blue = patches.mean(axis=(0, 1, 2))
        assert green < red < 230
        assert green < blue < 230
        assert patches.std() > 30

    def test_centre_is_pcams_for_pcams_size(self):
        assert centre(96) == slice(32, 64)


def _with_black_tumour(slide: Slide) -> Slide:
    """The same slide in perfect focus, with malignant nuclei, and nothing else, black."""
    nuclei = [
        [replace(nucleus, keep=1.0 - nucleus.mask, add=np.stack([20.0 * nucleus.mask] * 2)) for nucleus in patient]
        for patient in slide.nuclei["tumour"]
    ]
    return replace(slide, nuclei=slide.nuclei | {"tumour": nuclei}, stain=replace(slide.stain, blur=0.0, noise=0.0))


class TestStain:
    def test_unstained_tissue_is_as_bright_as_the_lamp(self):
        rng = np.random.default_rng(0)
        stain = random_stain(rng)
        picture = to_rgb(np.zeros((2, 64, 64), np.float32), stain, rng)
        assert np.allclose(picture.mean(axis=(0, 1)), stain.light, atol=1)

    def test_optical_density_is_proportional_to_concentration(self):
        rng = np.random.default_rng(0)
        stain = random_stain(rng)
        thin, thick = (
            -np.log(to_rgb(np.full((2, 64, 64), c, np.float32), stain, rng).mean(axis=(0, 1)) / stain.light)
            for c in (0.2, 0.4)
        )
        assert np.allclose(thick, 2 * thin, rtol=0.05)
        assert np.allclose(thin, 0.2 * stain.vectors.sum(axis=0), rtol=0.05)
