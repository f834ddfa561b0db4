from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.config.factor import fitting_value, is_numeric
from hpo.config.load import load_search_space
from hpo.config.search_space import SearchSpace
from hpo.recipe.point import FACTORS
from hpo.recipe.schedule import Strategy
from tests.config.samples import SPACE, Change, changed, refusal


@pytest.fixture
def write_space(tmp_path: Path) -> Callable[..., Path]:
    def write(*changes: Change) -> Path:
        file = tmp_path / "space.yaml"
        file.write_text(changed(SPACE, *changes))
        return file

    return write


EPOCHS = "epochs: {reference: 2, levels: [1, 2, 4]}"
BATCH = "batch_size: {reference: 32, levels: [16, 32], scale: log}"
PATCHES = "patches: {reference: 200, levels: [100, 200]}"
RATE = "learning_rate: {reference: 0.01, levels: [0.003, 0.01], low: 0.001, high: 0.1, scale: log}"
STRATEGY = "strategy: {reference: constant, levels: [constant, step]}"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            BATCH,
            "batch-size: {reference: 32}",
            "3 factors.batch-size: 'batch-size' is no factor's name: a Python name of letters, digits and _",
        ),
        (
            EPOCHS,
            "epochs: {reference: 2, level: [1]}",
            "2 factors.epochs.level: unknown key; did you mean 'levels'? "
            "(allowed: high, levels, low, only_if, prior, reference, scale, step)",
        ),
        (EPOCHS, "epochs: 3", "2 factors.epochs: must be a mapping of keys to values; found 3"),
        (
            EPOCHS,
            "epochs: {levels: [1, 2]}",
            "2 factors.epochs.reference: is missing "
            "(value of the reference point (the report's 'before'), and where other factors are varied)",
        ),
        (EPOCHS, "epochs: {reference: 0}", "2 factors.epochs.reference: must be at least 1; found 0"),
        (EPOCHS, "epochs: {reference: 1.5}", "2 factors.epochs.reference: must be a whole number; found 1.5"),
        (EPOCHS, "epochs: {reference: two}", '2 factors.epochs.reference: must be a whole number; found "two"'),
        (EPOCHS, "epochs: {reference: true}", "2 factors.epochs.reference: must be a whole number; found true"),
        (EPOCHS, "epochs: {reference: 1, levels: 1}", "2 factors.epochs.levels: must be a list; found 1"),
        (
            EPOCHS,
            "epochs: {reference: [1]}",
            "2 factors.epochs.reference: must be a number, a word, true or false; found a list",
        ),
        (EPOCHS, "epochs: {reference: .inf}", "2 factors.epochs.reference: must be finite; found Infinity"),
        (
            EPOCHS,
            "epochs: {reference: 3, levels: [1, 2]}",
            "2 factors.epochs.reference: 3 is not among the levels (1, 2)",
        ),
        (EPOCHS, "epochs: {reference: 1, levels: [1, 2, 2]}", "2 factors.epochs.levels.2: levels go up: 2 after 2"),
        (EPOCHS, "epochs: {reference: 1, levels: [2, 1]}", "2 factors.epochs.levels.1: levels go up: 1 after 2"),
        (EPOCHS, "epochs: {reference: 2, low: 1}", "2 factors.epochs.low: needs high too"),
        (EPOCHS, "epochs: {reference: 2, high: 9}", "2 factors.epochs.high: needs low too"),
        (
            EPOCHS,
            "epochs: {reference: 2, low: 1.5, high: 3}",
            "2 factors.epochs.low: must be a whole number; found 1.5",
        ),
        (EPOCHS, "epochs: {reference: 2, low: 3, high: 3}", "2 factors.epochs.low: must be less than high, 3; found 3"),
        (
            EPOCHS,
            "epochs: {reference: 9, low: 1, high: 3}",
            "2 factors.epochs.reference: lies outside low to high, 1 to 3",
        ),
        (
            EPOCHS,
            "epochs: {reference: 2, levels: [1, 2], low: 2, high: 3}",
            "2 factors.epochs.levels.0: lies outside low to high, 2 to 3",
        ),
        (EPOCHS, "epochs: {reference: 2, step: 0}", "2 factors.epochs.step: must be greater than 0; found 0"),
        (
            EPOCHS,
            "epochs: {reference: 2, prior: 3}",
            "2 factors.epochs.prior: lies outside low to high, 2 to 2; found 3",
        ),
        (EPOCHS, "epochs: {reference: 2, step: 1, scale: log}", "2 factors.epochs.step: a log scale has no step"),
        (
            EPOCHS,
            "epochs: {reference: 2, scale: logarithmic}",
            '2 factors.epochs.scale: found "logarithmic"; allowed: linear, log',
        ),
        (RATE, "learning_rate: {reference: 0}", "5 factors.learning_rate.reference: must be greater than 0; found 0"),
        (RATE, "learning_rate: {reference: '0.1'}", '5 factors.learning_rate.reference: must be a number; found "0.1"'),
        (
            "momentum: {reference: 0.9}",
            "momentum: {reference: 1}",
            "7 factors.momentum.reference: must be at least 0 and less than 1; found 1",
        ),
        (
            "momentum: {reference: 0.9}",
            "momentum: {reference: 0.9, levels: [0, 0.9], scale: log}",
            "7 factors.momentum.scale: a log scale needs a reference, levels and bounds above 0",
        ),
        (
            STRATEGY,
            "strategy: {reference: konstant}",
            "6 factors.strategy.reference: found \"konstant\"; did you mean 'constant'? "
            "(allowed: constant, cosine, exponential, one_cycle, step, time_based)",
        ),
        (
            STRATEGY,
            "strategy: {reference: step, levels: [step, step]}",
            '6 factors.strategy.levels.1: "step" is listed twice',
        ),
        (
            STRATEGY,
            "strategy: {reference: step, scale: linear}",
            "6 factors.strategy.scale: strategy is not a number: it has a reference and levels only",
        ),
        (
            "momentum: {reference: 0.9}",
            "augmentation: {reference: yes}",
            '7 factors.augmentation.reference: must be true or false; found "yes"',
        ),
        (
            BATCH,
            "batch_size: {reference: 32, levels: [32, 128]}",
            "3 factors.batch_size: a batch of 128 is larger than the fewest patches, 100",
        ),
        (
            f"  {PATCHES}\n",
            "",
            "1 factors.patches: is missing: a search space says at least the reference epochs and patches",
        ),
        (
            "  momentum: {reference: 0.9}",
            "strategies: {step: {every: 0}}",
            "7 strategies.step.every: must be at least 1; found 0",
        ),
        (
            "  momentum: {reference: 0.9}",
            "strategies: {exponential: {decay: 0}}",
            "7 strategies.exponential.decay: unknown key; allowed: rate, warm_up",
        ),
        (
            STRATEGY,
            "strategy: {reference: constant, levels: [constant, cosine]}",
            "6 factors.strategy.levels.1: cosine needs a horizon, in epochs: add strategies: {cosine: {over: 40}}, for "
            "example",
        ),
        (
            "  momentum: {reference: 0.9}",
            "strategies: {one_cycle: {rise: 0.2}}",
            "7 strategies.one_cycle.over: is missing (epochs of rise and fall together, after which the rate stays at "
            "its end)",
        ),
        (
            "  momentum: {reference: 0.9}",
            "strategies: {cosine: {over: 8, warm_up: 8}}",
            "7 strategies.cosine.warm_up: must be less than over, 8; found 8",
        ),
        (
            "  momentum: {reference: 0.9}",
            "strategies: {cosine: {over: 8, end: 2}}",
            "7 strategies.cosine.end: must be at most 1; found 2",
        ),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(
    write_space: Callable[..., Path], old: str, new: str, error: str
) -> None:
    assert refusal(load_search_space, write_space((old, new))) == [error]


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_file(write_space: Callable[..., Path]) -> None:
    file = write_space((EPOCHS, "epochs: {reference: 0}"), (RATE, "learning_rate: {reference: -1}"))

    assert refusal(load_search_space, file) == [
        "2 factors.epochs.reference: must be at least 1; found 0",
        "5 factors.learning_rate.reference: must be greater than 0; found -1",
    ]


def test_values_take_the_type_of_their_factor(write_space: Callable[..., Path]) -> None:
    space = load_search_space(
        write_space((BATCH, "batch_size: {reference: 32.0}"), (RATE, "learning_rate: {reference: 1}"))
    )

    assert space.reference == {
        "epochs": 2,
        "batch_size": 32,
        "patches": 200,
        "learning_rate": 1.0,
        "strategy": "constant",
        "momentum": 0.9,
    }
    assert type(space.reference["batch_size"]) is int
    assert type(space.reference["learning_rate"]) is float


def test_bounds_that_are_not_given_are_the_levels_ends(write_space: Callable[..., Path]) -> None:
    factors = load_search_space(write_space()).factors

    assert (factors["epochs"].low, factors["epochs"].high) == (1, 4)
    assert (factors["learning_rate"].low, factors["learning_rate"].high) == (0.001, 0.1)
    assert (factors["momentum"].low, factors["momentum"].high) == (0.9, 0.9)
    assert (factors["strategy"].low, factors["strategy"].high) == (None, None)


def test_the_most_patches_are_those_of_the_highest_bound(write_space: Callable[..., Path]) -> None:
    assert load_search_space(write_space()).most_patches == 200
    wider = write_space((PATCHES, "patches: {reference: 200, levels: [100, 200], low: 100, high: 900}"))
    assert load_search_space(wider).most_patches == 900


def test_the_strategy_is_the_reference_one_with_the_parameters_of_all(write_space: Callable[..., Path]) -> None:
    parameters = (
        "strategies:\n  time_based: {decay: 0.5}\n  step: {factor: 0.1, every: 7}\n  exponential: {rate: 0.3}\n"
    )
    space = load_search_space(write_space(("  momentum: {reference: 0.9}\n", parameters)))

    assert space.strategy == Strategy("constant", decay=0.5, factor=0.1, every=7, rate=0.3)
    without = write_space((f"  {STRATEGY}\n", ""))
    assert load_search_space(without).strategy == Strategy()


def test_horizons_and_warm_ups_are_the_strategies_own(write_space: Callable[..., Path]) -> None:
    parameters = (
        "strategies:\n  constant: {warm_up: 1}\n  cosine: {over: 12, end: 0.01, warm_up: 2}\n"
        "  one_cycle: {over: 9, rise: 0.4}\n"
    )
    space = load_search_space(
        write_space(
            ("  momentum: {reference: 0.9}\n", parameters),
            (STRATEGY, "strategy: {reference: cosine, levels: [constant, cosine, one_cycle]}"),
        )
    )

    assert space.strategy.parameters() == {"over": 12, "end": 0.01, "warm_up": 2}
    assert replace(space.strategy, name="constant").parameters() == {"warm_up": 1}
    assert replace(space.strategy, name="one_cycle").parameters() == {"over": 9, "rise": 0.4}


def test_strategies_as_they_always_were_are_recorded_as_they_always_were(write_space: Callable[..., Path]) -> None:
    assert load_search_space(write_space()).strategies.recorded() == {
        "time_based": {"decay": 1e-4},
        "step": {"factor": 0.5, "every": 100},
        "exponential": {"rate": 0.05},
    }


@pytest.mark.parametrize("name", FACTORS)
def test_every_factor_of_a_recipe_may_stand_in_a_search_space(name: str) -> None:
    kind = FACTORS[name]
    value = kind[0] if isinstance(kind, tuple) else {int: 64, float: 0.5, bool: True, str: "none"}[kind]

    space = SearchSpace.model_validate(
        {"factors": {"epochs": {"reference": 1}, "patches": {"reference": 64}, name: {"reference": value}}}
    )

    assert fitting_value(name, space.reference[name], space.factors[name]) == value
    assert (space.factors[name].low is not None) == is_numeric(name, space.factors[name])
