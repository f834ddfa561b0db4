"""Equal settings have equal keys, however they were written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.key import canonical, canonical_json, digest

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_written_as_a_float_is_the_same_value(number: int) -> None:
    assert canonical_json(float(number)) == canonical_json(number)


@given(values)
def test_the_canonical_text_reads_back_as_the_value_it_was_made_from(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(values)
def test_making_canonical_twice_changes_nothing(value: object) -> None:
    assert canonical(canonical(value)) == canonical(value)
    assert canonical_json(canonical(value)) == canonical_json(value)


@given(st.dictionaries(st.text(max_size=5), numbers, min_size=2, max_size=6))
def test_the_order_of_names_does_not_matter(value: dict[str, float]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


def test_true_and_one_are_two_values() -> None:
    assert digest({"x": True}) != digest({"x": 1})


def test_a_tuple_is_a_list() -> None:
    assert digest((1, (2, 3.0))) == digest([1, [2, 3]])


def test_the_text_is_sorted_and_has_no_white_space() -> None:
    assert canonical_json({"b": 1.0, "a": (0.5, None)}) == '{"a":[0.5,null],"b":1}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_have_no_key(number: float) -> None:
    with pytest.raises(ValueError, match="canonical"):
        digest({"learning_rate": number})


def test_other_types_have_no_key() -> None:
    with pytest.raises(TypeError, match="set has no canonical form"):
        digest({1, 2})
