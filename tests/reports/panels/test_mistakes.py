"""The most confident mistakes: which patches are shown, how they are told, and what is said without them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import numpy as np
import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.panel import NotThereError
from hpo.reports.panels import mistakes
from hpo.results.study import StudyResults
from tests.reports.looks import LOOKS

OPTIONS = PanelSettings(panel="mistakes")


def test_up_to_count_of_either_kind_the_most_confident_first(finished: StudyResults) -> None:
    read = mistakes.read(finished, PanelSettings(panel="mistakes", count=5))
    assert read.false_positives.shown == [one for one in finished.mistakes if one.label == 0][:5]
    assert read.false_negatives.shown == [one for one in finished.mistakes if one.label == 1][:5]
    assert len(mistakes.read(finished, OPTIONS).false_positives.shown) == 12


def test_mistakes_of_the_best_architecture_are_counted(finished: StudyResults) -> None:
    read = mistakes.read(finished, OPTIONS)
    assert read.architecture == finished.best_architecture
    rows = [
        one.test_probabilities
        for one in finished.confirmations
        if (one.architecture, one.role) == (read.architecture, "after") and one.test_probabilities is not None
    ]
    called = np.mean(rows, axis=0) > 0.5
    assert finished.test_labels is not None
    benign, malignant = finished.test_labels == 0, finished.test_labels == 1
    alarms, misses = int((called & benign).sum()), int((~called & malignant).sum())
    assert mistakes.finding(read) == (
        f"The tuned models of {read.architecture} call {alarms} of {benign.sum()} benign patches malignant and "
        f"{misses} of {malignant.sum()} malignant ones benign; the most confident mistake was made with a probability "
        "of 0.97."
    )
    assert "mean over 3 seeds" in mistakes.explain(read)


def test_every_thumbnail_is_the_patch_itself_and_is_described(finished: StudyResults) -> None:
    page = mistakes.draw(mistakes.read(finished, OPTIONS), LOOKS)
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert base64.b64decode(sources[0]) == finished.mistakes[0].image
    assert len(sources) == 24
    worst = finished.mistakes[0]
    assert f'alt="Test patch {worst.row} of {worst.slide}: benign, called malignant, probability of malignant' in page
    assert page.count("malignant, called benign, probability of malignant") == 12
    assert page.index("False positives") < page.index("False negatives")


def test_slide_names_are_escaped(finished: StudyResults) -> None:
    hostile = tuple(replace(one, slide='"><script>alert(1)</script>') for one in finished.mistakes)
    page = mistakes.draw(mistakes.read(replace(finished, mistakes=hostile), OPTIONS), LOOKS)
    assert "<script" not in page
    assert 'alt="Test patch' in page


def test_a_kind_without_mistakes_says_none(finished: StudyResults) -> None:
    positives = tuple(one for one in finished.mistakes if one.label == 0)
    page = mistakes.draw(mistakes.read(replace(finished, mistakes=positives), OPTIONS), LOOKS)
    assert "None." in page[page.index("False negatives") :]


def test_what_is_missing_is_said(finished: StudyResults, empty: StudyResults) -> None:
    with pytest.raises(NotThereError, match="test split is still closed"):
        mistakes.read(empty, OPTIONS)
    with pytest.raises(NotThereError, match="not at hand"):
        mistakes.read(replace(finished, mistakes=()), OPTIONS)
    labels = finished.test_labels
    assert labels is not None
    perfect = tuple(replace(one, test_probabilities=labels.astype(np.float32)) for one in finished.confirmations)
    with pytest.raises(NotThereError, match="get every test patch right"):
        mistakes.read(replace(finished, confirmations=perfect, mistakes=()), OPTIONS)
