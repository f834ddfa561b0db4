"""ROC curves: bands, areas, and what the paper printed beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import roc
from hpo.results.study import StudyResults
from hpo.results.trainings import Role
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="roc")
PAPER = PanelSettings(panel="roc", paper=True)
ARROW = "\N{RIGHTWARDS ARROW}"


def _headings(figure: go.Figure) -> dict[str, str]:
    return {one.text.split("<br>")[0]: one.text for one in figure.layout.annotations}


def test_areas_stand_above_the_plots(finished: StudyResults, expected: Callable[[str, Role, str], float]) -> None:
    heading = _headings(roc.draw(roc.read(finished, OPTIONS), LOOKS))["model3"]
    assert f"AUC {expected('model3', 'before', 'auc'):.3f} {ARROW} {expected('model3', 'after', 'auc'):.3f}" in heading
    assert "paper" not in heading


def test_the_tuned_sides_curve_lies_in_its_band_and_the_other_has_none(finished: StudyResults) -> None:
    for line in roc.read(finished, OPTIONS).lines:
        assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, 1, 1)
        if line.side == "before":
            assert line.low == line.high == []
        else:
            assert all(low <= y <= high for low, y, high in zip(line.low, line.y, line.high, strict=True))
            assert max(high - low for low, high in zip(line.low, line.high, strict=True)) > 0.02


def test_the_papers_areas_are_marked_and_only_shown_where_wished(invented_pair: StudyResults) -> None:
    read = roc.read(invented_pair, PAPER)
    headings = _headings(roc.draw(read, LOOKS))
    assert f"paper 0.90 {ARROW} 0.94" in headings["model1"]
    assert "paper" not in headings["mine"]
    assert "Table 3, of other data and epochs; after 1,000 epochs (Table 4) it printed 0.97 for model1." in (
        roc.explain(read)
    )
    assert "paper" not in roc.explain(roc.read(invented_pair, OPTIONS))


def test_one_class_has_no_curve(finished: StudyResults) -> None:
    with pytest.raises(NotThereError, match="one class only"):
        roc.read(replace(finished, test_labels=np.zeros(600, np.uint8)), OPTIONS)
