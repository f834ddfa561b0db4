"""How much longer training brings, learnt from all learning curves of a pool."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hpo.search.history import Training, smoothed

Array = NDArray[np.float64]

_LEVEL = 0.75
"""The spread of a pool is the distance from this quantile to the best; diverged trainings, however many, hardly
change it."""

_FARTHEST = 2.0
"""Whatever is worse than the best by so many spreads is equally bad: a diverged loss of 1,000 says no more than 10."""

_PRIOR = np.array([0.0, 0.0, 1.0])
"""Expected coefficients of a constant, the standing and the last doubling's gain: a training gains as much in the
next ``e``-fold of its epochs as in the last doubling, which is a power law with an exponent of about a half."""

_PRIOR_DEVIATION = np.array([0.3, 0.3, 0.5])
"""Standard deviations of the coefficients before any training has continued."""

_NOISE = 0.5
"""Standard deviation of what an ``e``-fold of the epochs adds, before any training has continued, in spreads."""

_NOISE_WEIGHT = 4.0
"""Observations that `_NOISE` counts as."""


@dataclass(frozen=True)
class CurveModel:
    """A Bayesian linear regression of later gains.

    With values ``u`` in spreads below the best of the pool, a training that goes on from ``s`` to ``t`` epochs gains

        u(t) - u(s) = log(t / s) * (a + b * u(s) + c * (u(s) - u(s / 2))) + noise * sqrt(log(t / s))

    The last doubling's gain extrapolates a power law (whose gains over equal ratios of epochs are proportional), the
    standing says whether good trainings gain more or fall back, and the noise grows like a random walk over the
    logarithm of epochs, as the process of a curve in Swersky et al. 2014, "Freeze-Thaw Bayesian Optimization".

    Args:
        best: the best value of a training at its longest; -inf if none is finite.
        spread: distance between a good value and the best, the unit of everything else; positive.
        coefficients: posterior means of ``a``, ``b`` and ``c``, ``(3,)``.
        covariance: of the coefficients, over the noise's variance, ``(3, 3)``.
        variance: of the noise.
    """

    best: float
    spread: float
    coefficients: Array
    covariance: Array
    variance: float

    def improvements(self, standings: Array, start: Array, ends: Array) -> Array:
        """Expected improvements on the pool's best by going on.

        Args:
            standings: of trainings, ``(n, 2)``, as `standing` returns them.
            start: their epochs, ``(n,)``.
            ends: numbers of epochs to go on to, ``(m,)``.

        Returns:
            E[max(0, value - best)] in spreads, ``(n, m)``; 0 where a training is as long already.
        """
        inputs = _inputs(standings)
        ahead = np.log(np.maximum(ends / start[:, None], 1.0))
        mean = standings[:, :1] + ahead * (inputs @ self.coefficients)[:, None]
        doubt = np.einsum("ij,jk,ik->i", inputs, self.covariance, inputs)[:, None]
        deviation = np.sqrt(self.variance * (ahead + ahead**2 * doubt))
        score = mean / np.where(deviation > 0, deviation, 1.0)
        density = np.exp(-(score**2) / 2) / math.sqrt(2 * math.pi)
        return np.where(ahead > 0, deviation * (score * ndtr(score) + density), 0.0)

    def standing(self, training: Training, epochs: int, smoothing: int) -> tuple[float, float]:
        """How a training stood after some of its epochs: its value, and what the last doubling brought, in spreads.

        Args:
            training: a training; a failed one is the worst beyond its last epoch.
            epochs: at least 1.
            smoothing: the number of last gains whose mean judges a training.
        """
        value = self._scaled(value_at(training, epochs, smoothing))
        return value, value - self._scaled(value_at(training, (epochs + 1) // 2, smoothing))

    def _scaled(self, value: float) -> float:
        """A value in spreads above the best; a curve that has fallen since may have been above it."""
        return (
            min(max((value - self.best) / self.spread, -_FARTHEST), _FARTHEST) if math.isfinite(value) else -_FARTHEST
        )


def curve_model(rungs: Sequence[int], smoothing: int, trainings: Sequence[Training]) -> CurveModel:
    """Fit the model to every stretch between two rungs that a training has behind it.

    Args:
        rungs: ascending epochs.
        smoothing: the number of last gains whose mean judges a training.
        trainings: all of the pool, running and failed ones included; a failed one fell to the worst.
    """
    last = [value_at(one, max(1, one.epochs), smoothing) for one in trainings if one.epochs or one.state == "failed"]
    finite = sorted(value for value in last if math.isfinite(value))
    best = finite[-1] if finite else -math.inf
    good = sorted(last)[math.floor(_LEVEL * (len(last) - 1))] if last else best
    lowest = good if -math.inf < good < best else finite[0] if finite else best  # many may be level at chance
    spread = best - lowest if best > lowest else 1.0
    prior = CurveModel(best, spread, _PRIOR, np.diag((_PRIOR_DEVIATION / _NOISE) ** 2), _NOISE**2)
    stretches = [_stretches(prior, rungs, smoothing, one) for one in trainings]
    found = np.array([stretch for of_one in stretches for stretch in of_one]).reshape(-1, 4)
    return _posterior(prior, found)


def value_at(training: Training, epochs: int, smoothing: int) -> float:
    """A training's value after some epochs: the mean of the last few gains, -inf if it is not finite or not reached."""
    return -math.inf if training.epochs < epochs else smoothed(training.gains[:epochs], smoothing)


def _stretches(model: CurveModel, rungs: Sequence[int], smoothing: int, training: Training) -> list[list[float]]:
    """Standing at a rung, log ratio of a later rung, and the gain between them, of each pair of rungs reached."""
    has_failed = training.state == "failed"
    reached = [rung for rung in rungs if rung <= training.epochs or has_failed]
    if len(reached) < 2:
        return []
    at = [model.standing(training, rung, smoothing) for rung in reached]
    return [
        [*at[before], math.log(reached[after] / reached[before]), at[after][0] - at[before][0]]
        for after in range(1, len(reached))
        for before in range(after)
        if reached[before] <= training.epochs  # a failed one: from where it was still trained
    ]


def _posterior(prior: CurveModel, stretches: Array) -> CurveModel:
    """The conjugate update with stretches ``(n, 4)``; both sides are divided by the noise's growth."""
    growth = np.sqrt(stretches[:, 2])
    inputs = _inputs(stretches[:, :2]) * growth[:, None]
    gains = stretches[:, 3] / growth
    before = np.linalg.inv(prior.covariance)
    towards = before @ prior.coefficients
    covariance: Array = np.linalg.inv(before + inputs.T @ inputs).astype(np.float64)
    projected = towards + inputs.T @ gains
    coefficients = covariance @ projected
    rest = gains @ gains + prior.coefficients @ towards - coefficients @ projected
    variance = (_NOISE_WEIGHT * prior.variance + max(0.0, float(rest))) / (_NOISE_WEIGHT + len(gains))
    return CurveModel(prior.best, prior.spread, coefficients, covariance, variance)


def _inputs(standings: Array) -> Array:
    return np.column_stack([np.ones(len(standings)), standings])
