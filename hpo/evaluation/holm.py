"""Holm's correction for several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted so that rejecting those below 0.05 keeps the chance of any false rejection at 5%.

    The smallest p-value is multiplied by the number of tests, the next by one less, and so on; an adjusted value is
    never below one that was smaller before, nor above 1.

    Args:
        p_values: one a test, each in [0, 1]; the tests may depend on one another in any way.

    Returns:
        The adjusted values, in the given order.

    Raises:
        ValueError: if a value lies outside [0, 1].

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values must lie in [0, 1]: {list(p_values)}")
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return tuple(adjusted)
