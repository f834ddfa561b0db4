"""Holm's correction for several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted so that rejecting those below 0.05 keeps the chance of any false rejection at 5%.

    Args:
        p_values: one a test, each in [0, 1]; the tests may depend on one another in any way.

    Returns:
        The adjusted values, in the given order; none for none.

    Raises:
        ValueError: if a value lies outside [0, 1].

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure". Its two lines are written here
    because statsmodels collects all of Python's garbage at each call, a third of a second beside TensorFlow.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values must lie in [0, 1]: {list(p_values)}")
    if not p_values:
        return ()
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return tuple(adjusted.tolist())
