"""The four learning-rate strategies, as pure functions of the optimizer step and the epoch.

A schedule never knows how long the training will be: only so can the points epochs = 5 and epochs = 40 share one
training. Source of all four: Johny et al. 2021, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

StrategyName = Literal["constant", "time_based", "step", "exponential"]
STRATEGIES: tuple[StrategyName, ...] = ("constant", "time_based", "step", "exponential")

Schedule = Callable[[int, int], float]
"""From the optimizer step (from 0, over the whole training) and the epoch (from 0) to the learning rate."""


def constant(initial: float) -> Schedule:
    """The same learning rate throughout: ``initial``."""
    return lambda _step, _epoch: initial


def time_based(initial: float, decay: float) -> Schedule:
    """Learning rate falling with every update: ``initial / (1 + decay * step)``.

    Args:
        initial: learning rate at step 0; > 0.
        decay: fraction per optimizer step; >= 0 (0 is a constant rate).

    Source: Johny et al. 2021, Eq. 1 (Keras' former ``decay`` argument).
    """
    return lambda step, _epoch: initial / (1.0 + decay * step)


def step_drop(initial: float, factor: float, every: int) -> Schedule:
    """Learning rate dropping by a factor every few epochs: ``initial * factor ** floor((1 + epoch) / every)``.

    Args:
        initial: learning rate before the first drop; > 0.
        factor: multiplier of each drop; in (0, 1].
        every: epochs between drops; >= 1. With the epoch counted from 0, the first drop comes one epoch early,
            as the equation is printed.

    Source: Johny et al. 2021, Eq. 2.
    """
    return lambda _step, epoch: initial * factor ** ((1 + epoch) // every)


def exponential(initial: float, rate: float) -> Schedule:
    """Learning rate falling exponentially with the epoch: ``initial * exp(-rate * epoch)``.

    Args:
        initial: learning rate in epoch 0; > 0.
        rate: fall per epoch; >= 0.

    Source: Johny et al. 2021, Eq. 3.
    """
    return lambda _step, epoch: initial * math.exp(-rate * epoch)


@dataclass(frozen=True)
class Strategy:
    """A learning-rate strategy with its parameters, as a recipe holds it.

    Args:
        name: which of the four.
        decay: of ``time_based``, per optimizer step.
        factor: of ``step``.
        every: of ``step``, epochs.
        rate: of ``exponential``, per epoch.

    Parameters of the strategies that are not named do not enter the recipe's key.
    """

    name: StrategyName = "constant"
    decay: float = 1e-4
    factor: float = 0.5
    every: int = 100
    rate: float = 0.05

    def parameters(self) -> dict[str, float]:
        """Only those parameters that the named strategy uses.

        Raises:
            ValueError: if there is no strategy of that name.
        """
        used: dict[StrategyName, tuple[str, ...]] = {
            "constant": (),
            "time_based": ("decay",),
            "step": ("factor", "every"),
            "exponential": ("rate",),
        }
        if self.name not in used:
            raise ValueError(f"{self.name!r} is no learning-rate strategy; allowed: {', '.join(used)}")
        return {name: getattr(self, name) for name in used[self.name]}

    def schedule(self, initial: float) -> Schedule:
        """The schedule that starts from the learning rate ``initial``."""
        if self.name == "time_based":
            return time_based(initial, self.decay)
        if self.name == "step":
            return step_drop(initial, self.factor, self.every)
        if self.name == "exponential":
            return exponential(initial, self.rate)
        return constant(initial)
