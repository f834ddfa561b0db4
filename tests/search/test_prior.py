"""Draws near a prior: inside the space, on its grid, and nearer to the prior than chance."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.search.prior import near_prior
from hpo.search.propose import Searched, holds, propose
from hpo.search.spaces import Space

SPACES: dict[str, Space] = {
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "batch_size": IntDistribution(8, 64, log=True),
    "patches": IntDistribution(100, 990, step=50),
    "momentum": FloatDistribution(0.5, 0.9),
    "strategy": CategoricalDistribution(["constant", "step", "exponential"]),
}
PRIOR = {"learning_rate": 0.03, "batch_size": 16, "patches": 300, "momentum": 0.9, "strategy": "step"}


@given(st.integers(0, 2**32), st.sets(st.sampled_from(list(SPACES))))
def test_every_draw_lies_in_the_space_and_on_its_grid(seed: int, known: set[str]) -> None:
    prior = {name: PRIOR[name] for name in known}
    values = near_prior(SPACES, prior, np.random.default_rng(seed))
    assert all(holds(space, values[name]) for name, space in SPACES.items())
    assert (int(values["patches"]) - 100) % 50 == 0
    assert {name: type(value) for name, value in values.items()} == {
        "learning_rate": float,
        "batch_size": int,
        "patches": int,
        "momentum": float,
        "strategy": str,
    }


def test_draws_are_nearer_to_the_prior_than_uniform_ones() -> None:
    def distance(prior: dict[str, float | str]) -> float:
        rng = np.random.default_rng(0)
        drawn = [float(near_prior(SPACES, prior, rng)["learning_rate"]) for _ in range(400)]
        return float(np.mean([abs(math.log10(value / 0.03)) for value in drawn]))

    assert distance({"learning_rate": 0.03}) < 0.7 * distance({})


def test_words_keep_the_prior_in_half_of_the_draws_and_more() -> None:
    rng = np.random.default_rng(0)
    drawn = [near_prior(SPACES, PRIOR, rng)["strategy"] for _ in range(400)]
    assert 220 < drawn.count("step") < 320


def test_half_of_the_random_proposals_are_near_the_prior() -> None:
    proposed = [propose(Searched(SPACES, {"learning_rate": 0.03}), [], seed, 8, 0.1, 1) or {} for seed in range(60)]
    uniform = [propose(Searched(SPACES), [], seed, 8, 0.1, 1) or {} for seed in range(60)]
    changed = sum(one != other for one, other in zip(proposed, uniform, strict=True))
    assert 15 < changed < 45
