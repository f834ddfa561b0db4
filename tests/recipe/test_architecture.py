"""Architectures as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.architecture import (
    ARCHITECTURES,
    ArchitectureSpec,
    CnnSpec,
    Convolution,
    FunctionSpec,
    architecture_from_json,
    architecture_to_json,
    as_built,
    own_factors,
    with_own_factors,
)

OTHERS: list[ArchitectureSpec] = [
    FunctionSpec("my_models:small", "ab" * 32),
    FunctionSpec("my_models:small", "ab" * 32, arguments=(("activation", "gelu"), ("bias", True), ("width", 32))),
    CnnSpec((Convolution(3, 8),), (5,), dropout=0.3, first_filters=5, first_dense=9),
    CnnSpec((Convolution(3, 8),), (), padding="valid", pool=3, pool_stride=1, batch_normalization=(0,)),
]


@pytest.mark.parametrize("spec", [*ARCHITECTURES.values(), *OTHERS])
def test_a_specification_comes_back_from_json_as_it_was(spec: ArchitectureSpec) -> None:
    assert architecture_from_json(json.loads(json.dumps(architecture_to_json(spec)))) == spec


def test_the_four_as_printed_and_the_four_as_counted_are_there() -> None:
    assert sorted(ARCHITECTURES) == sorted(f"model{n}{kind}" for n in (1, 2, 3, 4) for kind in ("", "_counted"))


def test_table_2_as_printed() -> None:
    kernels = {
        name: [(c.kernel, c.filters, c.stride) for c in spec.convolutions] + list(spec.dense)
        for name, spec in ARCHITECTURES.items()
        if isinstance(spec, CnnSpec) and "counted" not in name
    }
    assert kernels == {
        "model1": [(9, 30, 3), (4, 100, 1), (3, 100, 1), 200, 200],
        "model2": [(7, 30, 3), (3, 100, 2), (3, 100, 2), 100, 100],
        "model3": [(10, 30, 4), (4, 100, 1), (2, 100, 1), 300, 200],
        "model4": [(8, 30, 2), (5, 100, 2), (5, 100, 2), 200, 50],
    }


CNN = CnnSpec((Convolution(3, 30), Convolution(3, 100)), (200, 50))


def test_filters_and_dense_are_the_first_layers_and_the_others_go_in_proportion() -> None:
    spec = with_own_factors(CNN, {"filters": 15, "dense": 100, "dropout": 0.2})
    assert isinstance(spec, CnnSpec)
    built = as_built(spec)
    assert [layer.filters for layer in built.convolutions] == [15, 50]
    assert built.dense == (100, 25)
    assert built.dropout == 0.2
    assert as_built(built) == built


@given(st.integers(1, 300), st.integers(1, 300))
def test_what_was_set_before_leaves_no_trace(first: int, second: int) -> None:
    once = with_own_factors(CNN, {"filters": second, "dense": second})
    assert with_own_factors(with_own_factors(CNN, {"filters": first, "dense": first}), {"filters": second}) == (
        with_own_factors(CNN, {"filters": second, "dense": first})
    )
    assert with_own_factors(once, {"filters": 30, "dense": 200, "dropout": 0}) == CNN
    assert isinstance(once, CnnSpec)
    assert min(layer.filters for layer in as_built(once).convolutions) >= 1


def test_arguments_are_the_factors_of_a_function() -> None:
    spec = FunctionSpec("my_models:small", "ab" * 32, arguments=(("depth", 2), ("width", 32)))
    assert own_factors(spec) == ("depth", "width")
    assert with_own_factors(spec, {"width": 16}) == replace(spec, arguments=(("depth", 2), ("width", 16)))
    with pytest.raises(KeyError, match="dropout"):
        with_own_factors(spec, {"dropout": 0.1})


def test_a_cnn_without_dense_layers_has_no_factor_of_their_units() -> None:
    assert own_factors(CnnSpec((Convolution(3, 8),), ())) == ("dropout", "filters")


def test_what_was_added_is_not_in_the_words_of_what_has_none_of_it() -> None:
    assert architecture_to_json(CNN).keys() == {
        "convolutions",
        "dense",
        "padding",
        "pool",
        "pool_stride",
        "batch_normalization",
    }
    assert architecture_to_json(FunctionSpec("a:b", "ab" * 32)).keys() == {"function", "source_digest"}
