"""Intervals hold the true difference about 95 times in 100: a small version of ``tests/benchmarks/coverage.py``."""

from __future__ import annotations

import pytest
from scipy.stats import binom

from tests.evaluation.simulate import METRICS, NETWORKS, PROCEDURE, Scenario, count_covered

DATA_SETS = 300
FEWEST = int(binom.ppf(0.001, DATA_SETS, 0.93))
"""An interval that covers 93% has fewer than this once in a thousand times."""


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("independent patches", patches=150, seeds=1),
        Scenario("seeds that differ", patches=150, seeds=5, spread=0.4),
        Scenario("few slides and seeds", patches=200, slides=8, seeds=3, spread=0.15),
    ],
    ids=lambda scenario: scenario.name,
)
def test_the_true_difference_is_within(scenario: Scenario) -> None:
    covered = count_covered(scenario, DATA_SETS, resamples=400)
    for metric in METRICS:
        for whose in (PROCEDURE, NETWORKS):
            assert covered[metric, whose, "ours"] >= FEWEST, (metric, whose, covered)


def test_the_bound_is_one_that_plain_intervals_fail() -> None:
    seeds_differ = count_covered(Scenario("", patches=150, seeds=3, spread=0.4), DATA_SETS, resamples=300)
    few_slides = count_covered(Scenario("", patches=200, slides=5, seeds=1), DATA_SETS, resamples=300)
    for method in ("percentile", "BCa"):
        assert seeds_differ["auc", PROCEDURE, method] < FEWEST
        assert few_slides["accuracy", NETWORKS, method] < FEWEST


def test_trainings_that_hardly_differ_do_not_make_the_interval_much_too_wide() -> None:
    covered = count_covered(Scenario("", patches=150, seeds=5), DATA_SETS, resamples=400)
    for metric in METRICS:
        assert covered[metric, PROCEDURE, "ours"] < DATA_SETS
        assert covered[metric, PROCEDURE, "ours"] <= covered[metric, PROCEDURE, "percentile"]
