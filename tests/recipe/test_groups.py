"""Groups of fields that older recipes lack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from hpo.recipe.groups import differing, factors_of


@dataclass(frozen=True)
class Group:
    strength: float = 0.0
    times: int = 1
    used: bool = False
    way: Literal["up", "down"] = "up"


@dataclass(frozen=True)
class Listing:
    names: tuple[str, ...] = ()


def test_only_what_differs_is_written() -> None:
    assert differing(Group()) == {}
    assert differing(Group(strength=0.5, way="down")) == {"strength": 0.5, "way": "down"}


def test_fields_are_factors_with_their_types_and_words() -> None:
    assert factors_of(Group) == {"strength": float, "times": int, "used": bool, "way": ("up", "down")}


def test_a_field_that_no_search_space_could_name_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Listing\.names cannot be a factor"):
        factors_of(Listing)
