"""Asynchronous successive halving: the best of each rung go on, whenever a worker is free."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.search.history import Continue, Training, smoothed


def rungs_between(first: int, longest: int, eta: float) -> tuple[int, ...]:
    """Epochs at which trainings pause: ``first``, ``first * eta`` and so on; the last is ``longest``.

    The last step may be longer or shorter than the others by up to ``sqrt(eta)``: a rung that is hardly farther than
    the one before decides nothing.
    """
    rungs = [min(first, longest)]
    while rungs[-1] < longest:
        following = max(rungs[-1] + 1, round(rungs[-1] * eta))
        rungs.append(longest if following * math.sqrt(eta) > longest else following)
    return tuple(rungs)


def next_rung(rungs: Sequence[int], epochs: int) -> int | None:
    """The first rung beyond so many epochs; None at the end."""
    return next((rung for rung in rungs if rung > epochs), None)


def promotable(
    rungs: Sequence[int], eta: float, smoothing: int, trainings: Sequence[Training], at_least: int = 0, of: int = 0
) -> Continue | None:
    """Find the paused training that deserves to go on, from the highest rung down.

    A training has reached every rung that its gains cover. One of ``eta`` of the pool's own that have reached a rung,
    running and failed ones included, may go beyond it; it may be a given one. If given trainings made room too, the
    best of stage 1, all of them long already, would go on to the end before anything new is compared with them.

    Args:
        rungs: ascending epochs.
        eta: one training of so many goes on; 1 continues any.
        smoothing: a training is judged at a rung by the mean of its last so many gains there.
        trainings: all of the pool.
        at_least: so many of each rung go on, whatever ``eta`` is.
        of: once so many of the pool's own have reached it.

    Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning" (ASHA), algorithm 2; that the best
    of two goes on is ours.
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
    """How a training stood at a rung; a failed one is the worst wherever it failed."""
    return -math.inf if training.epochs < rung else smoothed(training.gains[:rung], smoothing)
