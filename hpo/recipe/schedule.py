"""The learning-rate strategies, as pure functions of the optimizer step and the epoch.

A schedule never knows how long the training will be: only so can the points epochs = 5 and epochs = 40 share one
training. Where its end matters, as for ``cosine`` and ``one_cycle``, it has a horizon of its own, a parameter in the
recipe's key: with a horizon of 40 epochs the points epochs = 5 and epochs = 40 still are one training; a horizon of 5
epochs makes another. Beyond the horizon the rate stays at its end.

Source of the first four: Johny et al. 2021, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

StrategyName = Literal["constant", "time_based", "step", "exponential", "cosine", "one_cycle"]
STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)

HORIZONS: tuple[StrategyName, ...] = ("cosine", "one_cycle")
"""The strategies that have a horizon."""

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


def cosine(initial: float, steps: int, end: float = 0.0) -> Schedule:
    """Learning rate falling along half a cosine: ``low + (initial - low) * (1 + cos(pi * step / steps)) / 2``.

    Args:
        initial: learning rate at step 0; > 0.
        steps: after which it stays at ``low = end * initial``; >= 1.
        end: share of the initial rate; in [0, 1].

    Source: Loshchilov and Hutter 2017 (SGDR), Eq. 5 without restarts, at every step.
    """
    low = end * initial
    return lambda step, _epoch: low + (initial - low) * _half_cosine(step / steps)


def one_cycle(peak: float, steps: int, rise: float = 0.3) -> Schedule:
    """Learning rate rising from ``peak / 25`` to ``peak`` and falling to ``peak / 250,000``, each along half a cosine.

    Args:
        peak: highest learning rate; > 0.
        steps: of rise and fall together, after which it stays at the end; >= 1.
        rise: share of the steps in which it rises; in (0, 1).

    Source: Smith and Topin 2018 (super-convergence), with the shape and numbers of PyTorch's ``OneCycleLR``; momentum
    stays as it is.
    """
    first, last, top = peak / 25.0, peak / 250_000.0, rise * steps

    def rate(step: int, _epoch: int) -> float:
        if step < top:
            return first + (peak - first) * (1.0 - _half_cosine(step / top))
        return last + (peak - last) * _half_cosine((step - top) / (steps - top))

    return rate


def warmed_up(initial: float, epochs: int, steps: int, then: Schedule) -> Schedule:
    """A linear rise in front of a schedule: ``initial * (step + 1) / (epochs * steps + 1)``, then the schedule.

    Args:
        initial: learning rate that the schedule begins with.
        epochs: of the rise; the schedule counts its steps and epochs from its end.
        steps: of an epoch.
        then: the schedule.

    Source: Goyal et al. 2017, section 2.2, at every step.
    """
    rising = epochs * steps
    return lambda step, epoch: (
        initial * (step + 1) / (rising + 1) if step < rising else then(step - rising, epoch - epochs)
    )


def _half_cosine(share: float) -> float:
    """From 1 at share 0 to 0 at share 1, where it stays."""
    return (1.0 + math.cos(math.pi * share)) / 2.0 if share < 1.0 else 0.0


@dataclass(frozen=True)
class Strategy:
    """A learning-rate strategy with its parameters, as a recipe holds it.

    Args:
        name: which.
        decay: of ``time_based``, per optimizer step.
        factor: of ``step``.
        every: of ``step``, epochs.
        rate: of ``exponential``, per epoch.
        cosine_over: of ``cosine``: its horizon, epochs from the training's start, warm-up included.
        cosine_end: of ``cosine``: rate at the horizon, as a share of the initial one.
        cycle_over: of ``one_cycle``: its horizon, epochs.
        cycle_rise: of ``one_cycle``: share of the horizon in which the rate rises.
        warm_ups: epochs of linear warm-up in front of each strategy that has one, by its name.

    Parameters of the strategies that are not named do not enter the recipe's key.
    """

    name: StrategyName = "constant"
    decay: float = 1e-4
    factor: float = 0.5
    every: int = 100
    rate: float = 0.05
    cosine_over: int = 40
    cosine_end: float = 0.0
    cycle_over: int = 40
    cycle_rise: float = 0.3
    warm_ups: tuple[tuple[StrategyName, int], ...] = ()

    @property
    def warm_up(self) -> int:
        """Epochs of linear warm-up in front of the named strategy."""
        return dict(self.warm_ups).get(self.name, 0)

    @property
    def horizon(self) -> int | None:
        """Epochs after which the learning rate changes no more; None if it has no such end."""
        return {"cosine": self.cosine_over, "one_cycle": self.cycle_over}.get(self.name)

    def parameters(self) -> dict[str, float]:
        """Only those parameters that the named strategy uses, by the names that a search space has for them.

        Raises:
            ValueError: if there is no strategy of that name.
        """
        used: dict[StrategyName, dict[str, float]] = {
            "constant": {},
            "time_based": {"decay": self.decay},
            "step": {"factor": self.factor, "every": self.every},
            "exponential": {"rate": self.rate},
            "cosine": {"over": self.cosine_over, "end": self.cosine_end},
            "one_cycle": {"over": self.cycle_over, "rise": self.cycle_rise},
        }
        if self.name not in used:
            raise ValueError(f"{self.name!r} is no learning-rate strategy; allowed: {', '.join(used)}")
        return used[self.name] | ({"warm_up": self.warm_up} if self.warm_up else {})

    def schedule(self, initial: float, steps: int) -> Schedule:
        """The schedule from a learning rate on.

        Args:
            initial: the first learning rate; of ``one_cycle`` the highest.
            steps: optimizer steps of an epoch.
        """
        after = self._after_warm_up(initial, steps)
        return warmed_up(initial, self.warm_up, steps, after) if self.warm_up else after

    def _after_warm_up(self, initial: float, steps: int) -> Schedule:
        if self.name == "time_based":
            return time_based(initial, self.decay)
        if self.name == "step":
            return step_drop(initial, self.factor, self.every)
        if self.name == "exponential":
            return exponential(initial, self.rate)
        if self.name == "cosine":
            return cosine(initial, (self.cosine_over - self.warm_up) * steps, self.cosine_end)
        if self.name == "one_cycle":
            return one_cycle(initial, self.cycle_over * steps, self.cycle_rise)
        return constant(initial)


def strategy_to_json(strategy: Strategy) -> dict[str, Any]:
    """A strategy with the parameters of all, JSON-ready; what was added later only where it is not at its default."""
    usual = asdict(Strategy())
    values = asdict(strategy) | {"warm_ups": dict(strategy.warm_ups)}
    usual["warm_ups"] = {}
    return {name: value for name, value in values.items() if name in _AT_FIRST or value != usual[name]}


def strategy_from_json(values: dict[str, Any]) -> Strategy:
    """The strategy written by `strategy_to_json`.

    Raises:
        TypeError: if the values are not a strategy's.
    """
    warm_ups = tuple(sorted(dict(values.get("warm_ups", {})).items()))
    return Strategy(**{**values, "warm_ups": warm_ups})


_AT_FIRST = ("name", "decay", "factor", "every", "rate")
