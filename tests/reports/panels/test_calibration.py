"""Calibration: bins and scores against the predictions, and what the plots show of them."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.evaluation.metrics import binary_metrics
from hpo.reports.panel import NotThereError
from hpo.reports.panels import calibration
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="calibration")


def test_scores_are_means_over_the_seeds(finished: StudyResults) -> None:
    labels = finished.test_labels
    assert labels is not None
    for of in calibration.read(finished, OPTIONS).curves:
        for side, found in of.sides.items():
            rows = [
                np.asarray(one.test_probabilities, np.float64)
                for one in finished.confirmations
                if (one.architecture, one.role) == (of.architecture, side)
            ]
            assert found.brier == pytest.approx(fmean(float(np.mean((row - labels) ** 2)) for row in rows))
            assert found.nll == pytest.approx(fmean(binary_metrics(labels, row)["loss"] for row in rows))


def test_a_point_is_a_bin_of_all_seeds_predictions(finished: StudyResults) -> None:
    labels = finished.test_labels
    assert labels is not None
    found = calibration.read(finished, OPTIONS).curves[0].sides["after"]
    pooled = np.concatenate(
        [
            np.asarray(one.test_probabilities)
            for one in finished.confirmations
            if (one.architecture, one.role) == ("model1", "after")
        ]
    )
    assert sum(one.count for one in found.bins) == len(pooled)
    lowest = found.bins[0]
    inside = pooled < lowest.high
    assert lowest.observed == pytest.approx(np.tile(labels, 3)[inside].mean(), abs=0.01)
    assert lowest.mean_probability == pytest.approx(pooled[inside].mean(), abs=0.001)


def test_plots_tell_scores_before_and_after_and_only_the_tuned_side_has_intervals(finished: StudyResults) -> None:
    read = calibration.read(finished, OPTIONS)
    figure = calibration.draw(read, LOOKS)
    sides = read.curves[1].sides
    arrow = "\N{RIGHTWARDS ARROW}"
    heading = next(one.text for one in figure.layout.annotations if one.text.startswith("model2"))
    for name, field in (("Brier", "brier"), ("NLL", "nll"), ("ECE", "ece")):
        before, after = (f"{getattr(sides[side], field):.3f}" for side in ("before", "after"))
        assert f"{name} {before} {arrow} {after}" in heading
    drawn = {trace.name: trace for trace in figure.data if trace.mode == "lines+markers"}
    assert drawn["model2 after"].error_y.visible
    assert not drawn["model2 before"].error_y.visible
    assert drawn["model2 after"].line.dash != drawn["model2 before"].line.dash
    assert list(drawn["model2 after"].y) == pytest.approx([one.observed for one in sides["after"].bins], abs=1e-4)


def test_the_finding_has_the_calibration_error_of_every_architecture(finished: StudyResults) -> None:
    read = calibration.read(finished, OPTIONS)
    for of in read.curves:
        words = f"{of.architecture} {of.sides['after'].ece:.3f} ({of.sides['before'].ece:.3f} before)"
        assert words in calibration.finding(read)


def test_one_side_alone_is_told_as_such(finished: StudyResults) -> None:
    trainings = tuple(one for one in finished.confirmations if one.role == "before")
    read = calibration.read(replace(finished, confirmations=trainings), OPTIONS)
    assert "(before tuning only)" in calibration.finding(read)
    legend = [trace.name for trace in calibration.draw(read, LOOKS).data if trace.showlegend is not False]
    assert legend == ["before tuning", "perfect calibration"]


def test_before_the_test_split_is_opened_there_is_none(empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match="test split is still closed"):
        calibration.read(empty, OPTIONS)
