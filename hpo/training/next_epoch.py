"""From the state after one epoch to the state after the next, with that epoch's metrics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpo.errors import NonFiniteLossError
from hpo.evaluation.scores import metrics_of
from hpo.models.build import Arrays
from hpo.recipe.recipe import Recipe
from hpo.training.alter import Asked
from hpo.training.augment import draw_epoch
from hpo.training.epoch import EpochFunction
from hpo.training.failures import compilable, enough_memory
from hpo.training.network import probabilities
from hpo.training.own_metric import FurtherMetric
from hpo.training.resident import ResidentData
from hpo.training.state import capture, is_finite, model_arrays, restore


def train_epoch(
    function: EpochFunction,
    data: ResidentData,
    recipe: Recipe,
    state: Arrays,
    epoch: int,
    further: FurtherMetric | None,
) -> tuple[Arrays, dict[str, float]]:
    """Train one epoch from a state, and validate.

    Args:
        function: compiled for the recipe.
        data: training and validation patches.
        recipe: what to train.
        state: after the epoch before (`hpo.training.state`).
        epoch: from 1.
        further: the objective's metric, where curves do not hold it anyway.

    Returns:
        The state after this epoch, with its ``valid_probabilities``, and its metrics
        as `hpo.training.engine.EpochResult` lists them.

    Raises:
        NonFiniteLossError: if loss or weights became infinite or not a number.
        TrainingError: if the recipe cannot be trained on this data or machine.
    """
    network = function.network
    # Unless nobody has touched weights or optimizer since: either may have been another training's, or built anew.
    if not network.holds == function.holds == (recipe.key, epoch - 1):
        restore(function, state)
    network.holds = function.holds = None
    others = Asked(recipe.augmentations, data.size, recipe.augment is not None)
    with enough_memory(recipe):
        training = data.train(recipe.patches, recipe.seed, recipe.balance)
        labels = training.labels[: recipe.patches]
        draws = draw_epoch(
            recipe.seed,
            epoch,
            recipe.patches,
            recipe.batch_size,
            recipe.stain_jitter,
            others,
            equally=labels if recipe.fitting_in_use.balanced_sampling else None,
        )
        rates = _learning_rates(recipe, epoch, len(draws.order))
        function.weigh(labels)
        with compilable(recipe):
            logits = function.train(training.patches, training.targets, draws, rates)
        state = capture(function)
        averages = None if function.averages is None else model_arrays(state)
        valid_logits = network.predict(data.valid(), averages)
    if not is_finite(state | {"logits": logits, "valid_logits": valid_logits}):
        raise NonFiniteLossError(epoch)
    if averages is None:  # else the model has them, and not the weights to go on with
        network.holds = function.holds = (recipe.key, epoch)
    valid = probabilities(valid_logits)
    train_metrics = metrics_of(training.labels[draws.order.ravel()], probabilities(logits))
    # Of a handful of patches one class may be missing; no curve holds what is no number.
    metrics = {f"train_{name}": value for name, value in train_metrics.items() if not math.isnan(value)}
    metrics |= {f"valid_{name}": value for name, value in metrics_of(data.valid_labels, valid).items()}
    if further is not None:
        metrics.setdefault(f"valid_{further.name}", further.scorer(data.valid_labels, valid))
    return state | {"valid_probabilities": valid}, metrics | {"learning_rate": float(rates[0])}


def _learning_rates(recipe: Recipe, epoch: int, steps: int) -> NDArray[np.float32]:
    """The learning rate of each of the epoch's steps, float32 ``(steps,)``."""
    schedule = recipe.strategy.schedule(float(recipe.learning_rate), steps)
    first = (epoch - 1) * steps
    return np.array([schedule(first + step, epoch - 1) for step in range(steps)], np.float32)
