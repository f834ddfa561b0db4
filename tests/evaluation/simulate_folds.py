"""Made trainings over folds whose true difference is known, and what share of 95% intervals holds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from hpo.evaluation.folds import compare_folds
from tests.evaluation.simulate import METRICS, NETWORKS, OF_NETWORK, OF_PATCH, OF_SIDE, OF_SLIDE, PROCEDURE

GROUPS = 6
"""Training slides of each fold."""


@dataclass(frozen=True)
class FoldScenario:
    """How data sets are made: as `tests.evaluation.simulate.Scenario`, and a network's separation has a part of its
    training slides too: the mean of their effects, of which two folds share all but two groups.

    Args:
        name: for a table.
        folds, seeds: trainings of either side.
        patches: of the test split.
        slides: of the test split; 0: the patches are independent.
        spread: standard deviation of a network's separation by chance.
        training: standard deviation of it by the training slides, over training sets drawn anew.
        separation: mean separation before.
        gain: how much larger it is after.
    """

    name: str
    folds: int = 5
    seeds: int = 2
    patches: int = 250
    slides: int = 0
    spread: float = 0.1
    training: float = 0.1
    separation: float = 1.6
    gain: float = 0.3


def count_covered_by_folds(
    scenario: FoldScenario, data_sets: int, resamples: int, seed: int = 0
) -> Counter[tuple[str, str]]:
    """How many of the data sets' intervals hold the true difference, by metric and kind of interval."""
    random = np.random.default_rng(seed)
    covered: Counter[tuple[str, str]] = Counter()
    for number in range(data_sets):
        labels, sides, slides, truth = _made(random, scenario)
        found = compare_folds(labels, *sides, slides=slides, metrics=METRICS, resamples=resamples, seed=number)
        for metric in METRICS:
            estimate = found.metrics[metric].difference
            covered[metric, PROCEDURE] += estimate.low <= truth[metric, PROCEDURE] <= estimate.high
            low, high = estimate.networks
            covered[metric, NETWORKS] += low <= truth[metric, NETWORKS] <= high
    return covered


def _made(
    random: np.random.Generator, scenario: FoldScenario
) -> tuple[NDArray[np.uint8], list[NDArray[np.float64]], NDArray[np.intp] | None, dict[tuple[str, str], float]]:
    size, folds = scenario.patches, scenario.folds
    slides, share, of_slide = None, np.full(size, 0.5), [np.zeros(size)] * 3
    variance = OF_PATCH**2 + OF_NETWORK**2
    if scenario.slides:
        sizes = random.multinomial(size - 3 * scenario.slides, random.dirichlet(np.full(scenario.slides, 3.0))) + 3
        slides = np.repeat(np.arange(scenario.slides), sizes)
        share = random.beta(2, 2, scenario.slides)[slides]
        of_slide = [spread * random.normal(size=scenario.slides)[slides] for spread in (OF_SLIDE, OF_SIDE, OF_SIDE)]
        variance += OF_SLIDE**2 + OF_SIDE**2
    labels = (random.random(size) < share).astype(np.uint8)
    common = of_slide[0] + OF_PATCH * random.normal(size=size)
    sides, truth = [], Counter[tuple[str, str]]()
    for number, sign in ((0, -1), (1, 1)):
        mean = scenario.separation + number * scenario.gain
        # Of a training set drawn anew the mean effect of its slides has the variance training^2.
        effects = random.normal(size=(folds, GROUPS)) * scenario.training * np.sqrt((folds - 1) * GROUPS)
        of_training = (effects.sum() - effects.sum(axis=1)) / ((folds - 1) * GROUPS)
        chance = scenario.spread * random.normal(size=(folds, scenario.seeds))
        separation = (mean + of_training[:, None] + chance)[..., None]
        errors = common + of_slide[1 + number] + OF_NETWORK * random.normal(size=(folds, scenario.seeds, size))
        sides.append(1 / (1 + np.exp(-(separation * (labels - 0.5) + errors))))
        for metric, times in (("auc", 2), ("accuracy", 4)):
            truth[metric, NETWORKS] += sign * float(np.mean(norm.cdf(separation / np.sqrt(times * variance))))
            truth[metric, PROCEDURE] += sign * float(
                np.mean(norm.cdf((mean + of_training) / np.sqrt(times * variance + scenario.spread**2)))
            )
    return labels, sides, slides, dict(truth)
