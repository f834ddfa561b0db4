"""Folds: every training and validation patch held out once, whole slides in one fold, test patches in none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from hpo.data.dataset import Dataset, open_dataset
from hpo.data.folds import fold_data
from hpo.errors import DataError
from hpo.recipe.folds import fold_digest, fold_seed, on_data, seeds_by_fold
from hpo.recipe.recipe import WarmStart
from tests.data.conftest import random_patches
from tests.stages.test_confirm import PLAIN


@pytest.fixture
def of_slides(tmp_path, write_split) -> Dataset:
    for name in ("train", "valid", "test"):
        slides = 5 if name == "train" else 4
        x = random_patches(10, seed=ord(name[0]))
        write_split(tmp_path, name, x=x, wsi=[f"{name}-{row // 2 % slides}" for row in range(10)])
    return open_dataset(tmp_path, patch_size=8)


def test_every_patch_is_held_out_once_with_its_label_slide_and_pixels(of_slides: Dataset) -> None:
    folds = fold_data(of_slides, 3)
    parts = (of_slides.train, of_slides.valid)
    whole = np.concatenate([part.read(np.arange(len(part))) for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    assert sorted(np.concatenate([fold.valid.rows for fold in folds]).tolist()) == list(range(20))
    for fold in folds:
        assert not set(fold.train.rows) & set(fold.valid.rows)
        assert len(fold.train) + len(fold.valid) == 20
        for side in (fold.train, fold.valid):
            assert set(side.labels.tolist()) == {0, 1}
            assert np.array_equal(side.labels, labels[side.rows])
            asked = np.array([2, 0, len(side) - 1, 2])
            assert np.array_equal(side.read(asked), whole[side.rows[asked]])
            assert side.shape == (len(side), 8, 8, 3)
        assert fold.train.slides is not None
        assert fold.valid.slides is not None
        assert not set(fold.train.slides) & set(fold.valid.slides)


def test_a_folds_address_follows_from_the_data_and_its_number(of_slides: Dataset) -> None:
    digests = [fold.digest for fold in fold_data(of_slides, 3)]
    assert digests == [fold_digest(of_slides.digest, 3, number) for number in range(3)]
    assert len({*digests, of_slides.digest, fold_digest(of_slides.digest, 4, 0)}) == 5
    again = [fold.valid.rows.tolist() for fold in fold_data(of_slides, 3)]
    assert again == [fold.valid.rows.tolist() for fold in fold_data(of_slides, 3)]


def test_more_folds_than_slides_is_one_line(of_slides: Dataset) -> None:
    with pytest.raises(DataError, match=re.escape("13 folds of whole slides, and the training and validation patches")):
        fold_data(of_slides, 13)


def test_without_slides_patches_are_split(tmp_path, write_split) -> None:
    for name in ("train", "valid", "test"):
        write_split(tmp_path, name, x=random_patches(10, seed=ord(name[0])))
    dataset = open_dataset(tmp_path, patch_size=8)
    folds = fold_data(dataset, 5)
    assert {len(fold.valid) for fold in folds} == {4}
    with pytest.raises(DataError, match=r"99 folds, and the training and validation patches are in 20 groups"):
        fold_data(dataset, 99)


def test_a_donor_moves_to_the_fold_with_its_recipe() -> None:
    warm = replace(PLAIN, initial=WarmStart(PLAIN, epoch=4))
    moved = on_data(warm, "e" * 64)
    assert moved.initial is not None
    assert (moved.data, moved.initial.donor.data) == ("e" * 64, "e" * 64)
    assert moved.key != warm.key


def test_every_training_over_folds_has_a_seed_of_its_own() -> None:
    seeds = [seed for fold in seeds_by_fold(5, 3) for seed in fold]
    assert len(set(seeds)) == 15
    assert all(0 <= seed < 2**31 for seed in (*seeds, fold_seed(2**31 - 1, 50)))
