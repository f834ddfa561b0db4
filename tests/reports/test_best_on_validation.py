"""Every sentence and mark of a report names the same architecture as the best on validation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.reports.page.summary import summarize
from hpo.reports.panels import best_table, confusion
from hpo.reports.plot.looks import Looks
from hpo.results.study import StudyResults
from hpo.results.verdict import verdict
from tests.results.invented import several

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


@pytest.mark.parametrize("small", ["model1", "model3"])
def test_of_several_objectives_the_studys_rule_ranks_the_architectures(partial: StudyResults, small: str) -> None:
    """Every AUC is as good as the best here, so the network with the fewest parameters is the best everywhere."""
    results = several(partial, "parameters", within=0.5, sizes={name: 100 if name == small else 900 for name in LEVELS})
    assert results.final_values(small) == {"auc": pytest.approx(LEVELS[small]), "parameters": 100}
    assert results.ranking == [small, *(name for name in reversed(LEVELS) if name != small)]
    assert results.best_compared == results.best_architecture == small
    assert f"; {small}, the best by the study's rule, goes from" in verdict(results)
    assert f"<dt>best by the study&#x27;s rule</dt><dd>{small}<" in summarize(results)
    table = best_table.read(results, PanelSettings(panel="best_table"))
    finding = best_table.finding(table)
    assert finding.startswith(f"{small} is best by the study's rule (AUC 0.")
    assert " and 100 parameters); its test AUC is " in finding
    rows = best_table.draw(table, Looks(results.settings.architectures)).rows
    assert [row[2] for row in rows] == ["100" if name == small else "900" for name in results.comparison]


def test_the_rule_chooses_among_those_that_are_asked_for(partial: StudyResults) -> None:
    """Within 0.1 of the best AUC: of all four that is model3; without model4, which sets it, model2."""
    sizes = {"model1": 1, "model2": 2, "model3": 3, "model4": 4}
    results = several(partial, "parameters", within=0.1, sizes=sizes)
    assert results.best_of(LEVELS) == "model3"
    assert results.best_of(["model1", "model2", "model3"]) == "model2"


def test_without_tuned_models_nothing_is_the_best(running: StudyResults) -> None:
    untrained = replace(running, confirmations=tuple(replace(one, objective=None) for one in running.confirmations))
    assert (untrained.ranking, untrained.best_architecture, untrained.best_of(LEVELS)) == ([], None, None)
