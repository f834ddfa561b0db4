"""An epoch is a function of recipe, data, the state before it and its number."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from hpo.errors import NonFiniteLossError
from hpo.models.build import Arrays, initial_weights
from hpo.recipe.recipe import Recipe
from hpo.recipe.schedule import Strategy
from hpo.training.epoch import EpochFunction, Settings
from hpo.training.network import Network
from hpo.training.next_epoch import train_epoch
from hpo.training.own_metric import FurtherMetric
from hpo.training.resident import ResidentData
from hpo.training.runtime import configure
from hpo.training.state import start
from tests.training.toy import PLAIN, ToyDataset


class Compiled(NamedTuple):
    """The function of a recipe, which others of its settings may share, and the toy data."""

    function: EpochFunction
    data: ResidentData

    def begin(self, recipe: Recipe) -> Arrays:
        return start(self.function, initial_weights(recipe.architecture, self.function.network.model, recipe.seed))

    def epochs(self, recipe: Recipe, count: int, further: FurtherMetric | None = None) -> list[dict[str, float]]:
        """The metrics of the first epochs."""
        state, found = self.begin(recipe), []
        for epoch in range(1, count + 1):
            state, metrics = train_epoch(self.function, self.data, recipe, state, epoch, further)
            found.append(metrics)
        return found


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    configure()
    data = ResidentData(ToyDataset(), None)
    network = Network(
        PLAIN.architecture, data.size, PLAIN.batch_normalization, PLAIN.arithmetic, PLAIN.form, PLAIN.frozen_layers
    )
    return Compiled(EpochFunction(network, Settings.of(PLAIN)), data)


def test_an_epoch_continues_its_state_whatever_was_trained_in_between(compiled: Compiled) -> None:
    function, data = compiled
    first, _ = train_epoch(function, data, PLAIN, compiled.begin(PLAIN), 1, None)
    second, metrics = train_epoch(function, data, PLAIN, first, 2, None)
    compiled.epochs(replace(PLAIN, seed=1), 1)
    again, same = train_epoch(function, data, PLAIN, first, 2, None)
    assert same == metrics
    assert second.keys() == again.keys()
    assert all(np.array_equal(second[name], again[name]) for name in second)
    assert any(not np.array_equal(second[name], first[name]) for name in second)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy("constant"), [0.02, 0.02, 0.02]),
        (Strategy("time_based", decay=0.1), [0.02, 0.02 / 1.5, 0.02 / 2.0]),  # 5 steps an epoch
        (Strategy("step", factor=0.5, every=2), [0.02, 0.01, 0.01]),
        (Strategy("exponential", rate=np.log(2)), [0.02, 0.01, 0.005]),
    ],
    ids=lambda value: value.name if isinstance(value, Strategy) else "",
)
def test_the_learning_rate_follows_the_strategy(compiled: Compiled, strategy: Strategy, expected: list[float]) -> None:
    metrics = compiled.epochs(replace(PLAIN, strategy=strategy), 3)
    assert [epoch["learning_rate"] for epoch in metrics] == pytest.approx(expected)


def test_the_number_of_steps_already_taken_counts_not_only_the_epoch(compiled: Compiled) -> None:
    """Within its first epoch a time-based rate already falls: it validates otherwise than with a constant rate."""
    (falling,) = compiled.epochs(replace(PLAIN, strategy=Strategy("time_based", decay=0.1)), 1)
    (constant,) = compiled.epochs(PLAIN, 1)
    assert falling["learning_rate"] == constant["learning_rate"]
    assert falling["valid_loss"] != constant["valid_loss"]


def test_the_objectives_own_metric_is_computed_on_the_validation_patches(compiled: Compiled) -> None:
    mean = FurtherMetric("mean", lambda labels, probabilities: float(labels.mean() + probabilities.mean()))
    (metrics,) = compiled.epochs(PLAIN, 1, mean)
    state, _ = train_epoch(compiled.function, compiled.data, PLAIN, compiled.begin(PLAIN), 1, None)
    expected = compiled.data.valid_labels.mean() + state["valid_probabilities"].mean()
    assert metrics["valid_mean"] == pytest.approx(expected)
    assert "train_mean" not in metrics


def test_a_loss_that_is_not_finite_names_its_epoch(compiled: Compiled) -> None:
    exploding = replace(PLAIN, strategy=Strategy("exponential", rate=-80.0))  # e^80 times higher in the second
    with pytest.raises(NonFiniteLossError, match="epoch 2"):
        compiled.epochs(exploding, 2)
