"""Factors that apply only where other factors have certain values."""

from __future__ import annotations

from hpo.recipe.conditions import (
    Conditions,
    applicable,
    axis_base,
    circle,
    conflict,
    is_on_axis,
    may_apply,
    parents_first,
)

CONDITIONS: Conditions = {
    "nesterov": {"momentum": (0.5, 0.9)},
    "momentum": {"optimizer": ("sgd", "rmsprop")},
}
REFERENCE = {"optimizer": "adam", "momentum": 0.9, "nesterov": False, "batch_size": 8}


def test_what_depends_on_what_does_not_apply_does_not_apply_either() -> None:
    assert applicable(REFERENCE, CONDITIONS) == {"optimizer": "adam", "batch_size": 8}
    assert applicable({**REFERENCE, "optimizer": "sgd"}, CONDITIONS) == {**REFERENCE, "optimizer": "sgd"}
    without = {"optimizer": "sgd", "momentum": 0.0, "batch_size": 8}
    assert applicable({**without, "nesterov": True}, CONDITIONS) == without
    assert applicable({"momentum": 0.9}, CONDITIONS) == {}


def test_factors_come_after_those_that_they_depend_on() -> None:
    assert parents_first(list(REFERENCE), {}) == list(REFERENCE)
    assert parents_first(["nesterov", "momentum", "batch_size", "optimizer"], CONDITIONS) == [
        "batch_size", "optimizer", "momentum", "nesterov",
    ]  # fmt: skip
    assert parents_first(["nesterov", "momentum"], CONDITIONS) == ["momentum", "nesterov"]


def test_an_axis_is_where_its_factor_applies() -> None:
    base = axis_base(REFERENCE, ("nesterov",), CONDITIONS)
    assert base == {**REFERENCE, "optimizer": "sgd"}
    assert axis_base(REFERENCE, ("batch_size",), CONDITIONS) == REFERENCE
    assert is_on_axis({**base, "nesterov": True}, ("nesterov",), REFERENCE, CONDITIONS)
    assert not is_on_axis({**base, "momentum": 0.5}, ("nesterov",), REFERENCE, CONDITIONS)
    assert is_on_axis({"optimizer": "adam", "batch_size": 16}, ("batch_size",), REFERENCE, CONDITIONS)
    assert not is_on_axis({**base, "batch_size": 16}, ("batch_size",), REFERENCE, CONDITIONS)
    # Along the parent's own axis the others are at their references as soon as they apply.
    assert is_on_axis(base, ("optimizer",), REFERENCE, CONDITIONS)
    assert not is_on_axis({**base, "momentum": 0.5}, ("optimizer",), REFERENCE, CONDITIONS)
    assert is_on_axis({**base, "momentum": 0.5}, ("optimizer", "momentum"), REFERENCE, CONDITIONS)


def test_fixed_values_decide_whether_a_factor_may_apply() -> None:
    assert may_apply("nesterov", CONDITIONS, {})
    assert may_apply("nesterov", CONDITIONS, {"optimizer": "sgd"})
    assert not may_apply("nesterov", CONDITIONS, {"optimizer": "adam"})


def test_circles_and_contradictions_are_found() -> None:
    assert circle("a", {"a": {"b": (1,)}, "b": {"c": (1,)}, "c": {"a": (1,)}}) == ["a", "b", "c", "a"]
    assert circle("a", {"a": {"b": (1,)}, "b": {"c": (1,)}, "c": {"b": (1,)}}) == []
    assert all(circle(name, CONDITIONS) == [] for name in CONDITIONS)
    assert conflict("nesterov", CONDITIONS) is None
    contradictory = {**CONDITIONS, "nesterov": {"momentum": (0.9,), "optimizer": ("adam",)}}
    assert conflict("nesterov", contradictory) == (
        "can never hold: optimizer would have to be adam (for nesterov) and sgd or rmsprop (for momentum)"
    )
