"""Parameter counts by arithmetic; `tests/models/test_build.py` compares them with Keras' own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.recipe.architecture import ARCHITECTURES, CnnSpec, Convolution
from hpo.recipe.geometry import is_fitting, multiplications, trainable_parameters

SMALL = CnnSpec((Convolution(3, 4),), (5,))


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("model1_counted", 451791),
        ("model2_counted", 376391),
        ("model3_counted", 511891),
        ("model4_counted", 421491),
        ("model1", 506121),
        ("model2", 141941),
        ("model3", 427931),
        ("model4", 421291),
    ],
)
def test_the_papers_architectures_have_the_papers_counts_to_the_digit(name: str, printed: int) -> None:
    spec = ARCHITECTURES[name]
    assert isinstance(spec, CnnSpec)
    assert trainable_parameters(spec, 96) == printed


def test_a_small_network_counted_by_hand() -> None:
    convolution = (3 * 3 * 3 + 1) * 4
    dense = (8 * 8 * 4 + 1) * 5  # 16 pixels, halved by pooling
    output = 5 + 1
    assert trainable_parameters(SMALL, 16) == convolution + dense + output


@pytest.mark.parametrize(
    ("changes", "size", "side"),
    [
        ({"padding": "valid"}, 16, 7),  # 16 - 2 = 14, halved
        ({"padding": "valid"}, 17, 7),  # 17 - 2 = 15, halved and the rest left out
        ({}, 17, 9),  # 17, halved and the rest kept
        ({"pool": 1}, 16, 16),
        ({"pool_stride": 1}, 16, 16),
        ({"padding": "valid", "pool_stride": 1}, 16, 13),
        ({"convolutions": (Convolution(3, 4, stride=3),)}, 16, 3),  # 6, halved
    ],
)
def test_padding_strides_and_pooling_decide_what_is_flattened(changes: dict[str, object], size: int, side: int) -> None:
    spec = replace(SMALL, dense=(), **changes)  # type: ignore[arg-type]
    assert trainable_parameters(spec, size) == (3 * 3 * 3 + 1) * 4 + side * side * 4 + 1


@given(
    filters=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    dense=st.lists(st.integers(1, 20), max_size=3),
    size=st.integers(8, 96),
)
def test_batch_normalization_adds_a_scale_and_a_shift_for_each_channel(
    filters: list[int], dense: list[int], size: int
) -> None:
    spec = CnnSpec(tuple(Convolution(3, count) for count in filters), tuple(dense))
    plain = trainable_parameters(spec, size)
    assert trainable_parameters(spec, size, batch_normalization=True) == plain + 2 * sum(filters)
    first = replace(spec, batch_normalization=(0,))
    assert trainable_parameters(first, size) == plain + 2 * filters[0]
    assert trainable_parameters(first, size, batch_normalization=True) == plain + 2 * sum(filters)


def test_crop_and_global_pooling_decide_what_the_dense_part_sees() -> None:
    kernels, units = (3 * 3 * 3 + 1) * 4, 5 + 1
    assert trainable_parameters(replace(SMALL, crop=12), 16) == kernels + (6 * 6 * 4 + 1) * 5 + units
    for pooling in ("average", "max"):
        assert trainable_parameters(replace(SMALL, pooling=pooling), 16) == kernels + (4 + 1) * 5 + units
    unpooled = CnnSpec((Convolution(3, 4, pool=False),), (5,))
    assert trainable_parameters(unpooled, 16) == trainable_parameters(replace(SMALL, pool=1), 16)


def test_a_shortcut_has_weights_where_shapes_differ() -> None:
    same = CnnSpec((Convolution(3, 4), Convolution(3, 4)), (), residual=True, pooling="max")
    assert trainable_parameters(same, 16) == trainable_parameters(replace(same, residual=False), 16)
    wider = replace(same, convolutions=(Convolution(3, 4), Convolution(3, 6, 2)))
    plain = replace(wider, residual=False)
    assert trainable_parameters(wider, 16) == trainable_parameters(plain, 16) + (4 + 1) * 6
    assert trainable_parameters(wider, 16, batch_normalization=True) == (
        trainable_parameters(plain, 16, batch_normalization=True) + (4 + 1) * 6 + 2 * 6
    )
    assert multiplications(wider, 16) == multiplications(plain, 16) + 4 * 4 * 4 * 6


def test_kernels_larger_than_their_input_do_not_fit() -> None:
    assert is_fitting(SMALL, 3)
    assert not is_fitting(SMALL, 2)
    assert not is_fitting(replace(SMALL, crop=2), 16)
    assert not is_fitting(replace(SMALL, depth=4), 16)  # 16, 8, 4, 2
    assert is_fitting(replace(SMALL, depth=3), 16)
