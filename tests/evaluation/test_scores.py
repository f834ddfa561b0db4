"""Metrics of K classes, and further ones of two, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from hpo.evaluation.many import by_class, confusion_counts
from hpo.evaluation.metrics import binary_metrics
from hpo.evaluation.scores import FURTHER, metrics_of, rightly_called, score


def made(classes: int, count: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of very unequal frequency, and probabilities that know something of them."""
    random = np.random.default_rng(seed)
    labels = random.choice(classes, count, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    labels[:classes] = np.arange(classes)
    logits = random.normal(size=(count, classes)) + 1.2 * np.eye(classes)[labels]
    odds = np.exp(logits)
    return labels, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("classes", [3, 10])
def test_of_many_classes_they_are_scikit_learns(classes: int) -> None:
    labels, rows = made(classes)
    called, wide = rows.argmax(axis=1), rows.astype(np.float64)
    wide /= wide.sum(axis=1, keepdims=True)
    macro = {"average": "macro", "zero_division": 0}
    expected = {
        "loss": sk.log_loss(labels, wide),
        "accuracy": sk.accuracy_score(labels, called),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, called),
        "precision": sk.precision_score(labels, called, **macro),
        "recall": sk.recall_score(labels, called, **macro),
        "f1": sk.f1_score(labels, called, **macro),
        "auc": sk.roc_auc_score(labels, wide, multi_class="ovr"),
        "average_precision": sk.average_precision_score(np.eye(classes)[labels], wide),
        "kappa": sk.cohen_kappa_score(labels, called),
        "brier": sk.brier_score_loss(labels, wide),
    }
    assert metrics_of(labels, rows) == pytest.approx(expected, abs=1e-6)
    assert set(expected) == {*binary_metrics(np.array([0, 1]), np.array([0.1, 0.9])), *FURTHER}


def test_each_class_is_scikit_learns_and_the_matrix_too() -> None:
    labels, rows = made(4)
    called = rows.argmax(axis=1)
    assert confusion_counts(labels, rows).tolist() == sk.confusion_matrix(labels, called).tolist()
    precision, recall, f1, patches = sk.precision_recall_fscore_support(labels, called)
    for label, one in enumerate(by_class(labels, rows)):
        assert one.patches == patches[label]
        assert (one.precision, one.recall, one.f1) == pytest.approx((precision[label], recall[label], f1[label]))
        assert one.auc == pytest.approx(sk.roc_auc_score(labels == label, rows[:, label]))
        assert one.average_precision == pytest.approx(sk.average_precision_score(labels == label, rows[:, label]))


def test_further_metrics_of_two_classes_are_scikit_learns() -> None:
    labels, rows = made(2)
    row = rows[:, 1]
    called = row > 0.5
    assert score("balanced_accuracy", labels, row) == pytest.approx(sk.balanced_accuracy_score(labels, called))
    assert score("average_precision", labels, row) == pytest.approx(sk.average_precision_score(labels, row))
    assert score("kappa", labels, row) == pytest.approx(sk.cohen_kappa_score(labels, called))
    assert score("brier", labels, row) == pytest.approx(sk.brier_score_loss(labels, row.astype(float)))
    assert score("f1", labels, row) == pytest.approx(sk.f1_score(labels, called))
    assert metrics_of(labels, row) == binary_metrics(labels, row)


def test_a_class_without_patches_has_no_area_and_one_that_is_never_called_no_precision() -> None:
    labels = np.array([0, 0, 1, 1])
    rows = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.4, 0.1]])
    found = metrics_of(labels, rows)
    assert np.isnan(found["auc"])
    assert np.isnan(found["average_precision"])
    assert found["precision"] == pytest.approx(0.5 / 3)
    assert found["balanced_accuracy"] == pytest.approx(0.5)
    assert found["kappa"] == 0.0


@pytest.mark.parametrize(
    ("labels", "rows", "words"),
    [
        ([0, 1, 3], [[1, 0, 0]] * 3, "labels must be 0 to 2"),
        ([0, 1], [[1, 0, 0]] * 3, "must be"),
        ([0, 1, 2], [[0.5, 0.2, 0.2]] * 3, "add up to 1"),
        ([0, 1, 2], [[2, -1, 0]] * 3, "within"),
    ],
)
def test_what_is_neither_label_nor_probability_is_refused(labels: list, rows: list, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        metrics_of(np.array(labels), np.array(rows, float))


def test_right_calls_are_those_above_one_half_or_of_the_most_probable_class() -> None:
    assert rightly_called(np.array([0, 1]), np.array([[0.4, 0.6], [0.6, 0.5]])).tolist() == [
        [True, True],
        [False, False],
    ]
    rows = np.array([[[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]])
    assert rightly_called(np.array([0, 1]), rows).tolist() == [[True, False]]
