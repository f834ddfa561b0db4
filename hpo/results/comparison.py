"""The comparison of each architecture's final trainings on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.compare import Comparison, Measurement, Sampling, compare_sides, measure
from hpo.evaluation.holm import holm
from hpo.results.trainings import Role

Tested = Literal["auc", "accuracy"]
"""Metrics whose difference has its own test: DeLong's and McNemar's."""

ROLES: tuple[Role, ...] = ("before", "equal", "cold_control", "after")

_NOT_PAIRED = ("equal", "cold_control")
"""Roles whose training lengths differ too much for their difference to mean anything."""


@dataclass(frozen=True)
class Sides:
    """The sides of one architecture on the test split.

    Args:
        measured: the sides that have predictions.
        pairs: paired comparisons of two of them, by (first, second) in the order of `ROLES`.
        adjusted_p: the headline pair's p by metric, DeLong's (``auc``) and McNemar's (``accuracy``), each Holm-adjusted
            over the architectures; empty without both sides.
        sampling: units, seeds and resamples of the intervals.
    """

    measured: Mapping[Role, Measurement]
    pairs: Mapping[tuple[Role, Role], Comparison]
    adjusted_p: Mapping[Tested, float]
    sampling: Sampling

    @property
    def baseline(self) -> Role:
        """The tuned model's opponent: the equally trained reference, if there is one."""
        return "equal" if "equal" in self.measured else "before"

    @property
    def before_after(self) -> Comparison | None:
        """The headline: the baseline against the tuned model; None without both."""
        return self.pairs.get((self.baseline, "after"))

    @property
    def headline(self) -> Comparison:
        """The baseline against the tuned model.

        Raises:
            ValueError: if one of them has not been tested.
        """
        if self.before_after is None:
            raise ValueError("both sides have to be tested")
        return self.before_after

    def role_of(self, side: Literal["before", "after"]) -> Role:
        """The role on a side of the headline."""
        return self.baseline if side == "before" else "after"


def compare_architectures(
    labels: NDArray[np.uint8],
    slides: NDArray[np.str_] | None,
    predictions: Mapping[str, Mapping[Role, NDArray[np.float32]]],
) -> dict[str, Sides]:
    """Compare the sides of each architecture that has predictions.

    Args:
        labels: ``(N,)``, 0 or 1, of the test split.
        slides: ``(N,)``, the slide of each patch, if known.
        predictions: by architecture and role, ``(S, N)``; an architecture's all have the same seeds.
    """
    compared = {name: _compare(labels, slides, sides) for name, sides in predictions.items() if sides}
    found = {name: Sides(measured, pairs, {}, sampling) for name, (measured, pairs, sampling) in compared.items()}
    adjusted = _adjust({name: sides.before_after for name, sides in found.items() if sides.before_after is not None})
    return {name: replace(sides, adjusted_p=adjusted.get(name, {})) for name, sides in found.items()}


def _adjust(tested: Mapping[str, Comparison]) -> dict[str, dict[Tested, float]]:
    """P-values adjusted over the architectures, by architecture."""
    areas = holm([pair.auc_test.p_value for pair in tested.values()])
    accuracies = holm([pair.accuracy_test.p_value for pair in tested.values()])
    return {
        name: {"auc": area, "accuracy": accuracy}
        for name, area, accuracy in zip(tested, areas, accuracies, strict=True)
    }


def shared_predictions(
    rows: Mapping[Role, Mapping[int, NDArray[np.float32]]],
) -> dict[Role, NDArray[np.float32]]:
    """Stack the predictions of each side on the seeds that all sides with predictions share.

    Args:
        rows: by role and seed, ``(N,)``.

    Returns:
        By role ``(S, N)``, seeds in ascending order; empty if the sides share no seed.
    """
    having = {role: by_seed for role, by_seed in rows.items() if by_seed}
    if not having:
        return {}
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in having.values())))
    return {role: np.stack([by_seed[seed] for seed in seeds]) for role, by_seed in having.items()} if seeds else {}


def _compare(
    labels: NDArray[np.uint8], slides: NDArray[np.str_] | None, sides: Mapping[Role, NDArray[np.float32]]
) -> tuple[dict[Role, Measurement], dict[tuple[Role, Role], Comparison], Sampling]:
    if len(sides) == 1:
        ((role, rows),) = sides.items()
        alone = measure(labels, rows, slides=slides)
        return {role: alone}, {}, alone.sampling
    every = list(combinations(sides, 2))
    pairs = compare_sides(labels, sides, [pair for pair in every if pair != _NOT_PAIRED] or every, slides=slides)
    measured: dict[Role, Measurement] = {}
    for (first, second), comparison in pairs.items():
        for role, side in ((first, "before"), (second, "after")):
            estimates = {name: getattr(metric, side) for name, metric in comparison.metrics.items()}
            measured[role] = Measurement(estimates, comparison.sampling)
    return {role: measured[role] for role in sides}, pairs, next(iter(pairs.values())).sampling
