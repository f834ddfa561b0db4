"""Keras' optimizers as a recipe names them, and the penalty that belongs to the weights alone."""

from __future__ import annotations

from typing import Any

from hpo.models.backend import keras, tf
from hpo.recipe.fitting import Fitting
from hpo.recipe.recipe import OptimizerName


def make_optimizer(
    name: OptimizerName, momentum: float, weight_decay: float, fitting: Fitting
) -> keras.optimizers.Optimizer:
    """An optimizer with a learning rate of 1, for which every step sets its own.

    Args:
        name: which.
        momentum: of ``sgd``.
        weight_decay: decoupled, times the learning rate; 0 is none.
        fitting: what else its step depends on.

    Sources: Kingma and Ba 2015 (Adam); Loshchilov and Hutter 2019 (decoupled decay); Hinton 2012, lecture 6e (RMSprop,
    with Keras' decay of 0.9); Chen et al. 2023 (Lion, with its 0.9 and 0.99).
    """
    common: dict[str, Any] = {
        "weight_decay": weight_decay or None,
        "global_clipnorm": fitting.clip_norm or None,
        "name": "optimizer",  # one fixed name: checkpoints hold the slots by their paths
    }
    if name == "sgd":
        return keras.optimizers.SGD(1.0, momentum=momentum, nesterov=fitting.nesterov, **common)
    if name == "rmsprop":
        return keras.optimizers.RMSprop(1.0, epsilon=fitting.epsilon, **common)
    if name == "lion":
        return keras.optimizers.Lion(1.0, **common)
    return keras.optimizers.Adam(
        1.0, beta_1=fitting.beta_1, beta_2=fitting.beta_2, epsilon=fitting.epsilon, **common
    )  # with decoupled decay: AdamW


def kernel_penalty(model: keras.Model, strength: float) -> tf.Tensor:
    """``strength * sum(kernel ** 2)`` over the kernels that are trained, a float32 scalar.

    A kernel is a variable whose name ends in ``kernel``: of convolutions, depthwise ones too, and of dense layers.
    """
    kernels = [one.value for one in model.trainable_variables if one.path.endswith("kernel")]
    return strength * tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels]) if kernels else 0.0
