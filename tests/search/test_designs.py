"""Designs: which points stage 1 trains, in which order."""

from __future__ import annotations

from math import prod

from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.point import Point, Value, point_key
from hpo.search.designs import axis, grid, one_factor

REFERENCE: Point = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01}

VALUES: dict[str, st.SearchStrategy[Value]] = {
    "epochs": st.integers(1, 9),
    "batch_size": st.integers(1, 9),
    "learning_rate": st.sampled_from([0.001, 0.01, 0.1, 1.0, 2.0]),
    "strategy": st.sampled_from(["constant", "step"]),
}


@st.composite
def designs(draw: st.DrawFn) -> tuple[Point, dict[str, list[Value]]]:
    """A reference point, and distinct levels of some of its factors, the reference's own value among them."""
    reference = {name: draw(values) for name, values in VALUES.items()}
    varied = draw(st.lists(st.sampled_from(list(VALUES)), unique=True))
    levels = {name: draw(st.lists(VALUES[name], unique=True, max_size=4)) for name in varied}
    return reference, {name: [*found, *({reference[name]} - {*found})] for name, found in levels.items()}


def test_one_factor_is_the_reference_and_then_each_axis_in_the_order_of_the_levels() -> None:
    points = one_factor(REFERENCE, {"epochs": [1, 2, 4], "learning_rate": [0.01, 0.1]})
    assert points == [
        REFERENCE,
        {**REFERENCE, "epochs": 1},
        {**REFERENCE, "epochs": 4},
        {**REFERENCE, "learning_rate": 0.1},
    ]


def test_a_grid_is_the_reference_and_then_every_combination_in_lexicographic_order() -> None:
    points = grid(REFERENCE, {"epochs": [1, 2], "learning_rate": [0.01, 0.1]})
    assert points == [
        REFERENCE,
        {**REFERENCE, "epochs": 1},
        {**REFERENCE, "epochs": 1, "learning_rate": 0.1},
        {**REFERENCE, "learning_rate": 0.1},
    ]


def test_a_reference_outside_a_grids_levels_comes_first_all_the_same() -> None:
    points = grid(REFERENCE, {"epochs": [1, 4]})
    assert [point["epochs"] for point in points] == [2, 1, 4]


def test_32_and_32_point_0_are_one_value() -> None:
    assert one_factor(REFERENCE, {"batch_size": [32.0, 16]}) == [REFERENCE, {**REFERENCE, "batch_size": 16}]


def test_without_factors_there_is_the_reference_alone() -> None:
    assert one_factor(REFERENCE, {}) == grid(REFERENCE, {}) == [REFERENCE]


@given(designs())
def test_one_factor_has_each_point_once_and_as_many_as_the_levels_besides_the_reference_say(
    design: tuple[Point, dict[str, list[Value]]],
) -> None:
    reference, levels = design
    points = one_factor(reference, levels)
    assert points[0] == reference
    assert len({point_key(point) for point in points}) == len(points)
    assert len(points) == 1 + sum(len(values) - 1 for values in levels.values())
    assert all(sum(point[name] != reference[name] for name in reference) <= 1 for point in points)


@given(designs())
def test_a_grid_has_each_combination_once(design: tuple[Point, dict[str, list[Value]]]) -> None:
    reference, levels = design
    points = grid(reference, levels)
    assert points[0] == reference
    assert len({point_key(point) for point in points}) == len(points)
    assert len(points) == prod(len(values) for values in levels.values())
    assert all(point[name] in levels.get(name, [reference[name]]) for point in points for name in reference)


@given(designs())
def test_an_axis_of_either_design_is_each_level_of_its_factor_once(
    design: tuple[Point, dict[str, list[Value]]],
) -> None:
    reference, levels = design
    for points in (one_factor(reference, levels), grid(reference, levels)):
        for name, values in levels.items():
            found = axis(points, reference, name)
            assert reference in found
            assert sorted(str(point[name]) for point in found) == sorted(map(str, values))


CONDITIONAL = {"momentum": {"optimizer": ("sgd",)}}


def test_a_factor_is_varied_where_it_applies_and_is_in_no_other_point() -> None:
    reference = {"epochs": 1, "optimizer": "adam", "momentum": 0.9}
    levels = {"optimizer": ["adam", "sgd"], "momentum": [0.5, 0.9]}
    points = one_factor(reference, levels, CONDITIONAL)
    assert points == [
        {"epochs": 1, "optimizer": "adam"},
        {"epochs": 1, "optimizer": "sgd", "momentum": 0.9},
        {"epochs": 1, "optimizer": "sgd", "momentum": 0.5},
    ]
    assert axis(points, reference, "optimizer", CONDITIONAL) == points[:2]
    assert axis(points, reference, "momentum", CONDITIONAL) == points[1:]
    assert grid(reference, levels, CONDITIONAL) == [points[0], points[2], points[1]]
