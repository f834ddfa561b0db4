"""Layers that are not trained."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.models.backend import keras
from hpo.models.build import build_model
from hpo.models.freeze import freeze
from hpo.recipe.architecture import CnnSpec, Convolution

CNN = CnnSpec((Convolution(3, 4), Convolution(3, 5), Convolution(3, 6)), (7,), batch_normalization=(0, 1))


def trained(model: keras.Model) -> list[str]:
    return list(dict.fromkeys(variable.path.split("/")[-2] for variable in model.trainable_variables))


def nested() -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    inner = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(2, 3, name="stem")(inner)
    x = keras.layers.BatchNormalization(name="stem_bn")(x)
    backbone = keras.Model(inner, keras.layers.GlobalAveragePooling2D()(x), name="backbone")
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(backbone(inputs)))


@pytest.mark.parametrize(
    ("frozen", "rest"),
    [
        (0, ["conv1", "conv1_bn", "conv2", "conv2_bn", "conv3", "dense1", "logit"]),
        ("none", ["conv1", "conv1_bn", "conv2", "conv2_bn", "conv3", "dense1", "logit"]),
        (1, ["conv2", "conv2_bn", "conv3", "dense1", "logit"]),
        (2, ["conv3", "dense1", "logit"]),
        (4, ["logit"]),
        ("conv*", ["dense1", "logit"]),
        ("conv[12]", ["conv1_bn", "conv2_bn", "conv3", "dense1", "logit"]),
        ("*_bn", ["conv1", "conv2", "conv3", "dense1", "logit"]),
    ],
)
def test_a_number_counts_from_the_input_and_a_pattern_names_layers(frozen: int | str, rest: list[str]) -> None:
    model = build_model(CNN, 16)
    paths = freeze(model, frozen)
    assert trained(model) == rest
    assert paths == {variable.path for variable in model.variables if variable.path.split("/")[0] not in rest}


def test_a_model_within_the_model_is_a_layer_with_a_name() -> None:
    model = nested()
    freeze(model, "backbone")
    assert trained(model) == ["head"]
    counted = nested()
    freeze(counted, 1)
    assert trained(counted) == ["head"]


def test_frozen_normalization_keeps_its_statistics_while_the_rest_trains() -> None:
    model = build_model(CNN, 16)
    freeze(model, 1)
    patches = np.random.default_rng(0).normal(3, 2, (8, 16, 16, 3)).astype(np.float32)
    model(patches, training=True)
    statistics = {one.path: one.value.numpy() for one in model.variables if one.path.endswith("moving_mean")}
    assert not statistics["conv1_bn/moving_mean"].any()
    assert statistics["conv2_bn/moving_mean"].any()


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        (5, "frozen_layers: 5 leaves nothing to train; its layers with weights are conv1, conv2, conv3, dense1, logit"),
        (9, "frozen_layers: 9 leaves nothing to train"),
        ("*", r"frozen_layers: \* leaves nothing to train"),
        ("cnv*", r"no layer with weights is named 'cnv\*'; did you mean 'conv"),
        ("pool1", "no layer with weights is named 'pool1'"),
    ],
)
def test_what_cannot_be_frozen_is_one_line(frozen: int | str, message: str) -> None:
    with pytest.raises(TrainingError, match=message) as caught:
        freeze(build_model(CNN, 16), frozen)
    assert "\n" not in str(caught.value)
