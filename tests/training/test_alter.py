"""Random changes of patches: their numbers, and what they do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.data.stain import RUIFROK_JOHNSTON
from hpo.models.backend import tf
from hpo.recipe.augmentations import Augmentations
from hpo.training import alter
from hpo.training.alter import Alterations, Asked
from hpo.training.augment import draw_epoch, jitter_stain

SIZE = 12
PATCHES = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
EVERY = Augmentations(shift=3, brightness=0.2, blur=1.5, he_jitter=0.1, mixup=0.4, cutmix=1.0)


def drawn(asked: Augmentations, *, epoch: int = 1, patches: int = 6400, jitter: float = 0.0) -> Alterations:
    return draw_epoch(0, epoch, patches, 16, jitter, Asked(asked, SIZE, has_own=True)).alterations


def test_what_is_off_draws_nothing() -> None:
    widths = {name: numbers.shape[-1] for name, numbers in draw_epoch(0, 1, 64, 16, 0.1).alterations._asdict().items()}
    assert widths == dict.fromkeys(Alterations._fields, 0)


def test_numbers_repeat_with_seed_and_epoch_and_differ_between_epochs() -> None:
    first, again, other = drawn(EVERY), drawn(EVERY), drawn(EVERY, epoch=2)
    for name in Alterations._fields:
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
        assert not np.array_equal(getattr(first, name), getattr(other, name)), name


@pytest.mark.parametrize("name", ["shift", "brightness", "blur"])
def test_one_change_that_is_switched_on_alters_no_others_numbers(name: str) -> None:
    alone = drawn(replace(Augmentations(), **{name: getattr(EVERY, name)}))
    assert np.array_equal(getattr(alone, name), getattr(drawn(EVERY), name))


def test_older_numbers_are_what_they_were() -> None:
    plain, with_all = draw_epoch(3, 2, 64, 16, 0.2), draw_epoch(3, 2, 64, 16, 0.2, Asked(EVERY, SIZE, True))
    for name in ("order", "turns", "stain"):
        assert np.array_equal(getattr(plain, name), getattr(with_all, name))


def test_shifts_use_every_whole_number_of_pixels_equally() -> None:
    pixels = drawn(EVERY).shift
    assert pixels.dtype == np.int32
    for axis in (0, 1):
        found, counts = np.unique(pixels[..., axis], return_counts=True)
        assert found.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        assert counts == pytest.approx(6400 / 7, rel=0.15)


def test_strengths_use_the_whole_of_their_range() -> None:
    numbers = drawn(EVERY)
    assert (numbers.brightness.min(), numbers.brightness.max()) == pytest.approx((0.8, 1.2), abs=1e-3)
    assert (numbers.blur.min(), numbers.blur.max()) == pytest.approx((0.0, 1.5), abs=1e-3)


@pytest.mark.parametrize("pixels", [(0, 0), (2, -3), (-1, 5), (11, -11)])
def test_a_shifted_patch_is_a_crop_of_the_mirrored_one(pixels: tuple[int, int]) -> None:
    found = alter.shift(tf.constant(PATCHES), tf.constant([pixels] * 4)).numpy()
    assert found.dtype == np.uint8
    margin = SIZE - 1
    padded = np.pad(PATCHES, ((0, 0), (margin, margin), (margin, margin), (0, 0)), "reflect")
    down, right = margin - pixels[0], margin - pixels[1]
    assert np.array_equal(found, padded[:, down : down + SIZE, right : right + SIZE])


def gaussian(patch: NDArray[Any], deviation: float, radius: int) -> NDArray[Any]:
    taps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (taps / deviation) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        patch = np.apply_along_axis(
            lambda line: np.convolve(np.pad(line, radius, "reflect"), weights, "valid"), axis, patch
        )
    return patch


def test_each_patch_is_blurred_by_its_own_deviation() -> None:
    deviations = np.array([[0.0], [0.4], [1.0], [1.5]], np.float32)
    found = alter.blur(tf.constant(PATCHES), tf.constant(deviations), EVERY.blur_radius).numpy()
    assert EVERY.blur_radius == 5
    assert found[0] == pytest.approx(PATCHES[0], abs=1e-3)
    for index in (1, 2, 3):
        expected = gaussian(PATCHES[index].astype(float), float(deviations[index, 0]), 5)
        assert found[index] == pytest.approx(expected, abs=0.01)


def density_of(patches: NDArray[Any]) -> NDArray[Any]:
    return -np.log((patches.astype(np.float64) + 1) / 256)


def test_the_stains_are_unit_directions_and_the_third_is_at_right_angles() -> None:
    assert np.linalg.norm(RUIFROK_JOHNSTON, axis=1) == pytest.approx(1.0)
    assert RUIFROK_JOHNSTON[2] @ RUIFROK_JOHNSTON[:2].T == pytest.approx(0.0)


def test_he_jitter_changes_the_two_concentrations_and_leaves_the_rest() -> None:
    mild = np.random.default_rng(0).integers(80, 200, (4, SIZE, SIZE, 3))  # nothing reaches 0 or 255
    stain = drawn(replace(Augmentations(), he_jitter=0.1)).stain[0, :4]
    unmix = np.linalg.inv(RUIFROK_JOHNSTON)
    before = density_of(mild) @ unmix
    after = density_of(alter.restain(tf.constant(mild, tf.uint8), tf.constant(stain)).numpy()) @ unmix
    assert after[..., 2] == pytest.approx(before[..., 2], abs=1e-3)
    for patch in range(4):
        for dye in (0, 1):
            scale, shift = np.polyfit(before[patch, ..., dye].ravel(), after[patch, ..., dye].ravel(), 1)
            assert before[patch, ..., dye] * scale + shift == pytest.approx(after[patch, ..., dye], abs=1e-3)
            assert abs(scale - 1) <= 0.1 + 1e-4
            assert abs(shift) <= 0.03 + 1e-4
            assert abs(scale - 1) > 1e-5


def test_he_jitter_and_stain_jitter_are_one_after_the_other() -> None:
    asked = replace(Augmentations(), he_jitter=0.05)
    jitter = draw_epoch(0, 1, 16, 16, 0.1, Asked(asked, SIZE))
    alone = drawn(asked, patches=16).stain[0, :4]
    mild = tf.constant(np.random.default_rng(0).integers(80, 200, (4, SIZE, SIZE, 3)), tf.uint8)
    both = alter.restain(mild, tf.constant(jitter.alterations.stain[0, :4])).numpy()
    apart = jitter_stain(alter.restain(mild, tf.constant(alone)), tf.constant(jitter.stain[0, :4])).numpy()
    assert both == pytest.approx(apart, abs=0.02)


def test_brightness_multiplies_and_clips() -> None:
    factor = np.array([[1.0], [0.5], [1.2], [2.0]], np.float32)
    found = alter.brighten(tf.constant(PATCHES), tf.constant(factor)).numpy()
    assert found == pytest.approx(np.clip(PATCHES * factor[:, :, None, None], 0, 255), abs=1e-3)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_shares_are_of_the_beta_distribution_folded_at_a_half(alpha: float) -> None:
    numbers = drawn(replace(Augmentations(), mixup=alpha)).mix.reshape(-1, 6)
    assert np.array_equal(numbers[:, 0], numbers[:, 1])
    assert not numbers[:, 2:].any()
    assert 0 <= numbers[:, 0].min() <= numbers[:, 0].max() <= 0.5
    # Of Beta(a, a), the variance is 1 / (4 (2a + 1)); folding keeps the distance from a half.
    assert np.mean((numbers[:, 0] - 0.5) ** 2) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_a_cutmix_rectangle_has_the_share_of_the_label() -> None:
    numbers = drawn(replace(Augmentations(), cutmix=1.0)).mix.reshape(-1, 6)
    assert not numbers[:, 0].any()
    top, bottom, left, right = numbers[:, 2:].T
    assert (bottom - top) * (right - left) / SIZE**2 == pytest.approx(numbers[:, 1], abs=1e-6)
    assert numbers[:, 1].max() <= 0.6  # a half, but for whole pixels
    assert np.mean(numbers[:, 1]) == pytest.approx(0.19, abs=0.03)  # 0.25 before the edges cut it


def test_with_both_a_fair_coin_chooses_for_each_patch() -> None:
    numbers = drawn(EVERY).mix.reshape(-1, 6)
    has_box = numbers[:, 2:].any(axis=1)
    assert not (has_box & (numbers[:, 0] > 0)).any()
    assert np.mean(numbers[:, 0] > 0) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("classes", [None, 3])
def test_patches_and_labels_are_mixed_with_the_neighbour_in_the_batch(classes: int | None) -> None:
    labels = np.array([0, 1, 1, 0], np.float32) if classes is None else np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    numbers = np.array(
        [[0, 0, 0, 0, 0, 0], [0.25, 0.25, 0, 0, 0, 0], [0, 8 / 144, 2, 4, 1, 5], [0.5, 0.5, 0, 0, 0, 0]], np.float32
    )
    patches, mixed = (one.numpy() for one in alter.mix(tf.constant(PATCHES), tf.constant(labels), tf.constant(numbers)))
    plain = PATCHES.astype(np.float32)
    assert patches[0] == pytest.approx(plain[0])
    assert patches[1] == pytest.approx(0.75 * plain[1] + 0.25 * plain[0], abs=1e-3)
    boxed = plain[2].copy()
    boxed[2:4, 1:5] = plain[1][2:4, 1:5]
    assert patches[2] == pytest.approx(boxed)
    share = numbers[:, 1] if classes is None else numbers[:, 1:2]
    assert mixed == pytest.approx((1 - share) * labels + share * np.roll(labels, 1, axis=0))
    if classes:
        assert mixed.sum(axis=1) == pytest.approx(1.0)


def test_a_blur_takes_in_three_deviations() -> None:
    for blur in (0.0, 0.1, 1.0, 1.5, 2.01):
        assert Augmentations(blur=blur).blur_radius == math.ceil(3 * blur)
