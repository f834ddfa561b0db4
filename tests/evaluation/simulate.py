"""Made data sets whose true differences are known, and what share of 95% intervals holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from hpo.evaluation.bootstrap import Draws, draw_metrics
from hpo.evaluation.estimate import Interval, estimate
from hpo.evaluation.intervals import LEVELS, bca_interval, jackknife_influence, multi_sample_acceleration

Array = NDArray[np.float64]
METRICS = ("auc", "accuracy")
PROCEDURE, NETWORKS = "procedure", "networks"
Kind = tuple[str, str, str]
"""A metric, whose interval (`PROCEDURE` or `NETWORKS`), and the method."""


@dataclass(frozen=True)
class Scenario:
    """How data sets are made.

    A patch's score is ``separation * (label - 1/2)`` plus normal errors: of the slide (the same on both sides, and of
    either side alone), of the patch (the same for all networks), and of the network on the patch. A network's
    separation is drawn for its seed. So the true AUC and accuracy of every network, and their means over all seeds that
    could be trained, are known in closed form.

    Args:
        name: for a table.
        patches: of each data set.
        seeds: networks of either side.
        slides: 0: the patches are independent. Their sizes and shares of positives differ.
        spread: standard deviation of a network's separation.
        separation: mean separation before.
        gain: how much larger it is after.
    """

    name: str
    patches: int = 250
    seeds: int = 5
    slides: int = 0
    spread: float = 0.0
    separation: float = 1.6
    gain: float = 0.3


@dataclass(frozen=True, eq=False)
class MadeSplit:
    """One data set, and the true differences by metric: of the procedure, and of these networks."""

    labels: NDArray[np.uint8]
    sides: tuple[Array, Array]
    slides: NDArray[np.intp] | None
    truth: Mapping[str, Mapping[str, float]]


OF_SLIDE, OF_SIDE, OF_PATCH, OF_NETWORK = 0.5, 0.3, 0.8, 0.4
"""Standard deviations of the errors."""


def make_split(random: np.random.Generator, scenario: Scenario) -> MadeSplit:
    """Draw one data set."""
    size = scenario.patches
    slides, share = None, np.full(size, 0.5)
    of_slide = [np.zeros(size)] * 3
    variance = OF_PATCH**2 + OF_NETWORK**2
    if scenario.slides:
        sizes = random.multinomial(size - 3 * scenario.slides, random.dirichlet(np.full(scenario.slides, 3.0))) + 3
        slides = np.repeat(np.arange(scenario.slides), sizes)
        share = random.beta(2, 2, scenario.slides)[slides]
        spreads = (OF_SLIDE, OF_SIDE, OF_SIDE)
        of_slide = [spread * random.normal(size=scenario.slides)[slides] for spread in spreads]
        variance += OF_SLIDE**2 + OF_SIDE**2
    labels = (random.random(size) < share).astype(np.uint8)
    common = of_slide[0] + OF_PATCH * random.normal(size=size)
    sides, true = [], []
    for number in (0, 1):
        mean = scenario.separation + number * scenario.gain
        separation = mean + scenario.spread * random.normal(size=(scenario.seeds, 1))
        errors = common + of_slide[1 + number] + OF_NETWORK * random.normal(size=(scenario.seeds, size))
        sides.append(1 / (1 + np.exp(-(separation * (labels - 0.5) + errors))))
        true.append(_true_values(separation, variance, mean, scenario.spread))
    differences = {
        metric: {kind: true[1][metric][kind] - true[0][metric][kind] for kind in (PROCEDURE, NETWORKS)}
        for metric in METRICS
    }
    return MadeSplit(labels, (sides[0], sides[1]), slides, differences)


def _true_values(separation: Array, variance: float, mean: float, spread: float) -> dict[str, dict[str, float]]:
    # The mean of a normal distribution function of a normal variable is one with the variances added.
    return {
        metric: {
            NETWORKS: float(np.mean(norm.cdf(separation / np.sqrt(times * variance)))),
            PROCEDURE: float(norm.cdf(mean / np.sqrt(times * variance + spread**2))),
        }
        for metric, times in (("auc", 2), ("accuracy", 4))
    }


def intervals_of_differences(draws: Draws) -> Iterator[tuple[Kind, Interval]]:
    """The intervals of each metric's difference, by ours and by two plain methods from the same draws."""
    for index, metric in enumerate(METRICS):
        per_seed = draws.per_seed[1, :, index] - draws.per_seed[0, :, index]
        resampled = draws.resampled[:, 1, :, index] - draws.resampled[:, 0, :, index]
        left_out = draws.left_out[:, 1, index] - draws.left_out[:, 0, index]
        ours = estimate(per_seed, resampled, draws.shares, left_out, (-1.0, 1.0))
        value, of_units = float(per_seed.mean()), jackknife_influence(left_out)
        of_seeds = (per_seed - value) / len(per_seed)
        plain = {
            NETWORKS: (resampled.mean(axis=1), multi_sample_acceleration(of_units)),
            PROCEDURE: ((resampled * draws.shares).sum(axis=1), multi_sample_acceleration(of_units, of_seeds)),
        }
        for whose, (drawn, acceleration) in plain.items():
            yield (metric, whose, "percentile"), Interval(*np.quantile(drawn, LEVELS))
            yield (metric, whose, "BCa"), Interval(*bca_interval(value, drawn, acceleration))
        yield (metric, PROCEDURE, "ours"), Interval(ours.low, ours.high)
        yield (metric, NETWORKS, "ours"), ours.networks


def count_covered(scenario: Scenario, data_sets: int, resamples: int, seed: int = 0) -> Counter[Kind]:
    """How many of the data sets' intervals hold the true difference."""
    random = np.random.default_rng(seed)
    covered: Counter[Kind] = Counter()
    for number in range(data_sets):
        made = make_split(random, scenario)
        draws = draw_metrics(
            made.labels, made.sides, slides=made.slides, metrics=METRICS, resamples=resamples, seed=number
        )
        for kind, (low, high) in intervals_of_differences(draws):
            covered[kind] += low <= made.truth[kind[0]][kind[1]] <= high
    return covered
