"""Splits and predictions made up for the tests of the evaluation."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.uint8]


def split(patches: int, seed: int = 0) -> Labels:
    """Labels of both classes, half of each, in random order."""
    return np.random.default_rng(seed).permutation(np.arange(patches) % 2).astype(np.uint8)


def predict(labels: Labels, separation: float, seeds: int, seed: int) -> Array:
    """Predictions whose areas grow with the separation; the seeds agree for the most part."""
    random = np.random.default_rng(seed)
    shared = separation * (labels - 0.5) + random.normal(size=len(labels))
    return 1 / (1 + np.exp(-(shared + 0.4 * random.normal(size=(seeds, len(labels))))))


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[Labels, Array, Array]:
    """Small splits with ties, both classes, and one to three seeds."""
    patches, seeds = draw(st.integers(6, 30)), draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = split(patches, draw(st.integers(0, 100)))
    levels = draw(st.integers(2, 40))
    before, after = random.integers(0, levels + 1, (2, seeds, patches)) / levels
    return labels, before, after
