"""Folds: every training and validation patch held out once, whole slides in one fold, test patches in none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.data.dataset import Dataset, Patches, open_dataset
from hpo.data.folds import fold_data
from hpo.errors import DataError
from hpo.recipe.folds import earlier_fold_digest, fold_seed, on_data, seeds_by_fold
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


def test_a_folds_address_follows_from_the_data_and_the_patches_that_it_holds_out(of_slides: Dataset) -> None:
    folds = fold_data(of_slides, 3)
    digests = [fold.digest for fold in folds]
    assert len({*digests, of_slides.digest, *(fold.digest for fold in fold_data(of_slides, 4))}) == 8
    fold_data.cache_clear()
    again = fold_data(of_slides, 3)
    assert [fold.digest for fold in again] == digests
    assert [fold.valid.rows.tolist() for fold in again] == [fold.valid.rows.tolist() for fold in folds]
    assert [fold.earlier_digest for fold in folds] == [earlier_fold_digest(of_slides.digest, 3, k) for k in range(3)]


def test_another_table_of_slides_gives_folds_of_other_patches_other_addresses(of_slides: Dataset) -> None:
    moved = of_slides.train.slides.copy()
    moved[[0, 1]] = "train-4"
    other = replace(of_slides, train=replace(of_slides.train, slides=moved))
    assert other.digest == of_slides.digest
    for fold in fold_data(of_slides, 3):
        for changed in fold_data(other, 3):
            same = fold.valid.rows.tolist() == changed.valid.rows.tolist()
            assert (fold.digest == changed.digest) is same
    assert {fold.digest for fold in fold_data(of_slides, 3)} != {fold.digest for fold in fold_data(other, 3)}


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**31), st.integers(7, 14), st.integers(2, 4))
def test_no_slide_and_no_pixels_are_on_both_sides(folds: int, seed: int, slides: int, classes: int) -> None:
    chance = np.random.default_rng(seed)
    dataset = made_dataset(chance, slides, classes)
    try:
        made = fold_data(dataset, folds)
    except DataError:
        return  # fewer groups than folds, or too few to have each class everywhere
    held = np.concatenate([fold.valid.rows for fold in made])
    assert sorted(held.tolist()) == list(range(len(dataset.train) + len(dataset.valid)))
    hashes = np.concatenate([dataset.train.hashes, dataset.valid.hashes])
    for fold in made:
        assert not set(fold.train.slides.tolist()) & set(fold.valid.slides.tolist())
        of_side = [{row.tobytes() for row in hashes[side.rows]} for side in (fold.train, fold.valid)]
        assert not of_side[0] & of_side[1]
        assert {*fold.train.labels.tolist()} == {*fold.valid.labels.tolist()} == set(range(classes))


def made_dataset(chance: np.random.Generator, slides: int, classes: int) -> Dataset:
    """Two splits that may have slides and identical patches in common."""

    def part(name: str, count: int) -> Patches:
        of_slide = chance.integers(slides, size=count)
        pixels = chance.integers(4 * count, size=count)  # a few are the same
        return Patches(
            name,
            Path("nowhere"),
            np.arange(count),
            chance.permutation(np.arange(count) % classes).astype(np.uint8),
            np.char.add("slide-", of_slide.astype(str)),
            np.stack([np.frombuffer(int(one).to_bytes(32, "big"), np.uint8) for one in pixels]),
            8,
        )

    train, valid = part("train", 60), part("valid", 24)
    return Dataset(train, valid, valid, "d" * 64, "e" * 64)


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
