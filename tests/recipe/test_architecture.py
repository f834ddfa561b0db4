"""Architectures as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.architecture import (
    ARCHITECTURES,
    CNN_FACTORS,
    ArchitectureSpec,
    CnnSpec,
    Convolution,
    FunctionSpec,
    architecture_from_json,
    architecture_to_json,
    blocks,
    own_factors,
    with_own_factors,
)
from hpo.recipe.as_built import as_built

OTHERS: list[ArchitectureSpec] = [
    FunctionSpec("my_models:small", "ab" * 32),
    FunctionSpec("my_models:small", "ab" * 32, arguments=(("activation", "gelu"), ("bias", True), ("width", 32))),
    CnnSpec((Convolution(3, 8),), (5,), dropout=0.3, first_filters=5, first_dense=9),
    CnnSpec((Convolution(3, 8),), (), padding="valid", pool=3, pool_stride=1, batch_normalization=(0,)),
    CnnSpec((Convolution(3, 8, pool=False), Convolution(3, 9)), (), depth=3, kernel=5, activation="gelu"),
    CnnSpec((Convolution(3, 8),), (), pooling="max", residual=True, crop=12, bn_momentum=0.95),
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


SMALL = CnnSpec(
    (
        Convolution(5, 24, 2, pool=False),
        Convolution(3, 24),
        Convolution(3, 48, pool=False),
        Convolution(3, 48),
        Convolution(3, 96, pool=False),
        Convolution(3, 96, pool=False),
    ),
    (),
    batch_normalization=(0, 1, 2, 3, 5),
)


def layers(spec: ArchitectureSpec) -> str:
    """Such as ``5:24 3:24p``: kernel, filters, and whether pooling follows."""
    assert isinstance(spec, CnnSpec)
    return " ".join(f"{one.kernel}:{one.filters}{'p' if one.pool else ''}" for one in as_built(spec).convolutions)


@pytest.mark.parametrize(
    ("depth", "as_it_is", "normalized"),
    [
        (1, "5:24 3:24", (0, 1)),
        (2, "5:24 3:24p 3:48 3:48", (0, 1, 2, 3)),
        (3, "5:24 3:24p 3:48 3:48p 3:96 3:96", (0, 1, 2, 3, 5)),
        (5, "5:24 3:24p 3:48 3:48p 3:96 3:96p 3:96 3:96p 3:96 3:96", (0, 1, 2, 3, 5, 7, 9)),
    ],
)
def test_depth_takes_the_first_blocks_or_repeats_the_last(
    depth: int, as_it_is: str, normalized: tuple[int, ...]
) -> None:
    spec = with_own_factors(SMALL, {"depth": depth})
    assert layers(spec) == as_it_is
    assert isinstance(spec, CnnSpec)
    built = as_built(spec)
    assert built.batch_normalization == normalized
    assert len(blocks(built.convolutions)) == depth
    assert as_built(built) == built


def test_where_pooling_follows_every_convolution_each_is_a_block() -> None:
    assert layers(with_own_factors(CNN, {"depth": 1})) == "3:30p"
    assert layers(with_own_factors(CNN, {"depth": 3, "filters": 15})) == "3:15p 3:50p 3:50p"


def test_kernel_is_the_side_of_all_kernels() -> None:
    assert layers(with_own_factors(SMALL, {"kernel": 7, "depth": 1})) == "7:24 7:24"


def test_one_network_has_one_key_however_it_is_said() -> None:
    for spec, said in (
        (CNN, {"kernel": 3, "depth": 2, "activation": "relu", "pool": 2, "residual": False, "bn_momentum": 0.9}),
        (replace(CNN, activation="silu"), {"activation": "swish"}),
        (SMALL, {"depth": 3, "pooling": "flatten"}),
    ):
        assert with_own_factors(spec, said) == spec


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
    assert own_factors(CnnSpec((Convolution(3, 8),), ())) == tuple(name for name in CNN_FACTORS if name != "dense")


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
