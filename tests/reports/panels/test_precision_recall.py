"""Precision-recall curves: average precision and bands, against the predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import precision_recall
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="precision_recall")


def _average_precision(labels: np.ndarray, row: np.ndarray) -> float:
    """The mean, over the malignant patches, of the precision when calling everything at least as probable."""
    precisions = [labels[row >= probability].mean() for probability in row[labels == 1]]
    return float(np.mean(precisions))


def test_areas_are_mean_average_precisions(finished: StudyResults) -> None:
    labels = np.asarray(finished.test_labels)
    read = precision_recall.read(finished, OPTIONS)
    assert len(read.lines) == 8
    for line in read.lines[:2]:
        rows = [
            np.asarray(one.test_probabilities)
            for one in finished.confirmations
            if (one.architecture, one.role) == (line.architecture, line.side)
        ]
        assert line.area == pytest.approx(np.mean([_average_precision(labels, row) for row in rows]))
    assert read.share == pytest.approx(labels.mean())


def test_only_the_tuned_side_has_a_band_and_its_curve_lies_within(finished: StudyResults) -> None:
    for line in precision_recall.read(finished, OPTIONS).lines:
        if line.side == "before":
            assert line.low == line.high == []
        else:
            assert all(low <= y <= high for low, y, high in zip(line.low, line.y, line.high, strict=True))
            assert max(high - low for low, high in zip(line.low, line.high, strict=True)) > 0.02
        # Everything called malignant: recall 1, and the precision is their share.
        assert line.x[-1] == 1
        assert line.y[-1] == pytest.approx(0.5, abs=0.15)


def test_a_plot_an_architecture_with_the_areas_above_it(finished: StudyResults) -> None:
    read = precision_recall.read(finished, OPTIONS)
    figure = precision_recall.draw(read, LOOKS)
    areas = {line.side: line.area for line in read.lines if line.architecture == "model4"}
    heading = next(one.text for one in figure.layout.annotations if one.text.startswith("model4"))
    assert f"AP {areas['before']:.3f} \N{RIGHTWARDS ARROW} {areas['after']:.3f}" in heading
    assert len([trace for trace in figure.data if trace.fill == "toself"]) == 4
    finding = precision_recall.finding(read)
    assert f"model4 {areas['after']:.3f} ({areas['before']:.3f} before)" in finding
    low, high = read.intervals["model4"]
    assert low < areas["after"] < high
    assert "95% interval after tuning: model1 " in finding
    assert f"model4 {low:.3f} to {high:.3f}" in finding


def test_what_is_missing_is_said(finished: StudyResults, empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match="test split is still closed"):
        precision_recall.read(empty, OPTIONS)
    with pytest.raises(NotThereError, match="one class only"):
        precision_recall.read(replace(finished, test_labels=np.ones(600, np.uint8)), OPTIONS)
