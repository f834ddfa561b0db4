"""Optimizers against their equations in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hpo.models.backend import keras, tf
from hpo.recipe.fitting import Fitting
from hpo.recipe.recipe import OptimizerName
from hpo.training.optimizers import kernel_penalty, make_optimizer

Array = NDArray[np.float64]
RATE, DECAY = 0.05, 0.1
GRADIENTS = np.random.default_rng(0).normal(size=(6, 5))
START = np.linspace(-1, 1, 5)


def steps(name: OptimizerName, fitting: Fitting, weight_decay: float = 0.0) -> Array:
    """Weights after six steps with the gradients above."""
    optimizer = make_optimizer(name, 0.9, weight_decay, fitting)
    weights = keras.Variable(START.astype(np.float32), name="w")
    optimizer.build([weights])
    for gradient in GRADIENTS:
        optimizer.learning_rate.assign(RATE)
        optimizer.apply([tf.constant(gradient, tf.float32)], [weights])
    return np.asarray(weights.numpy(), np.float64)


def rmsprop(weights: Array, gradient: Array, memory: dict[str, Any]) -> Array:
    memory["square"] = 0.9 * memory.get("square", 0.0) + 0.1 * gradient**2
    return weights - RATE * gradient / np.sqrt(memory["square"] + 1e-3)


def lion(weights: Array, gradient: Array, memory: dict[str, Any]) -> Array:
    mean = memory.get("mean", 0.0)
    memory["mean"] = 0.99 * mean + 0.01 * gradient
    return weights - RATE * np.sign(0.9 * mean + 0.1 * gradient)


def adam(weights: Array, gradient: Array, memory: dict[str, Any]) -> Array:
    step = memory["step"] = memory.get("step", 0) + 1
    memory["mean"] = 0.8 * memory.get("mean", 0.0) + 0.2 * gradient
    memory["square"] = 0.95 * memory.get("square", 0.0) + 0.05 * gradient**2
    # Keras scales the rate by both corrections, so that epsilon stands beside the uncorrected root.
    rate = RATE * np.sqrt(1 - 0.95**step) / (1 - 0.8**step)
    return weights - rate * memory["mean"] / (np.sqrt(memory["square"]) + 1e-3)


def nesterov(weights: Array, gradient: Array, memory: dict[str, Any]) -> Array:
    memory["speed"] = 0.9 * memory.get("speed", 0.0) - RATE * gradient
    return weights + 0.9 * memory["speed"] - RATE * gradient


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize(
    ("name", "fitting", "rule"),
    [
        ("rmsprop", Fitting(epsilon=1e-3), rmsprop),
        ("lion", Fitting(), lion),
        ("adam", Fitting(beta_1=0.8, beta_2=0.95, epsilon=1e-3), adam),
        ("sgd", Fitting(nesterov=True), nesterov),
    ],
)
def test_a_step_is_the_equation_after_decoupled_decay(
    name: OptimizerName, fitting: Fitting, rule: Callable[[Array, Array, dict[str, Any]], Array], decay: float
) -> None:
    expected, memory = START, dict[str, Any]()
    for gradient in GRADIENTS:
        expected = rule(expected * (1 - RATE * decay), gradient, memory)
    assert steps(name, fitting, decay) == pytest.approx(expected, abs=1e-5)


def test_a_long_gradient_is_shortened_and_a_short_one_left() -> None:
    expected, speed = START, np.zeros(5)
    lengths = np.linalg.norm(GRADIENTS, axis=1)
    limit = float(np.median(lengths))
    for gradient, length in zip(GRADIENTS, lengths, strict=True):
        speed = 0.9 * speed - RATE * gradient * min(1.0, limit / length)
        expected = expected + speed
    assert steps("sgd", Fitting(clip_norm=limit)) == pytest.approx(expected, abs=1e-5)
    assert steps("sgd", Fitting(clip_norm=1e3)) == pytest.approx(steps("sgd", Fitting()), abs=1e-7)


def test_the_norm_is_that_of_all_variables_together() -> None:
    optimizer = make_optimizer("sgd", 0.0, 0.0, Fitting(clip_norm=1.0))
    weights = [keras.Variable(np.zeros(1, np.float32), name=name) for name in "ab"]
    optimizer.build(weights)
    optimizer.apply([tf.constant([3.0]), tf.constant([4.0])], weights)
    assert [float(one.numpy()[0]) for one in weights] == pytest.approx([-0.6, -0.8])


def test_the_penalty_is_of_trained_kernels_alone() -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, bias_initializer="ones"),
            layers.BatchNormalization(),
            layers.Conv2D(2, 3, trainable=False),
            layers.DepthwiseConv2D(2),
            layers.Flatten(),
            layers.Dense(1, bias_initializer="ones"),
        ]
    )
    kernels = [layer.kernel for layer in (model.layers[0], model.layers[3], model.layers[5])]
    expected = sum(float(np.square(kernel.numpy()).sum()) for kernel in kernels)
    assert float(kernel_penalty(model, 0.5)) == pytest.approx(0.5 * expected, rel=1e-5)
