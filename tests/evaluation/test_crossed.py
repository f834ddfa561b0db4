"""Units and seeds as two sources of variance: each counted once."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.evaluation.crossed import Crossed, cross
from tests.evaluation.made import Array


def _crossed(table: Array, resamples: int = 20_000) -> Crossed:
    """Of the mean of a table of seeds by units."""
    random = np.random.default_rng(9)
    seeds, units = table.shape
    weights = random.multinomial(units, np.full(units, 1 / units), resamples) / units
    shares = random.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    variance = np.var(table.mean(axis=0), ddof=1) / units
    return cross(table.mean(axis=1), weights @ table.T, shares, variance, units - 1.0)


def _mean_squares(table: Array) -> tuple[float, float, float]:
    """Of seeds, of units, and of what is left: a two-way analysis of variance."""
    seeds, units = table.shape
    rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    left = table - rows - columns + table.mean()
    return (
        units * float(np.var(rows, ddof=1)),
        seeds * float(np.var(columns, ddof=1)),
        float(np.sum(left**2)) / ((seeds - 1) * (units - 1)),
    )


def _table(of_seed: float, of_unit: float, of_both: float, seeds: int = 5, units: int = 40) -> Array:
    random = np.random.default_rng(4)
    return (
        of_seed * random.normal(size=(seeds, 1))
        + of_unit * random.normal(size=units)
        + of_both * random.normal(size=(seeds, units))
    )


@pytest.mark.parametrize("table", [_table(1, 1, 1), _table(0.3, 2, 3), _table(1, 0, 2)])
def test_the_procedures_variance_is_that_of_the_analysis_of_variance(table: Array) -> None:
    of_seeds, of_units, left = _mean_squares(table)
    assert of_seeds > left
    expected = (of_seeds + of_units - left) / table.size
    assert np.var(_crossed(table).procedure, ddof=1) == pytest.approx(expected, rel=0.04)


def test_the_networks_variance_is_that_of_the_units_means() -> None:
    table = _table(3, 1, 1)
    expected = np.var(table.mean(axis=0), ddof=1) / table.shape[1]
    assert np.var(_crossed(table).networks, ddof=1) == pytest.approx(expected)


def test_seeds_that_differ_less_than_their_errors_explain_add_nothing() -> None:
    table = _table(0, 1, 1)
    table -= 0.8 * (table.mean(axis=1, keepdims=True) - table.mean())
    found = _crossed(table)
    assert found.seed_share == 0
    np.testing.assert_array_equal(found.procedure, found.networks)


def test_degrees_of_freedom_are_those_of_what_varies() -> None:
    assert _crossed(_table(10, 1, 0.1)).freedom == pytest.approx(4, abs=0.2)
    assert _crossed(_table(0.01, 1, 0.01)).freedom == pytest.approx(39, abs=0.2)
    assert 4 < _crossed(_table(0.3, 1, 1)).freedom < 39


def test_one_seed_has_only_the_units() -> None:
    found = _crossed(_table(1, 1, 1, seeds=1))
    assert found.procedure is found.networks
    assert found.freedom == 39
