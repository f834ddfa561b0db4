"""Fronts, the rule that chooses from one, and how much it covers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optuna._hypervolume import compute_hypervolume

from hpo.evaluation.front import Objectives, Rule, hypervolume, metric_value, scaled_gains
from hpo.evaluation.objective import Objective

RULE = Rule("auc", 0.01, "parameters")
TWO = Objectives(("auc", "parameters"), RULE, Objective("auc"))
FOUND = [(0.90, 5000), (0.895, 900), (0.80, 100), (0.79, 100), (0.90, 6000), (0.895, 900), (0.85, 4000)]


def test_directions_follow_the_names() -> None:
    three = Objectives(("loss", "auc", "latency_ms"), Rule("auc", 0, "loss"), Objective("auc"))
    assert three.directions == ("minimize", "maximize", "minimize")
    assert three.gains((0.5, 0.9, 3.0)) == (-0.5, 0.9, -3.0)
    assert three.metrics == ("loss", "auc")


def test_the_front_is_what_nothing_beats_and_the_first_of_equals() -> None:
    assert TWO.front(FOUND) == [0, 1, 2]


def test_what_is_no_number_is_on_no_front() -> None:
    assert TWO.front([(float("nan"), 1), (0.5, 10)]) == [1]


@pytest.mark.parametrize(
    ("within", "then", "order"),
    [(0.01, "parameters", [1, 0, 2]), (0, "parameters", [0, 1, 2]), (0.2, "parameters", [2, 1, 0])],
)
def test_the_rule_takes_the_smallest_of_those_that_are_as_good_as_the_best(
    within: float, then: str, order: list[int]
) -> None:
    rule = Rule("auc", within, then)
    assert replace(TWO, rule=rule).ranked(FOUND) == order


def test_of_all_networks_the_rule_takes_one_after_the_other_whether_they_are_on_the_front_or_not() -> None:
    # 1 is the smallest within 0.01 of the best, 5 the same again; then 0 and 4; then the best of what is left.
    assert TWO.order(FOUND) == [1, 5, 0, 4, 6, 2, 3]
    assert TWO.order([(float("nan"), 1), (0.5, 10)]) == [1, 0]


def test_the_digits_as_written_decide() -> None:
    assert replace(TWO, rule=Rule("auc", 0.1, "parameters")).ranked([(0.9, 10), (0.8, 5)])[0] == 1


def test_bounds_come_before_the_rule_and_give_way_where_nothing_keeps_them() -> None:
    bounded = replace(TWO, rule=Rule("parameters", 0, "auc", at_least={"auc": 0.85}))
    assert bounded.ranked(FOUND) == [1, 0]
    assert bounded.violations((0.8, 100)) == {"auc at least 0.85": pytest.approx(0.05)}
    impossible = replace(TWO, rule=Rule("parameters", 0, "auc", at_least={"auc": 0.99}))
    assert impossible.ranked(FOUND)[0] == 0


def test_values_are_of_the_epoch_that_speaks() -> None:
    curve = [{"valid_auc": 0.9, "valid_recall": 0.2}, {"valid_auc": 0.7, "valid_recall": 0.8}]
    best = Objectives(("auc", "recall", "parameters"), RULE, Objective("auc", "best"))
    assert best.values(curve, {"parameters": 7}) == (0.9, 0.2, 7.0)
    assert metric_value(Objective("auc", "mean_last", 2), curve, "recall") == pytest.approx(0.5)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_the_hypervolume_is_optunas(dimensions: int) -> None:
    random = np.random.default_rng(dimensions)
    for _ in range(20):
        gains = random.uniform(-0.2, 1, (8, dimensions))
        inside = gains[(gains > 0).all(axis=1)]
        expected = compute_hypervolume(-inside, np.zeros(dimensions)) if len(inside) else 0.0
        assert hypervolume(gains.tolist(), [0.0] * dimensions) == pytest.approx(expected)


def test_quantities_are_scaled_by_their_logarithm() -> None:
    scaled = scaled_gains(TWO, [(0.5, 100), (0.7, 1000), (0.9, 10_000)])
    assert scaled == [pytest.approx((0.0, 1.0)), pytest.approx((0.5, 0.5)), pytest.approx((1.0, 0.0))]
