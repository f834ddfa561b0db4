"""Architectures as Keras models."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from hpo.errors import TrainingError
from hpo.models.backend import keras
from hpo.models.build import build_model, initial_weights, load_weights, weights_of
from hpo.recipe.architecture import (
    ARCHITECTURES,
    Activation,
    CnnSpec,
    Convolution,
    FunctionSpec,
    Pooling,
    with_own_factors,
)
from hpo.recipe.geometry import trainable_parameters
from tests.models.own import GOOD, HEADER, Maker

TINY = CnnSpec((Convolution(3, 4), Convolution(3, 5)), (6, 7))

COUNTS = {
    "model1": 506121,
    "model2": 141941,
    "model3": 427931,
    "model4": 421291,
    "model1_counted": 451791,
    "model2_counted": 376391,
    "model3_counted": 511891,
    "model4_counted": 421491,
}


@pytest.mark.parametrize("name", COUNTS)
def test_trainable_parameters_equal_table_2_to_the_digit(name: str) -> None:
    model = build_model(ARCHITECTURES[name], 96)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == COUNTS[name]
    assert model.output_shape == (None, 1)


def test_layers_are_named_by_their_place() -> None:
    names = [layer.name for layer in build_model(TINY, 16, batch_normalization=True).layers]
    assert names == [
        "patches", "conv1", "conv1_bn", "conv1_relu", "pool1", "conv2", "conv2_bn", "conv2_relu", "pool2",
        "flatten", "dense1", "dense2", "logit",
    ]  # fmt: skip


def test_the_architecture_itself_may_say_where_batch_normalization_goes() -> None:
    spec = CnnSpec(TINY.convolutions, TINY.dense, batch_normalization=(1,))
    names = {layer.name for layer in build_model(spec, 16).layers}
    assert "conv2_bn" in names
    assert "conv1_bn" not in names


def test_dropout_comes_before_dense_layers_and_output_and_is_not_there_without_a_rate() -> None:
    spec = with_own_factors(TINY, {"dropout": 0.4, "filters": 3})
    model = build_model(spec, 16)
    assert [layer.name for layer in model.layers if "dropout" in layer.name or "dense" in layer.name] == [
        "dropout1", "dense1", "dropout2", "dense2", "dropout_last",
    ]  # fmt: skip
    assert model.get_layer("conv1").filters == 3
    states = [initial_weights(spec, model, seed) for seed in (0, 0, 1)]
    paths = [path for path in states[0] if path.endswith("seed_generator_state")]
    assert len({tuple(states[0][path]) for path in paths}) == 3
    assert all(np.array_equal(states[0][path], states[1][path]) for path in paths)
    assert not any(np.array_equal(states[0][path], states[2][path]) for path in paths)
    load_weights(model, states[0])
    assert all(weights_of(model)[path].dtype == states[0][path].dtype for path in paths)
    plain = initial_weights(TINY, build_model(TINY, 16), 0)
    kept = initial_weights(with_own_factors(TINY, {"dropout": 0.4}), build_model(TINY, 16), 0)
    assert all(np.array_equal(plain[path], kept[path]) for path in plain)


BLOCKS = CnnSpec(
    (Convolution(3, 4, 2, pool=False), Convolution(3, 4), Convolution(3, 6, pool=False), Convolution(3, 6)),
    (5,),
    activation="silu",
    pooling="average",
    residual=True,
    crop=13,
    bn_momentum=0.95,
)


def test_blocks_shortcuts_crop_and_global_pooling_are_as_specified() -> None:
    model = build_model(BLOCKS, 16, batch_normalization=True)
    assert [(layer.name, tuple(layer.output.shape[1:])) for layer in model.layers] == [
        ("patches", (16, 16, 3)), ("crop", (13, 13, 3)),
        ("conv1", (7, 7, 4)), ("conv1_bn", (7, 7, 4)), ("conv1_silu", (7, 7, 4)),
        ("conv2", (7, 7, 4)), ("conv2_bn", (7, 7, 4)), ("conv2_silu", (7, 7, 4)), ("pool2", (4, 4, 4)),
        ("conv3", (4, 4, 6)), ("conv3_bn", (4, 4, 6)), ("conv3_silu", (4, 4, 6)),
        ("conv4", (4, 4, 6)), ("block2_shortcut", (4, 4, 6)),
        ("conv4_bn", (4, 4, 6)), ("block2_shortcut_bn", (4, 4, 6)), ("block2_sum", (4, 4, 6)),
        ("conv4_silu", (4, 4, 6)), ("pool4", (2, 2, 6)),
        ("average", (6,)), ("dense1", (5,)), ("logit", (1,)),
    ]  # fmt: skip
    assert {layer.momentum for layer in model.layers if layer.name.endswith("_bn")} == {0.95}
    trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert trained == trainable_parameters(BLOCKS, 16, batch_normalization=True)


@pytest.mark.parametrize("activation", get_args(Activation))
@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_every_activation_and_pooling_gives_the_counted_weights(activation: Activation, pooling: Pooling) -> None:
    spec = replace(BLOCKS, activation=activation, pooling=pooling, depth=3)
    model = build_model(spec, 16)
    load_weights(model, initial_weights(spec, model, 0))
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == trainable_parameters(spec, 16)
    assert np.isfinite(model(np.ones((2, 16, 16, 3), np.float32))).all()


def test_the_middle_of_the_patch_is_seen_and_nothing_else() -> None:
    spec = replace(TINY, crop=10)
    model = build_model(spec, 16)
    load_weights(model, initial_weights(spec, model, 0))
    patch = np.random.default_rng(0).random((1, 16, 16, 3), np.float32)
    framed = np.zeros_like(patch)
    framed[:, 3:13, 3:13] = patch[:, 3:13, 3:13]
    assert np.array_equal(model(patch), model(framed))
    framed[:, 3, 3] += 1
    assert not np.array_equal(model(patch), model(framed))
    with pytest.raises(TrainingError, match="their middle cannot be 17 pixels wide"):
        build_model(replace(TINY, crop=17), 16)
    assert "crop" not in {layer.name for layer in build_model(replace(TINY, crop=16), 16).layers}


def test_padding_pooling_and_strides_are_as_specified() -> None:
    spec = CnnSpec((Convolution(3, 4, 2), Convolution(2, 5)), (), padding="valid", pool=2, pool_stride=1)
    shapes = {layer.name: layer.output.shape[1:] for layer in build_model(spec, 16).layers}
    assert shapes["conv1"] == (7, 7, 4)
    assert shapes["pool1"] == (6, 6, 4)
    assert shapes["conv2"] == (5, 5, 5)
    assert shapes["pool2"] == (4, 4, 5)
    unpooled = build_model(CnnSpec((Convolution(3, 4),), (), pool=1), 16)
    assert [layer.name for layer in unpooled.layers] == ["patches", "conv1", "conv1_relu", "flatten", "logit"]


def test_an_architecture_too_large_for_its_patches_is_refused() -> None:
    with pytest.raises(TrainingError, match="does not fit patches of 4 pixels"):
        build_model(CnnSpec((Convolution(5, 4),), (), padding="valid"), 4)


def test_initial_weights_depend_on_the_seed_and_on_nothing_built_before() -> None:
    first = initial_weights(TINY, build_model(TINY, 16), 3)
    build_model(ARCHITECTURES["model2"], 32)
    again = initial_weights(TINY, build_model(TINY, 16), 3)
    other = initial_weights(TINY, build_model(TINY, 16), 4)
    assert all(np.array_equal(first[path], again[path]) for path in first)
    assert all(np.array_equal(first[path], other[path]) != path.endswith("kernel") for path in first)


def test_initial_weights_of_the_other_layers_are_the_same_with_batch_normalization() -> None:
    plain = initial_weights(TINY, build_model(TINY, 16), 0)
    normalized = initial_weights(TINY, build_model(TINY, 16, batch_normalization=True), 0)
    assert all(np.array_equal(plain[path], normalized[path]) for path in plain)
    inserted = {path: set(normalized[path].tolist()) for path in normalized.keys() - plain.keys()}
    assert inserted == {
        f"conv{n}_bn/{kind}": {value}
        for n in (1, 2)
        for kind, value in [("gamma", 1.0), ("beta", 0.0), ("moving_mean", 0.0), ("moving_variance", 1.0)]
    }


def test_initial_kernels_are_glorot_uniform() -> None:
    model = build_model(ARCHITECTURES["model2"], 96)
    weights = initial_weights(ARCHITECTURES["model2"], model, 0)
    for path, fans in [("conv2/kernel", 3 * 3 * (30 + 100)), ("dense1/kernel", 100 + 100)]:
        limit = np.sqrt(6 / fans)
        assert 0.99 * limit < np.abs(weights[path]).max() <= limit
        assert weights[path].std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not weights["conv2/bias"].any()


def test_weights_come_back_as_loaded() -> None:
    model = build_model(TINY, 16, batch_normalization=True)
    weights = {
        path: np.random.default_rng(0).random(value.shape, np.float32) for path, value in weights_of(model).items()
    }
    load_weights(model, weights)
    assert all(np.array_equal(value, weights[path]) for path, value in weights_of(model).items())


def test_weights_that_are_missing_or_of_another_shape_are_refused() -> None:
    model = build_model(TINY, 16)
    weights = weights_of(model)
    with pytest.raises(TrainingError, match=r"logit/bias: found nothing, expected shape \(1,\)"):
        load_weights(model, {path: value for path, value in weights.items() if path != "logit/bias"})
    with pytest.raises(TrainingError, match=r"logit/bias: found shape \(2,\), expected shape \(1,\)"):
        load_weights(model, weights | {"logit/bias": np.zeros(2, np.float32)})


def test_a_function_may_return_a_model_of_its_own(module: Maker) -> None:
    spec = module(GOOD)
    model = build_model(spec, 16)
    assert model.input_shape == (None, 16, 16, 3)
    first = initial_weights(spec, model, 3)
    keras.layers.Dense(2)  # takes the next automatic name
    again = initial_weights(spec, build_model(spec, 16), 3)
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[path], again[path]) for path in first)
    other = initial_weights(spec, model, 4)
    kernels = [path for path in first if path.endswith("kernel")]
    assert len(kernels) == 3
    assert not any(np.array_equal(first[path], other[path]) for path in kernels)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(2)])", "None, 2"),
        ("    return keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(1)])", "None, 8, 8, 3"),
        (
            "    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1, 'sigmoid')])",
            "applies sigmoid",
        ),
        (
            "    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(1), layers.Softmax()])",
            "applies softmax",
        ),
        (
            "    i = keras.Input(shape)\n    m = keras.Sequential([layers.Flatten(), layers.Dense(1),"
            " layers.Activation('sigmoid')])\n    return keras.Model(i, m(i))",
            "applies sigmoid",
        ),
        (
            "    i = keras.Input(shape)\n    x = layers.Dense(1)(layers.Flatten()(i))\n"
            "    return keras.Model(i, keras.ops.sigmoid(x))",
            "applies sigmoid",
        ),
        (
            "    i = keras.Input(shape)\n    x = layers.Dense(1, 'sigmoid')(layers.Flatten()(i))\n"
            "    return keras.Model(i, keras.ops.reshape(x, (-1, 1)))",
            "applies sigmoid",
        ),
        ("    return 'a model'", "it returned str"),
        ("    raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    ],
)
def test_a_function_that_returns_something_else_is_refused_by_name(module: Maker, body: str, complaint: str) -> None:
    with pytest.raises(TrainingError, match="users_own:make") as caught:
        build_model(module(HEADER + body + "\n"), 16)
    assert complaint in str(caught.value)


def test_a_function_whose_source_has_changed_is_refused(module: Maker) -> None:
    spec = module(GOOD)
    module(GOOD + "# changed\n")
    with pytest.raises(TrainingError, match="is not the one that this recipe was made with"):
        build_model(spec, 16)


@pytest.mark.parametrize("function", ["no_such_module:make", "json", ":make"])
def test_a_function_that_is_not_there_is_refused(function: str) -> None:
    with pytest.raises(TrainingError, match="cannot be imported as module:name"):
        build_model(FunctionSpec(function, ""), 16)


def test_batch_normalization_cannot_be_inserted_into_a_functions_model(module: Maker) -> None:
    with pytest.raises(TrainingError, match="set batch_normalization to false"):
        build_model(module(GOOD), 16, batch_normalization=True)
