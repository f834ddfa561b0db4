"""Holm's correction by hand, and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.evaluation.holm import holm


def test_as_another_implementation_prints_it() -> None:
    # The example in the documentation of Pingouin's multicomp, method "holm".
    assert holm([0.5, 0.003, 0.32, 0.054, 0.0003]) == pytest.approx((0.64, 0.012, 0.64, 0.162, 0.0015))


def test_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 gives 0.02, 0.03, 0.06, 0.04; the last may not fall below.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_test_alone_is_not_changed_and_none_gives_none() -> None:
    assert holm([0.04]) == (0.04,)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_never_less_than_given_nor_more_than_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for given_p, found in zip(p_values, adjusted, strict=True):
        assert given_p <= found <= min(1.0, given_p * len(p_values)) or found == pytest.approx(given_p)
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_what_is_no_p_value_is_refused() -> None:
    with pytest.raises(ValueError, match="lie in"):
        holm([0.2, float("nan")])
