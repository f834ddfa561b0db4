"""Every sentence and mark of a report names the same architecture as the best on validation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.page.summary import summarize
from hpo.reports.panels import best_table, confusion
from hpo.results.study import StudyResults
from hpo.results.verdict import verdict

LEVELS = {"model1": 0.7, "model2": 0.8, "model3": 0.9, "model4": 0.95}


@pytest.fixture(scope="module")
def partial(finished: StudyResults) -> StudyResults:
    """The best, which is the last in the study file, is not tested yet; neither is the first the next best."""
    trainings = tuple(
        replace(
            one,
            objective=LEVELS[one.architecture],
            test_probabilities=None if one.architecture == "model4" else one.test_probabilities,
        )
        for one in finished.confirmations
    )
    return replace(finished, confirmations=trainings)


def test_of_those_that_are_tested_all_name_the_best_by_the_one_ranking(partial: StudyResults) -> None:
    assert partial.ranking == ["model4", "model3", "model2", "model1"]
    assert partial.best_compared == partial.best_of(["model1", "model2", "model3"]) == "model3"
    assert "; model3, the best on validation so far, goes from" in verdict(partial)
    assert best_table.read(partial, PanelSettings(panel="best_table")).best == "model3"
    assert "tuned models of model3 find" in confusion.finding(confusion.read(partial, PanelSettings(panel="confusion")))
    assert "<dt>best on validation</dt><dd>model3<" in summarize(partial)


def test_without_tuned_models_nothing_is_the_best(running: StudyResults) -> None:
    untrained = replace(running, confirmations=tuple(replace(one, objective=None) for one in running.confirmations))
    assert (untrained.ranking, untrained.best_architecture, untrained.best_of(LEVELS)) == ([], None, None)
