"""Metrics of patches that count several times are those of a split that has them so often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpo.evaluation.metrics import METRICS, binary_metrics
from hpo.evaluation.resampling import draw_units
from hpo.evaluation.weighted import WeightedMetrics
from tests.evaluation.made import Array, Labels, comparisons

NAMES = (*METRICS, "loss")
units = st.sampled_from([2, 4, 12, 1000])
"""How many slides: few, so that pairs of slides are counted, more, and every patch its own."""


def _units(patches: int, slides: int) -> np.ndarray:
    return np.unique(np.arange(patches) * 7 % slides, return_inverse=True)[1]


@settings(max_examples=40, deadline=None)
@given(comparisons(), units)
def test_drawn_units_count_as_often_as_they_are_drawn(drawn: tuple[Labels, Array, Array], slides: int) -> None:
    labels, rows, _ = drawn
    of_patch = _units(len(labels), slides)
    weighted = WeightedMetrics(labels, list(rows), of_patch, NAMES)
    weights = draw_units(np.random.default_rng(1), 3, weighted.classes)
    found = weighted.drawn(weights)
    for draw in range(3):
        repeats = weights[of_patch, draw].astype(int)
        for number, row in enumerate(rows):
            expected = binary_metrics(np.repeat(labels, repeats), np.repeat(row, repeats))
            assert found[:, number, draw] == pytest.approx([expected[name] for name in NAMES])


@settings(max_examples=40, deadline=None)
@given(comparisons(), units)
@example((np.array([0, 1, 0, 1], np.uint8), np.full((1, 4), 0.5), np.full((1, 4), 0.5)), 2)
def test_each_unit_is_left_out_in_turn(drawn: tuple[Labels, Array, Array], slides: int) -> None:
    labels, rows, _ = drawn
    of_patch = _units(len(labels), slides)
    found = WeightedMetrics(labels, list(rows), of_patch, NAMES).without_each()
    for unit in range(found.shape[2]):
        kept = of_patch != unit
        for number, row in enumerate(rows):
            expected = binary_metrics(labels[kept], row[kept])
            # A unit may hold all of one class: without it there is no AUC, and both say so.
            assert found[:, number, unit] == pytest.approx([expected[name] for name in NAMES], nan_ok=True)


def test_resamples_hold_both_classes_and_as_many_units_as_there_are() -> None:
    classes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    weights = draw_units(np.random.default_rng(2), 200, classes)
    assert np.all(weights.sum(axis=0) == 4)
    assert np.all(weights[0] >= 1)
    assert len({tuple(draw) for draw in weights.T}) > 10
