"""Search-space factors as Optuna distributions: what stage 1 is recorded under, and what stage 2 samples from."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.config.search_space import Factor, SearchSpace
from hpo.search.spaces import Space, as_written, on_grid, spaces_from_json, spaces_to_json, whole_factor, within_range


def factor(name: str, **settings: Any) -> Factor:
    """The factor as it is loaded from a search space."""
    factors = {"epochs": {"reference": 1}, "patches": {"reference": 1000}} | {name: settings}
    return SearchSpace.model_validate({"factors": factors}).factors[name]


def holds(space: Space, value: Any) -> bool:
    if isinstance(space, CategoricalDistribution):
        return value in space.choices
    return space._contains(space.to_internal_repr(value))


def between(low: float, high: float, best: float | None = None) -> NumericRange:
    return NumericRange(low=low, high=high, best=low if best is None else best)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("epochs", {"reference": 2, "levels": [1, 2, 9]}, IntDistribution(1, 9)),
        ("batch_size", {"reference": 32, "levels": [8, 32], "scale": "log"}, IntDistribution(8, 32, log=True)),
        ("patches", {"reference": 300, "levels": [100, 300], "step": 50}, IntDistribution(100, 300)),
        ("momentum", {"reference": 0.9}, FloatDistribution(0.9, 0.9)),
        (
            "learning_rate",
            {"reference": 0.01, "levels": [0.01, 0.1], "low": 0.001, "high": 1, "scale": "log"},
            FloatDistribution(0.001, 1.0, log=True),
        ),
        ("strategy", {"reference": "step"}, CategoricalDistribution(["step"])),
        (
            "strategy",
            {"reference": "step", "levels": ["constant", "step"]},
            CategoricalDistribution(["constant", "step"]),
        ),
        (
            "batch_normalization",
            {"reference": False, "levels": [False, True]},
            CategoricalDistribution([False, True]),
        ),
    ],
)
def test_stage_1_is_recorded_under_all_that_the_search_space_allows(
    name: str, settings: dict[str, Any], expected: Space
) -> None:
    assert whole_factor(name, factor(name, **settings)) == expected


@pytest.mark.parametrize(
    ("name", "settings", "limits", "expected"),
    [
        ("epochs", {"reference": 9, "levels": [1, 9]}, between(2, 5), IntDistribution(2, 5)),
        (
            "batch_size",
            {"reference": 8, "levels": [8, 64], "scale": "log"},
            between(12, 30),
            IntDistribution(12, 30, log=True),
        ),
        (
            "patches",
            {"reference": 300, "levels": [100, 300], "step": 50},
            between(110, 290),
            IntDistribution(150, 250, step=50),
        ),
        (
            "patches",
            {"reference": 300, "levels": [100, 300], "step": 50},
            between(260, 290, 280),
            IntDistribution(300, 300, step=50),
        ),
        (
            "learning_rate",
            {"reference": 0.1, "low": 0.001, "high": 1, "scale": "log"},
            between(0.02, 0.05),
            FloatDistribution(0.02, 0.05, log=True),
        ),
        (
            "stain_jitter",
            {"reference": 0.0, "levels": [0.0, 0.4], "step": 0.1},
            between(0.15, 0.35),
            FloatDistribution(0.2, 0.3, step=0.1),
        ),
        (
            "strategy",
            {"reference": "step", "levels": ["constant", "step"]},
            ChoiceRange(choices=("step",), best="step"),
            CategoricalDistribution(["step"]),
        ),
    ],
)
def test_stage_2_samples_inside_the_range_on_the_search_spaces_scale_and_steps(
    name: str, settings: dict[str, Any], limits: NumericRange | ChoiceRange, expected: Space
) -> None:
    assert within_range(name, factor(name, **settings), limits) == expected


def test_of_whole_numbers_none_outside_an_edited_range_is_proposed() -> None:
    batch_size = factor("batch_size", reference=16, levels=[8, 16, 32])
    assert within_range("batch_size", batch_size, between(8.5, 20.5, best=16)) == IntDistribution(9, 20)
    assert within_range("batch_size", batch_size, between(16, 16.9)) == IntDistribution(16, 16)


def test_steps_are_not_lost_to_rounding() -> None:
    settings = factor("stain_jitter", reference=0.1, levels=[0.1, 0.3], step=0.1)
    space = within_range("stain_jitter", settings, between(0.1, 0.3, 0.3))  # (0.3 - 0.1) / 0.1 is 1.9999999999999998
    assert space == FloatDistribution(0.1, 0.3, step=0.1)
    assert holds(space, 0.3)
    assert on_grid(0.0, 0.1, 3) == 0.3


def test_what_a_sampler_proposes_is_the_value_that_a_person_would_write() -> None:
    stepped, any_value = FloatDistribution(0.1, 0.9, step=0.1), FloatDistribution(0.1, 0.9)
    assert as_written(stepped, 0.30000000000000004) == 0.3
    assert as_written(any_value, 0.30000000000000004) == 0.30000000000000004
    assert as_written(CategoricalDistribution(["none"]), "none") == "none"


def test_the_one_value_of_a_narrow_range_stays_within_the_search_space() -> None:
    settings = factor("patches", reference=100, levels=[100, 170], step=40)  # 100, 140; 180 would be too many
    assert within_range("patches", settings, between(165, 170, 170)) == IntDistribution(140, 140, step=40)


def test_a_search_space_may_end_at_0() -> None:
    settings = factor("poly_epsilon", reference=0.0, levels=[-0.8, -0.4, 0.0], step=0.4)
    assert within_range("poly_epsilon", settings, between(-0.3, -0.1, -0.1)) == FloatDistribution(0, 0, step=0.4)


@st.composite
def numeric_factors(draw: st.DrawFn) -> tuple[str, Factor]:
    """A numeric factor with levels, and perhaps bounds beyond them, a log scale or a step."""
    name = draw(st.sampled_from(["epochs", "batch_size", "learning_rate", "stain_jitter"]))
    numbers: st.SearchStrategy[float] = (
        st.integers(1, 100) if name in ("epochs", "batch_size") else st.integers(1, 99).map(lambda number: number / 100)
    )
    levels = sorted(draw(st.lists(numbers, min_size=1, max_size=5, unique=True)))
    settings: dict[str, Any] = {"reference": draw(st.sampled_from(levels)), "levels": levels}
    low, high = draw(numbers), draw(numbers)
    if low < high and low <= levels[0] and levels[-1] <= high:
        settings |= {"low": low, "high": high}
    if draw(st.booleans()):
        settings["scale"] = "log"
    elif draw(st.booleans()):
        settings["step"] = draw(numbers)
    return name, factor(name, **settings)


@given(numeric_factors())
def test_every_level_of_stage_1_is_inside_its_distribution(found: tuple[str, Factor]) -> None:
    name, numeric = found
    space = whole_factor(name, numeric)
    assert all(holds(space, value) for value in (*numeric.levels, numeric.reference))


@given(found=numeric_factors(), data=st.data())
def test_stage_2_never_leaves_the_search_space_and_can_always_propose_something(
    found: tuple[str, Factor], data: st.DataObject
) -> None:
    name, numeric = found
    assert numeric.low is not None
    assert numeric.high is not None
    best = float(data.draw(st.sampled_from(numeric.levels)))
    low = data.draw(st.floats(numeric.low, best))
    high = data.draw(st.floats(best, numeric.high))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna's, about bounds that are no multiple of the step
        space = within_range(name, numeric, between(low, high, best))
    assert not isinstance(space, CategoricalDistribution)
    assert numeric.low <= space.low <= space.high <= numeric.high
    if numeric.step is None:
        assert holds(space, best)
    else:
        steps = (best - numeric.low) / numeric.step
        if abs(steps - round(steps)) < 1e-9:
            assert holds(space, best), space


def test_distributions_survive_the_database() -> None:
    spaces: dict[str, Space] = {
        "learning_rate": FloatDistribution(1e-3, 0.1, log=True),
        "stain_jitter": FloatDistribution(0, 0.3, step=0.1),
        "patches": IntDistribution(100, 200, step=50),
        "batch_normalization": CategoricalDistribution([True, False]),
    }
    assert spaces_from_json(spaces_to_json(spaces)) == spaces
