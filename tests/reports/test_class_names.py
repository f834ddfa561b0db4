"""The classes are called in a report as the data set calls them, whatever their names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.html import escape
from hpo.reports.panels import calibration, confusion, data, mistakes, precision_recall
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS

NAMES = ("normal & <b>fat</b>", "tumour")
PANELS = {
    "calibration": calibration,
    "confusion": confusion,
    "data": data,
    "mistakes": mistakes,
    "precision_recall": precision_recall,
}


@pytest.mark.parametrize("name", list(PANELS))
def test_every_panel_that_speaks_of_classes_uses_their_names(finished: StudyResults, name: str) -> None:
    panel = PANELS[name]
    read = panel.read(replace(finished, classes=NAMES), PanelSettings(panel=name))
    drawn = panel.draw(read, LOOKS)
    shown = drawn if isinstance(drawn, str) else drawn.to_json()
    words = f"{shown} {panel.finding(read)} {panel.explain(read)}"
    assert "tumour" in words
    assert "benign" not in words
    assert "malignant" not in words
    assert "<b>fat" not in shown
    assert "\\u003cb\\u003efat" not in shown  # as Plotly writes it


def test_a_mistake_names_the_image_that_it_was_imported_from(finished: StudyResults) -> None:
    named = tuple(replace(one, file=f"slides/<{one.row}>.png") for one in finished.mistakes)
    page = mistakes.draw(mistakes.read(replace(finished, mistakes=named), PanelSettings(panel="mistakes")), LOOKS)
    shown = mistakes.read(finished, PanelSettings(panel="mistakes")).false_positives.shown[0]
    assert f"<small>{escape(f'slides/<{shown.row}>.png')}</small>" in page


def test_the_data_panel_says_what_is_doubtful(finished: StudyResults) -> None:
    assert finished.data is not None
    doubtful = replace(finished.data, doubts=("test: 1 slide is also in train",))
    panel = data.read(replace(finished, data=doubtful), PanelSettings(panel="data"))
    assert "Doubtful: test: 1 slide is also in train." in data.draw(panel, LOOKS)
