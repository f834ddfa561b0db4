"""The metrics against scikit-learn, and where scikit-learn has no answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as reference

from hpo.evaluation.metrics import METRICS, area_under_roc, binary_metrics

# Few distinct probabilities, so that ties and the threshold itself are common.
pairs = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.5, 0.50001, 0.9, 1.0])), min_size=1)


def split(pairs: list[tuple[int, float]]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    return np.array([p[0] for p in pairs], np.uint8), np.array([p[1] for p in pairs], np.float32)


@given(pairs)
def test_accuracy_precision_recall_and_f1_agree_with_scikit_learn(pairs: list[tuple[int, float]]) -> None:
    labels, probabilities = split(pairs)
    found = binary_metrics(labels, probabilities)
    called = probabilities > 0.5
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, called))
    assert found["precision"] == pytest.approx(reference.precision_score(labels, called, zero_division=0))
    assert found["recall"] == pytest.approx(reference.recall_score(labels, called, zero_division=0))
    assert found["f1"] == pytest.approx(reference.f1_score(labels, called, zero_division=0))


@given(pairs)
def test_the_area_under_the_roc_curve_agrees_with_scikit_learn(pairs: list[tuple[int, float]]) -> None:
    labels, probabilities = split([*pairs, (0, 0.5), (1, 0.5)])
    assert area_under_roc(labels, probabilities) == pytest.approx(reference.roc_auc_score(labels, probabilities))


@given(pairs)
def test_the_loss_agrees_with_scikit_learn(pairs: list[tuple[int, float]]) -> None:
    labels, probabilities = split(pairs)
    clipped = np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7)
    assert binary_metrics(labels, probabilities)["loss"] == pytest.approx(
        reference.log_loss(labels, clipped, labels=[0, 1])
    )


@given(pairs)
def test_every_metric_is_a_python_number_and_finite_but_for_the_area_of_a_single_class(
    pairs: list[tuple[int, float]],
) -> None:
    found = binary_metrics(*split(pairs))
    assert set(found) == {*METRICS, "loss"}
    assert math.isnan(found.pop("auc")) == (len({label for label, _ in pairs}) == 1)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())


@given(pairs)
def test_f1_lies_between_precision_and_recall(pairs: list[tuple[int, float]]) -> None:
    found = binary_metrics(*split(pairs))
    low, high = sorted((found["precision"], found["recall"]))
    assert low - 1e-12 <= found["f1"] <= high + 1e-12


def test_with_one_class_only_the_area_is_no_number() -> None:
    assert math.isnan(area_under_roc(np.ones(3), np.array([0.1, 0.5, 0.9])))
    assert math.isnan(area_under_roc(np.zeros(3), np.array([0.1, 0.5, 0.9])))


def test_a_confident_mistake_costs_much_but_not_infinitely() -> None:
    assert binary_metrics(np.array([0]), np.array([1.0]))["loss"] == pytest.approx(-math.log(1e-7), rel=1e-6)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [([], []), ([0, 1], [0.5]), ([[0]], [[0.5]]), ([0, 2], [0.1, 0.2]), ([0, 1], [0.1, 1.2]), ([0], [math.nan])],
)
def test_what_are_not_labels_and_probabilities_is_refused(labels: list[int], probabilities: list[float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        binary_metrics(np.array(labels), np.array(probabilities))
