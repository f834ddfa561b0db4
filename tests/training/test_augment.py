"""An epoch's random numbers, and what they do to patches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.models.backend import tf
from hpo.training.augment import draw_epoch, jitter_stain, turn

seeds = st.integers(-(2**31), 2**63)


@given(seeds, st.integers(1, 1000), st.integers(1, 200), st.integers(1, 40))
def test_each_patch_comes_at_most_once_and_no_batch_is_incomplete(
    seed: int, epoch: int, patches: int, batch: int
) -> None:
    order = draw_epoch(seed, epoch, patches, batch, 0.2).order
    assert order.shape == (patches // batch, batch)
    assert len(np.unique(order)) == order.size
    assert set(order.ravel().tolist()) <= set(range(patches))


@given(seeds, st.integers(1, 1000))
def test_the_order_differs_between_epochs_and_seeds_and_repeats_with_both(seed: int, epoch: int) -> None:
    first = draw_epoch(seed, epoch, 64, 16, 0.2)
    again = draw_epoch(seed, epoch, 64, 16, 0.2)
    for name in ("order", "turns", "stain"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        for other in (draw_epoch(seed, epoch + 1, 64, 16, 0.2), draw_epoch(seed + 1, epoch, 64, 16, 0.2)):
            assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_over_epochs_every_patch_is_seen_although_each_leaves_some_out() -> None:
    seen = {int(row) for epoch in range(1, 20) for row in draw_epoch(0, epoch, 50, 16, 0.0).order.ravel()}
    assert seen == set(range(50))


def test_all_eight_turns_are_equally_likely() -> None:
    turns = draw_epoch(0, 1, 16_000, 16, 0.0).turns.reshape(-1, 3)
    counts = np.bincount(turns @ [1, 2, 4])
    assert counts == pytest.approx(2000, rel=0.1)


@given(seeds, st.floats(0, 1))
def test_scales_and_shifts_stay_within_their_strength(seed: int, strength: float) -> None:
    stain = draw_epoch(seed, 1, 64, 16, strength).stain
    assert np.abs(stain[..., :3] - 1).max() <= strength + 1e-6
    assert np.abs(stain[..., 3:]).max() <= 0.3 * strength + 1e-6


def test_scales_and_shifts_use_the_whole_of_their_range() -> None:
    stain = draw_epoch(0, 1, 6400, 16, 0.2).stain.reshape(-1, 6)
    assert stain.min(axis=0) == pytest.approx([0.8] * 3 + [-0.06] * 3, abs=1e-3)
    assert stain.max(axis=0) == pytest.approx([1.2] * 3 + [0.06] * 3, abs=1e-3)
    assert np.abs(np.corrcoef(stain.T) - np.eye(6)).max() < 0.06


def test_the_three_bits_make_the_eight_symmetries_of_the_square() -> None:
    patch = np.arange(5 * 5 * 3, dtype=np.uint8).reshape(5, 5, 3)
    bits = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], bool)
    turned = turn(tf.constant(np.stack([patch] * 8)), tf.constant(bits)).numpy()
    symmetries = {np.rot90(side, k).tobytes() for k in range(4) for side in (patch, patch[:, ::-1])}
    assert {one.tobytes() for one in turned} == symmetries
    assert np.array_equal(turned[0], patch)
    assert np.array_equal(turned[4], patch[:, ::-1])
    assert np.array_equal(turned[2], patch[::-1])
    assert np.array_equal(turned[1], patch.transpose(1, 0, 2))


PATCHES = np.random.default_rng(0).integers(0, 256, (4, 6, 6, 3)).astype(np.float32)


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0, 0.5))
def test_stain_jitter_is_affine_in_optical_density(seed: int, strength: float) -> None:
    stain = draw_epoch(seed, 1, 4, 4, strength).stain[0]
    found = jitter_stain(tf.constant(PATCHES), tf.constant(stain)).numpy()
    density = -np.log((PATCHES.astype(np.float64) + 1) / 256)
    changed = stain[:, None, None, :3] * density + stain[:, None, None, 3:]
    assert found == pytest.approx(np.clip(256 * np.exp(-changed) - 1, 0, 255), abs=0.01)


def test_stain_jitter_of_no_strength_changes_nothing() -> None:
    stain = draw_epoch(0, 1, 4, 4, 0.0).stain[0]
    assert jitter_stain(tf.constant(PATCHES), tf.constant(stain)).numpy() == pytest.approx(PATCHES, abs=1e-3)
