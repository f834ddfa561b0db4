"""A study as other tools log one: a run for each trial and each final training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hpo.evaluation.objective import Curve
from hpo.evaluation.scores import metrics_of
from hpo.recipe.arithmetic import arithmetic_to_json
from hpo.recipe.point import Value
from hpo.results.study import StudyResults
from hpo.results.trainings import Candidate, Confirmation, FreshTraining, TrialResult


@dataclass(frozen=True)
class Run:
    """A training that has ended.

    Args:
        name: ``STAGE/ARCHITECTURE/NUMBER`` of a trial, ``recheck/ARCHITECTURE/PLACE-SEED`` of the recheck,
            ``confirm/ARCHITECTURE/ROLE-SEED`` of a final training.
        settings: stage, architecture, role or number, every factor, and how it was computed if not as usual.
        curve: metrics of each epoch from 1; empty where it failed before its first.
        times: when each epoch ended, seconds since 1970, UTC.
        began: when the first epoch began, likewise.
        final: ``objective``, on validation, and of a final training ``test_accuracy`` and the like.
        tags: recipe key, donor, why it failed: what is there of them.
        failed: whether it did.
    """

    name: str
    settings: Mapping[str, Value]
    curve: Curve
    times: tuple[float, ...]
    began: float
    final: Mapping[str, float]
    tags: Mapping[str, str]
    failed: bool


def ended_runs(results: StudyResults) -> Iterator[Run]:
    """Every trial that has ended, stage 1 first, and what has been trained of the recheck and of the confirmation."""
    clock, arithmetic = _Clock(results), arithmetic_to_json(results.settings.arithmetic).get("arithmetic", {})
    for trial in sorted(results.trials, key=lambda one: (one.stage, one.architecture, one.number)):
        if trial.state in ("complete", "pruned", "failed"):
            yield _run_of_trial(trial, clock, arithmetic)
    for candidate in results.candidates:
        for fresh in candidate.trainings:
            if fresh.curve:
                yield _run_of_recheck(candidate, fresh, clock, arithmetic)
    for training in results.confirmations:
        if training.curve:
            yield _run_of_training(results, training, clock, arithmetic)


class _Clock:
    """The end of each epoch, by the compute ledger."""

    def __init__(self, results: StudyResults) -> None:
        self._ended = {(entry.recipe_key, entry.epoch): (entry.at, entry.seconds) for entry in results.epochs}
        # What another study trained is not in this one's ledger: it was there from the beginning.
        self._first = min((entry.at for entry in results.epochs), default=0.0)

    def epochs(self, recipe_keys: Sequence[str], count: int) -> tuple[tuple[float, ...], float]:
        """Ends of the first epochs of a training, or of the last of several in folds, and the start of the first."""
        ended = [
            [self._ended.get((key, epoch), (self._first, 0.0)) for key in recipe_keys] for epoch in range(1, count + 1)
        ]
        began = min(at - seconds for at, seconds in ended[0]) if ended else self._first
        return tuple(max(at for at, _ in together) for together in ended), began


def _run_of_trial(trial: TrialResult, clock: _Clock, arithmetic: dict[str, Value]) -> Run:
    times, began = clock.epochs(trial.folds.keys or (trial.recipe_key,), len(trial.curve))
    settings: dict[str, Value] = {"stage": trial.stage, "architecture": trial.architecture, "trial": trial.number}
    return Run(
        name=f"{trial.stage}/{trial.architecture}/{trial.number}",
        settings=settings | dict(trial.point) | arithmetic,
        curve=trial.curve,
        times=times,
        began=began,
        final={} if trial.objective is None else {"objective": trial.objective},
        tags=_tags(trial, trial.state) | ({"failure": trial.failure} if trial.failure else {}),
        failed=trial.state == "failed",
    )


def _run_of_recheck(one: Candidate, fresh: FreshTraining, clock: _Clock, arithmetic: dict[str, Value]) -> Run:
    times, began = clock.epochs(fresh.folds.keys or (fresh.recipe_key,), len(fresh.curve))
    settings: dict[str, Value] = {"stage": "recheck", "architecture": one.architecture, "candidate": one.place}
    return Run(
        name=f"recheck/{one.architecture}/{one.place}-{fresh.seed}",
        settings=settings | {"seed": fresh.seed} | dict(one.point) | {"epochs": fresh.epochs} | arithmetic,
        curve=fresh.curve,
        times=times,
        began=began,
        final={} if fresh.objective is None else {"objective": fresh.objective},
        tags=_tags(fresh, "failed" if fresh.objective is None else "complete"),
        failed=fresh.objective is None,
    )


def _run_of_training(results: StudyResults, training: Confirmation, clock: _Clock, arithmetic: dict[str, Value]) -> Run:
    times, began = clock.epochs((training.recipe_key,), len(training.curve))
    final = {} if training.objective is None else {"objective": training.objective}
    if results.test_labels is not None and training.test_probabilities is not None:
        tested = metrics_of(results.test_labels, training.test_probabilities)
        final |= {f"test_{name}": value for name, value in tested.items()}
    settings: dict[str, Value] = {
        "stage": "confirm",
        "architecture": training.architecture,
        "role": training.role,
        "seed": training.seed,
    }
    return Run(
        name=f"confirm/{training.architecture}/{training.role}-{training.seed}",
        settings=settings | dict(training.point) | {"epochs": training.epochs} | arithmetic,
        curve=training.curve,
        times=times,
        began=began,
        final=final,
        tags=_tags(training, "complete"),
        failed=False,
    )


def _tags(one: TrialResult | FreshTraining | Confirmation, state: str) -> dict[str, str]:
    tags = {"state": state, "recipe_key": one.recipe_key}
    return tags | ({} if one.donor is None else {"donor": f"{one.donor[0]}, epoch {one.donor[1]}"})
