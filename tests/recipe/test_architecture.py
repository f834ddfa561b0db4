"""Architectures as data."""

from __future__ import annotations

import json

import pytest

from hpo.recipe.architecture import (
    ARCHITECTURES,
    ArchitectureSpec,
    CnnSpec,
    Convolution,
    FunctionSpec,
    architecture_from_json,
    architecture_to_json,
)

OTHERS: list[ArchitectureSpec] = [
    FunctionSpec("my_models:small", "ab" * 32),
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
