"""Asynchronous successive halving: the best of each rung continue whenever a worker is free."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.search.history import Continue, Training, smoothed


def rungs_between(first: int, longest: int, eta: float) -> tuple[int, ...]:
    """Epochs at which trainings pause: ``first``, ``first * eta`` and so on; the last is ``longest``.

    The last step may be longer or shorter than the others by up to ``sqrt(eta)``: a rung that is hardly farther than
    the previous one decides nothing.
    """
    rungs = [min(first, longest)]
    while rungs[-1] < longest:
        following = max(rungs[-1] + 1, round(rungs[-1] * eta))
        rungs.append(longest if following * math.sqrt(eta) > longest else following)
    return tuple(rungs)


def next_rung(rungs: Sequence[int], epochs: int) -> int | None:
    """The first rung beyond a number of epochs; None at the end."""
    return next((rung for rung in rungs if rung > epochs), None)


def promotable(
    rungs: Sequence[int], eta: float, smoothing: int, trainings: Sequence[Training], at_least: int = 0, of: int = 0
) -> Continue | None:
    """Find the paused training that deserves to continue, from the highest rung down.

    A training has reached every rung that its gains cover. Of the pool's own trainings at a rung, running and failed
    ones included, one in ``eta`` makes room for a training to continue, which may be a given one. If given trainings
    made room too, the best of stage 1, already long, would run to the end before new ones are compared with them.

    Args:
        rungs: ascending epochs.
        eta: one training in so many continues; 1 continues any.
        smoothing: the number of last gains at a rung whose mean judges a training.
        trainings: all of the pool.
        at_least: so many of each rung continue, whatever ``eta`` is.
        of: the pool's own trainings that must have reached the rung for ``at_least`` to apply.

    Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (ASHA), algorithm 2; continuing the
    best of two is ours.
    """
    for rung in reversed(rungs[:-1]):
        reached = [one for one in trainings if one.epochs >= rung or one.state == "failed"]
        ranked = sorted(reached, key=lambda one: _at(one, rung, smoothing), reverse=True)
        own = sum(not one.given for one in reached)
        room = max(at_least if own >= of else 0, math.floor(own / eta))
        for one in ranked[:room]:
            goes_on = one.state == "paused" and math.isfinite(_at(one, rung, smoothing))
            following = next_rung(rungs, rung)
            if goes_on and following is not None and one.epochs < following:
                return Continue(one.key, following)
    return None


def _at(training: Training, rung: int, smoothing: int) -> float:
    """How a training stood at a rung; a failed one is the worst wherever it failed, and leaves its room to another."""
    is_worst = training.state == "failed" or training.epochs < rung
    return -math.inf if is_worst else smoothed(training.gains[:rung], smoothing)
