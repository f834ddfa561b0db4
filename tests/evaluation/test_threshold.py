"""The threshold that validation chooses, and the calls it makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, recall_score

from hpo.evaluation.threshold import choose_threshold, confusion, share_called_rightly

pairs = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1, width=32))), min_size=1
)


def _youden(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> float:
    calls = confusion(labels, probabilities, threshold)
    return calls.tp / (calls.tp + calls.fn) + calls.tn / (calls.tn + calls.fp) - 1


@given(pairs)
def test_no_other_threshold_has_a_larger_youden_index(pairs: list[tuple[int, float]]) -> None:
    labels, probabilities = np.array([0, 1, *(one for one, _ in pairs)]), np.array([0.4, 0.4, *(p for _, p in pairs)])
    chosen = choose_threshold(labels, probabilities)
    candidates = [-0.1, *probabilities.tolist()]
    best = max(_youden(labels, probabilities, threshold) for threshold in candidates)
    assert chosen == 0.5 if best <= 0 else _youden(labels, probabilities, chosen) == pytest.approx(best)


@given(pairs)
def test_calls_are_counted_as_scikit_learn_does(pairs: list[tuple[int, float]]) -> None:
    labels, probabilities = np.array([one for one, _ in pairs]), np.array([p for _, p in pairs])
    found = confusion(labels, probabilities, 0.5)
    (tn, fp), (fn, tp) = confusion_matrix(labels, probabilities > 0.5, labels=[0, 1])
    assert found == (tp, fp, tn, fn)
    for label, share in ((1, share_called_rightly(tp, fn)), (0, share_called_rightly(tn, fp))):
        assert share == recall_score(labels, probabilities > 0.5, pos_label=label, zero_division=0)


def test_it_lies_half_way_between_two_probabilities() -> None:
    assert choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)


def test_of_equally_good_ones_it_is_the_nearest_to_one_half() -> None:
    # 0.15, 0.45 and 0.75 all part two of three rightly.
    labels, probabilities = np.array([0, 1, 0, 1, 0, 1]), np.array([0.1, 0.2, 0.4, 0.5, 0.7, 0.8])
    assert choose_threshold(labels, probabilities) == pytest.approx(0.45)


def test_the_shares_of_the_classes_do_not_move_it() -> None:
    random = np.random.default_rng(1)
    negatives, positives = random.beta(2, 4, 3000), random.beta(4, 2, 3000)
    balanced = choose_threshold(np.repeat([0, 1], 3000), np.concatenate([negatives, positives]))
    rare = choose_threshold(np.repeat([0, 1], [30_000, 3000]), np.concatenate([np.tile(negatives, 10), positives]))
    assert rare == balanced


def test_neighbouring_float32_probabilities_are_parted() -> None:
    low = np.float32(0.3)
    probabilities = np.array([low, np.nextafter(low, np.float32(1))])
    labels = np.array([0, 1])
    assert confusion(labels, probabilities, choose_threshold(labels, probabilities)) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [([1, 1], [0.2, 0.9]), ([0, 1], [0.3, 0.3]), ([1, 0], [0.2, 0.9])],
    ids=["one class", "one probability", "worse than chance"],
)
def test_where_none_beats_chance_it_is_one_half(labels: list[int], probabilities: list[float]) -> None:
    assert choose_threshold(np.array(labels), np.array(probabilities)) == 0.5
