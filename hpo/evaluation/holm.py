"""Holm's correction for several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted so that rejecting those below 0.05 keeps the chance of any false rejection at 5%.

    Args:
        p_values: one a test, each in [0, 1]; the tests may depend on one another in any way.

    Returns:
        The adjusted values, in the given order; none for none.

    Raises:
        ValueError: if a value lies outside [0, 1].

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure"; by statsmodels.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values must lie in [0, 1]: {list(p_values)}")
    if not p_values:
        return ()
    from statsmodels.stats.multitest import multipletests  # half a second, which only reports pay

    return tuple(float(p) for p in multipletests(p_values, method="holm")[1])
