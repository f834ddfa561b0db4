"""95% intervals from resampled values: bias-corrected, accelerated, and wider where little is known of the spread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.025, 0.975)
"""Of the two ends of a 95% interval."""

_ENOUGH = 100.0  # degrees of freedom that let bias and skewness be corrected by half


def bca_interval(
    value: float,
    resampled: NDArray[np.float64],
    acceleration: float,
    *,
    freedom: float = np.inf,
    levels: tuple[float, float] = LEVELS,
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval, made to hold with few units too.

    With few units two things go wrong. Every bootstrap interval is too short, because it takes the spread for known:
    the ends are moved outwards by `outward_stretch`. And BCa's corrections for bias and skewness, themselves estimated
    from those few, do harm: by simulation (``tests/benchmarks/coverage.py``) the plain percentile interval of a
    difference of AUCs over ten slides covers 91%, the plain BCa interval 83%. So they are taken at ``freedom / (freedom
    + 100)`` of their size, which is nearly all of it with thousands of patches, and hardly any with five slides or
    seeds.

    The stretch acts on the ends and not on their levels, because the outermost quantiles of few units are those of
    their extremes, beyond which no level reaches.

    Args:
        value: the estimate on the whole sample.
        resampled: ``(R,)``, the estimate in each resample.
        acceleration: of `multi_sample_acceleration`.
        freedom: degrees of freedom of the estimate's variance; with infinitely many this is BCa as published.
        levels: of the two ends.

    Returns:
        Low and high end; the value itself lies between them or on one.

    Source: Efron and Tibshirani 1993, equations 14.9, 14.10 and 14.14; resamples level with the value count one half.
    """
    from scipy.special import ndtr, ndtri  # a third of a second, which only reports pay

    trust = 1.0 if np.isinf(freedom) else freedom / (freedom + _ENOUGH)
    apart = resampled - value
    apart[np.abs(apart) < 1e-9 * np.std(apart)] = 0.0  # level but for rounding, as counts of patches often are
    below = np.mean((apart < 0) + 0.5 * (apart == 0))
    # A share of 0 or 1 has no normal quantile; half a resample keeps it off.
    bias = trust * ndtri(np.clip(below, 0.5 / len(resampled), 1 - 0.5 / len(resampled)))
    reach = bias + ndtri(levels)
    ends = np.quantile(resampled, ndtr(bias + reach / (1 - trust * acceleration * reach)))
    low, high = value + outward_stretch(freedom) * (ends - value)
    return min(value, float(low)), max(value, float(high))


def multi_sample_acceleration(*influences: NDArray[np.float64]) -> float:
    """How fast an estimate's standard error changes with its value: of independent samples together.

    Args:
        influences: of each sample ``(n,)``: how much each of its units moves the estimate.

    Returns:
        At most 1/6 either way; 0 where nothing moves the estimate.

    Source: Efron and Tibshirani 1993, equation 14.15; for several samples as ``scipy.stats.bootstrap`` has it.
    """
    moves = np.concatenate(influences)
    largest = np.max(np.abs(moves), initial=0.0)
    if largest == 0:
        return 0.0
    moves = moves / largest  # cubes of tiny moves underflow
    return float(np.sum(moves**3) / np.sum(moves**2) ** 1.5 / 6)


def jackknife_influence(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each unit moves an estimate, from the values ``(n,)`` without it.

    One without which the estimate is not defined (the only patch of its class) tells nothing of how it varies.
    """
    defined = np.isfinite(left_out)
    if not defined.any():
        return np.zeros_like(left_out)
    return np.where(defined, (left_out[defined].mean() - left_out) * (len(left_out) - 1) / len(left_out), 0.0)


def jackknife_variance(influence: NDArray[np.float64]) -> tuple[float, float]:
    """An estimate's variance over other units, and its degrees of freedom.

    The jackknife's variance errs upwards (Efron and Stein 1981), the bootstrap's downwards, most where some slides are
    far larger than others; with few of those the jackknife's holds best (MacKinnon, Nielsen and Webb 2023). A few
    influential units tell no more of the spread than so few would: the degrees of freedom are Satterthwaite's (1946) of
    a sum of squares of different sizes, a normal influence's fourth power being three times its squared variance.

    Args:
        influence: ``(n,)``, of `jackknife_influence`.

    Returns:
        The variance, and degrees of freedom from 1 to n - 1.
    """
    units = len(influence)
    squares = float(np.sum(influence**2))
    if squares == 0:
        return 0.0, units - 1.0
    relative = influence**2 / squares
    return squares * units / (units - 1), float(np.clip(3 / np.sum(relative**2) - 1, 1.0, units - 1.0))


def outward_stretch(freedom: NDArray[np.float64] | float) -> NDArray[Any]:
    """How far an interval's ends must lie farther out: the ratio of Student's to the normal 97.5% quantile.

    Source: Hesterberg 2015, section 5.4.
    """
    from scipy.special import ndtri, stdtrit

    return np.asarray(stdtrit(freedom, LEVELS[1]) / ndtri(LEVELS[1]))
