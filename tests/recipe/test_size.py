"""A network's size: trained parameters, and all that an exported model holds."""

from __future__ import annotations

from dataclasses import replace

from hpo.recipe.architecture import CnnSpec, Convolution
from hpo.recipe.geometry import trainable_parameters
from hpo.recipe.size import NetworkSize, cnn_size

SPEC = CnnSpec((Convolution(3, 4), Convolution(3, 8)), (5,))


def test_a_megabyte_is_a_million_bytes_of_float32() -> None:
    assert NetworkSize(100, 250_000).model_mb == 1.0


def test_statistics_are_weights_and_no_parameters() -> None:
    plain, normalized = cnn_size(SPEC, 16), cnn_size(SPEC, 16, batch_normalization=True)
    assert plain.parameters == plain.weights == trainable_parameters(SPEC, 16)
    assert normalized.parameters == plain.parameters + 2 * (4 + 8)
    assert normalized.weights == normalized.parameters + 2 * (4 + 8)


def test_the_filters_of_a_factor_count() -> None:
    fewer = cnn_size(replace(SPEC, first_filters=2, batch_normalization=(0,)), 16)
    assert fewer.parameters < cnn_size(SPEC, 16).parameters
    assert fewer.weights == fewer.parameters + 2 * 2
