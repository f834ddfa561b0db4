"""Which predictions are compared with which, and how p-values are adjusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hpo.evaluation.compare import compare
from hpo.evaluation.holm import holm
from hpo.evaluation.objective import Objective
from hpo.results.study import StudyResults
from hpo.results.trainings import Role


def test_sides_are_compared_in_a_word_by_the_objective_where_it_is_a_metric_of_the_test(finished: StudyResults) -> None:
    for metric, compared in (("auc", "auc"), ("f1", "f1"), ("loss", "auc")):
        assert replace(finished.settings, objective=Objective(metric)).test_metric == compared


def test_every_side_is_measured_from_its_stored_predictions(
    finished: StudyResults, expected: Callable[[str, Role, str], float]
) -> None:
    for name, sides in finished.comparison.items():
        for role, measured in sides.measured.items():
            for metric, estimate in measured.metrics.items():
                assert estimate.value == pytest.approx(expected(name, role, metric))


def test_before_and_after_are_compared_as_they_would_be_alone(finished: StudyResults) -> None:
    sides = finished.comparison["model3"]
    rows = finished.predictions("model3")
    assert finished.test_labels is not None
    alone = compare(finished.test_labels, rows["before"], rows["after"], slides=finished.test_slides)
    assert sides.before_after == alone
    assert sides.sampling.unit == "slides"


def test_p_values_are_adjusted_over_the_architectures_that_were_tested(finished: StudyResults) -> None:
    found = finished.comparison
    pairs = [sides.before_after for sides in found.values() if sides.before_after]
    areas = holm([pair.auc_test.p_value for pair in pairs])
    accuracies = holm([pair.accuracy_test.p_value for pair in pairs])
    assert [sides.adjusted_p["auc"] for sides in found.values()] == list(areas)
    assert [sides.adjusted_p["accuracy"] for sides in found.values()] == list(accuracies)


def test_sides_are_compared_on_the_seeds_that_all_have(finished: StudyResults) -> None:
    trainings = tuple(
        replace(one, test_probabilities=None) if (one.role, one.seed) in (("after", 0), ("before", 2)) else one
        for one in finished.confirmations
    )
    partial = replace(finished, confirmations=trainings)
    rows = partial.predictions("model1")
    (before,) = (one for one in trainings if (one.architecture, one.role, one.seed) == ("model1", "before", 1))
    assert before.test_probabilities is not None
    np.testing.assert_array_equal(rows["before"], before.test_probabilities[None])
    assert partial.comparison["model1"].sampling.seeds == 1


def test_seeds_stand_in_one_order_whatever_order_they_were_trained_in(finished: StudyResults) -> None:
    turned = replace(finished, confirmations=finished.confirmations[::-1])
    for role, rows in finished.predictions("model2").items():
        np.testing.assert_array_equal(turned.predictions("model2")[role], rows)


def test_one_side_alone_is_measured_and_not_compared(running: StudyResults) -> None:
    (sides,) = running.comparison.values()
    assert list(sides.measured) == ["before"]
    assert sides.before_after is None
    assert sides.adjusted_p == {}


def test_nothing_is_measured_before_the_test_split_is_open(empty: StudyResults) -> None:
    assert empty.comparison == {}


def test_the_headline_compares_with_the_equally_trained_reference_and_the_others_stand_beside(
    honest: StudyResults,
) -> None:
    sides = honest.comparison["model2"]
    assert sides.baseline == "equal"
    assert sides.before_after is sides.pairs["equal", "after"]
    assert {("before", "after"), ("before", "equal"), ("before", "cold_control")} < sides.pairs.keys()
    rows = honest.predictions("model2")
    shown = honest.headline_predictions("model2")
    assert list(shown) == ["before", "after"]
    np.testing.assert_array_equal(shown["before"], rows["equal"])
    assert sides.before_after is not None
    assert sides.before_after.metrics["auc"].before == sides.measured["equal"].metrics["auc"]


def test_p_values_are_those_of_the_headlines_pair(honest: StudyResults) -> None:
    found = honest.comparison
    areas = holm([sides.pairs["equal", "after"].auc_test.p_value for sides in found.values()])
    assert [sides.adjusted_p["auc"] for sides in found.values()] == list(areas)


def test_without_one_the_reference_by_stage_1s_rules_is_the_baseline(finished: StudyResults) -> None:
    sides = finished.comparison["model2"]
    assert sides.baseline == "before"
    assert sides.before_after is sides.pairs["before", "after"]


def test_where_the_best_on_validation_is_not_tested_yet_the_next_one_by_validation_stands_for_all(
    finished: StudyResults,
) -> None:
    """Not the first in the file: the report would call it the best, and best_config.yaml name another."""
    level = {"model1": 0.7, "model2": 0.8, "model3": 0.9, "model4": 0.95}
    trainings = tuple(
        replace(
            one,
            objective=level[one.architecture],
            test_probabilities=None if one.architecture == "model4" else one.test_probabilities,
        )
        for one in finished.confirmations
    )
    partial = replace(finished, confirmations=trainings)
    assert partial.ranking == ["model4", "model3", "model2", "model1"]
    assert partial.best_architecture == "model4"
    assert partial.best_compared == "model3"
