"""Continue the paused training that promises most per epoch, by a model of learning curves, or open a new one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hpo.search.halving import next_rung
from hpo.search.history import Continue, Training
from hpo.search.learning_curves import Array, CurveModel, curve_model, value_at


def most_promising(
    rungs: Sequence[int], smoothing: int, trainings: Sequence[Training], *, may_open: bool = True
) -> Continue | None:
    """Find the paused training that is worth its next epochs more than a new training is.

    A training's promise is its expected improvement on the pool's best at a later rung per epoch that leads there, at
    the rung where that is largest; it continues to its next rung. A new training is expected to stand at the first rung
    as those opened so far did, and to continue only where that pays: it is opened where, at the price per epoch of the
    best promise, what it brings exceeds what it costs.

    Args:
        rungs: ascending epochs.
        smoothing: the number of last gains whose mean judges a training.
        trainings: all of the pool, in the order in which they were opened.
        may_open: whether a new training is the alternative; else the best promise always continues.

    Returns:
        The step, or None if a new training promises more, or no training can continue.

    Source: the choice between old and new is that of Swersky et al. 2014, "Freeze-Thaw Bayesian Optimization"; expected
    improvement per epoch at the best horizon is ours, and the price is that of Weitzman 1979, "Optimal Search for the
    Best Alternative" (an index, not entropy search).
    """
    paused = [one for one in trainings if _can_continue(one, rungs, smoothing)]
    if not paused:
        return None
    model = curve_model(rungs, smoothing, trainings)
    start = np.array([one.epochs for one in paused], dtype=float)
    standings = np.array([model.standing(one, one.epochs, smoothing) for one in paused])
    promises = _promises(model, rungs, standings, start)
    best = int(promises.argmax())
    following = next_rung(rungs, paused[best].epochs)
    if following is None or (may_open and _opening_pays(model, rungs, smoothing, trainings, float(promises[best]))):
        return None
    return Continue(paused[best].key, following)


def _can_continue(training: Training, rungs: Sequence[int], smoothing: int) -> bool:
    is_judged = math.isfinite(value_at(training, max(1, training.epochs), smoothing))
    return training.state == "paused" and is_judged and next_rung(rungs, training.epochs) is not None


def _promises(model: CurveModel, rungs: Sequence[int], standings: Array, start: Array) -> Array:
    """The largest expected improvement per added epoch of each training, ``(n,)``."""
    ends = np.array(rungs, dtype=float)
    added = ends - start[:, None]
    improvements = model.improvements(standings, start, ends)
    return np.asarray(np.where(added > 0, improvements / np.where(added > 0, added, 1.0), 0.0).max(axis=1))


def _opening_pays(
    model: CurveModel, rungs: Sequence[int], smoothing: int, trainings: Sequence[Training], price: float
) -> bool:
    """Whether a new training brings more than its epochs cost at a price per epoch.

    The first rung's values of the pool's own trainings stand for what a new one may turn out to be.
    """
    first = rungs[0]
    own = [one for one in trainings if not one.given and (one.epochs >= first or one.state == "failed")]
    if not own or len(rungs) == 1:
        return True
    standings = np.array([model.standing(one, first, smoothing) for one in own])
    ends = np.array(rungs[1:], dtype=float)
    improvements = model.improvements(standings, np.full(len(own), float(first)), ends)
    worth = np.maximum(0.0, (improvements - price * (ends - first)).max(axis=1))
    return bool(worth.mean() > price * first)
