"""Confusion matrices: counts against the predictions, and where the second threshold comes from."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import confusion
from hpo.reports.panels.confusion import Matrix
from hpo.results.study import StudyResults
from hpo.results.trainings import Confirmation
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="confusion")


def _tuned(study: StudyResults, architecture: str) -> list[Confirmation]:
    return [one for one in study.confirmations if (one.architecture, one.role) == (architecture, "after")]


def _counted(study: StudyResults, architecture: str, matrix: Matrix) -> None:
    labels = np.asarray(study.test_labels)
    counted: dict[str, list[int]] = {"tp": [], "fp": [], "tn": [], "fn": []}
    for training, threshold in zip(_tuned(study, architecture), matrix.thresholds, strict=True):
        called = np.asarray(training.test_probabilities) > threshold
        counted["tp"].append(int((called & (labels == 1)).sum()))
        counted["fp"].append(int((called & (labels == 0)).sum()))
        counted["tn"].append(int((~called & (labels == 0)).sum()))
        counted["fn"].append(int((~called & (labels == 1)).sum()))
    for field, values in counted.items():
        assert getattr(matrix, field) == pytest.approx(fmean(values))


def test_counts_are_means_over_the_seeds_at_either_threshold(finished: StudyResults) -> None:
    for of in confusion.read(finished, OPTIONS).matrices:
        assert of.fixed.thresholds == [0.5] * 3
        assert of.chosen is not None
        for matrix in (of.fixed, of.chosen):
            _counted(finished, of.architecture, matrix)


def test_no_other_threshold_separates_the_validation_patches_better(finished: StudyResults) -> None:
    labels = np.asarray(finished.valid_labels)

    def gain(row: np.ndarray, threshold: float) -> float:
        return float((row[labels == 1] > threshold).mean() + (row[labels == 0] <= threshold).mean())

    chosen = confusion.read(finished, OPTIONS).matrices[0].chosen
    assert chosen is not None
    for training, threshold in zip(_tuned(finished, "model1"), chosen.thresholds, strict=True):
        row = np.asarray(training.valid_probabilities, np.float64)
        assert gain(row, threshold) == pytest.approx(max(gain(row, other) for other in row))


def test_the_test_split_has_no_say_in_the_threshold(finished: StudyResults) -> None:
    turned = tuple(
        replace(one, test_probabilities=None if one.test_probabilities is None else 1 - one.test_probabilities)
        for one in finished.confirmations
    )
    first, second = (
        confusion.read(study, OPTIONS).matrices[0].chosen
        for study in (finished, replace(finished, confirmations=turned))
    )
    assert first is not None
    assert second is not None
    assert first.thresholds == second.thresholds


def test_cells_have_counts_and_shares_of_the_true_class(finished: StudyResults) -> None:
    read = confusion.read(finished, OPTIONS)
    figure = confusion.draw(read, LOOKS)
    matrix = read.matrices[0].fixed
    heat = next(trace for trace in figure.data if trace.type == "heatmap")
    assert heat.z[1][1] == pytest.approx(matrix.tp / (matrix.tp + matrix.fn))
    assert heat.z[0][1] == pytest.approx(matrix.fp / (matrix.fp + matrix.tn))
    text = next(trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text")
    cell = dict(zip(zip(text.y, text.x, strict=True), text.text, strict=True))
    assert cell["malignant", "malignant"] == f"<b>{round(matrix.tp)}</b><br>{matrix.recall:.1%}"
    assert cell["benign", "malignant"] == f"<b>{round(matrix.fp)}</b><br>{1 - matrix.specificity:.1%}"
    assert len([trace for trace in figure.data if trace.type == "heatmap"]) == 8


def test_the_finding_is_of_the_best_architecture(finished: StudyResults) -> None:
    read = confusion.read(finished, OPTIONS)
    of = next(one for one in read.matrices if one.architecture == finished.best_architecture)
    assert of.chosen is not None
    text = confusion.finding(read)
    assert text.startswith(f"At 0.5 the tuned models of {of.architecture} find {round(of.fixed.tp)} of 300 malignant")
    assert f"they find {round(of.chosen.tp)} of 300 malignant patches ({of.chosen.recall:.1%})" in text


def test_without_validation_predictions_there_is_only_0_5(finished: StudyResults) -> None:
    read = confusion.read(replace(finished, valid_labels=None), OPTIONS)
    assert [of.chosen for of in read.matrices] == [None] * 4
    assert "validation chooses" not in confusion.finding(read)
    figure = confusion.draw(read, LOOKS)
    assert len([trace for trace in figure.data if trace.type == "heatmap"]) == 4
    assert any("no validation predictions" in one.text for one in figure.layout.annotations)


def test_names_stay_plain_text(finished: StudyResults) -> None:
    name = "<b>bold</b>"
    settings = replace(finished.settings, architectures=(name,))
    trainings = tuple(replace(one, architecture=name) for one in _tuned(finished, "model1"))
    figure = confusion.draw(
        confusion.read(replace(finished, settings=settings, confirmations=trainings), OPTIONS), LOOKS
    )
    assert all("<b>bold" not in one.text for one in figure.layout.annotations)


def test_before_the_test_split_is_opened_there_are_none(empty: StudyResults, running: StudyResults) -> None:
    for study in (empty, running):
        with pytest.raises(NotThereError, match="test split is still closed"):
            confusion.read(study, OPTIONS)


def test_long_class_names_break_between_words(finished: StudyResults) -> None:
    data = confusion.read(finished, OPTIONS)._replace(classes=("normal tissue", "ductal carcinoma"))
    assert confusion.draw(data, LOOKS).data[0].x == ("normal<br>tissue", "ductal<br>carcinoma")
