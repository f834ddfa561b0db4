"""The comparison of each architecture's final trainings, computed once for all panels of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpo.evaluation.compare import Comparison, Measurement, Sampling, compare_sides, measure
from hpo.evaluation.holm import holm
from hpo.results.records import Role
from hpo.results.study import StudyResults

Tested = Literal["auc", "accuracy"]
"""Metrics whose difference has a test of its own: DeLong's and McNemar's."""

ROLES: tuple[Role, ...] = ("before", "equal", "cold_control", "after")

_NOT_PAIRED = ("equal", "cold_control")
"""Trained for so different lengths that their difference says nothing."""


@dataclass(frozen=True)
class Sides:
    """What the test split says of one architecture.

    Args:
        measured: the sides that have predictions.
        pairs: paired comparisons of two of them, by (first, second) in the order of `ROLES`.
        adjusted_p: by metric, of the headline's pair, DeLong's p (``auc``) and McNemar's (``accuracy``), each adjusted
            by Holm over the architectures; empty without both sides.
        sampling: what the intervals rest on.
    """

    measured: Mapping[Role, Measurement]
    pairs: Mapping[tuple[Role, Role], Comparison]
    adjusted_p: Mapping[Tested, float]
    sampling: Sampling

    @property
    def baseline(self) -> Role:
        """What the tuned model is compared with: the reference that was trained as long, where there is one."""
        return "equal" if "equal" in self.measured else "before"

    @property
    def before_after(self) -> Comparison | None:
        """The headline: the baseline against the tuned model; None without both."""
        return self.pairs.get((self.baseline, "after"))

    def role_of(self, side: Literal["before", "after"]) -> Role:
        """Which role stands on a side of the headline."""
        return self.baseline if side == "before" else "after"


@lru_cache(maxsize=8)
def compare_architectures(results: StudyResults) -> dict[str, Sides]:
    """Every architecture that has test predictions, in the study file's order.

    Sides are compared on the seeds that all of them have, so that a study in the middle of its final trainings is
    compared on those that are done.
    """
    if results.test_labels is None:
        return {}
    compared = {}
    for architecture in results.settings.architectures:
        sides = predictions_by_role(results, architecture)
        if sides:
            compared[architecture] = _compare(results, sides)
    found = {name: Sides(measured, pairs, {}, sampling) for name, (measured, pairs, sampling) in compared.items()}
    adjusted = _adjust({name: sides.before_after for name, sides in found.items() if sides.before_after is not None})
    return {name: replace(sides, adjusted_p=adjusted.get(name, {})) for name, sides in found.items()}


def compared_sides(results: StudyResults) -> dict[str, Sides]:
    """The architectures whose tuned model and what it is compared with have been tested."""
    return {name: sides for name, sides in compare_architectures(results).items() if sides.before_after is not None}


def both_sides(sides: Sides) -> Comparison:
    """The headline's comparison.

    Raises:
        ValueError: if one of them has not been tested.
    """
    if sides.before_after is None:
        raise ValueError("both sides have to be tested")
    return sides.before_after


def best_compared(results: StudyResults) -> str:
    """The best on validation of those that have been tested on both sides.

    Raises:
        ValueError: if none has.
    """
    compared = compared_sides(results)
    if not compared:
        raise ValueError("no architecture has been tested on both sides")
    return next(name for name in [*results.ranking, *compared] if name in compared)


def is_finished(results: StudyResults) -> bool:
    """Whether every architecture has been tested on both sides with every seed."""
    compared, settings = compare_architectures(results), results.settings
    return all(
        name in compared
        and compared[name].before_after is not None
        and compared[name].sampling.seeds == len(settings.confirm_seeds)
        for name in settings.architectures
    )


def _adjust(tested: Mapping[str, Comparison]) -> dict[str, dict[Tested, float]]:
    """P-values adjusted over the architectures, by architecture."""
    areas = holm([pair.auc_test.p_value for pair in tested.values()])
    accuracies = holm([pair.accuracy_test.p_value for pair in tested.values()])
    return {
        name: {"auc": area, "accuracy": accuracy}
        for name, area, accuracy in zip(tested, areas, accuracies, strict=True)
    }


def predictions_by_role(results: StudyResults, architecture: str) -> dict[Role, NDArray[np.float32]]:
    """Test probabilities ``(S, N)`` of each side, on the seeds that all sides with predictions share.

    Returns:
        By role, in the order of `ROLES`; empty where the sides share no seed.
    """
    found: dict[Role, dict[int, NDArray[np.float32]]] = {}
    for role in ROLES:
        rows = {
            training.seed: training.test_probabilities
            for training in results.confirmations
            if (training.architecture, training.role) == (architecture, role)
            and training.test_probabilities is not None
        }
        if rows:
            found[role] = rows
    if not found:
        return {}
    seeds = sorted(set.intersection(*(set(rows) for rows in found.values())))
    return {role: np.stack([rows[seed] for seed in seeds]) for role, rows in found.items()} if seeds else {}


def headline_predictions(
    results: StudyResults, architecture: str
) -> dict[Literal["before", "after"], NDArray[np.float32]]:
    """Test probabilities ``(S, N)`` of the headline's two sides, as far as there are any."""
    found = predictions_by_role(results, architecture)
    baseline: Role = "equal" if "equal" in found else "before"
    pairs: tuple[tuple[Literal["before", "after"], Role], ...] = (("before", baseline), ("after", "after"))
    return {side: found[role] for side, role in pairs if role in found}


def _compare(
    results: StudyResults, sides: dict[Role, NDArray[np.float32]]
) -> tuple[dict[Role, Measurement], dict[tuple[Role, Role], Comparison], Sampling]:
    labels, slides = results.test_labels, results.test_slides
    if labels is None:
        raise ValueError("test predictions without test labels")
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
