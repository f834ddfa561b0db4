"""Parameters of the learning-rate strategies, as a search space has them."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from hpo.config.explain import Problem, refuse
from hpo.config.fields import Number, Settings, Whole
from hpo.recipe.schedule import HORIZONS, STRATEGIES, Strategy, StrategyName


class WarmedUp(Settings):
    """What every strategy but ``one_cycle`` may begin with."""

    warm_up: Whole = Field(
        default=0, ge=0, description="epochs in which the rate rises linearly to the initial one, before the strategy"
    )


class Constant(WarmedUp):
    """The same learning rate throughout."""


class TimeBased(WarmedUp):
    """Learning rate ``initial / (1 + decay * step)`` (Johny et al. 2021, Eq. 1)."""

    decay: Number = Field(default=1e-4, ge=0, description="fraction per optimizer step")


class StepDrop(WarmedUp):
    """Learning rate ``initial * factor ** floor((1 + epoch) / every)`` (Eq. 2)."""

    factor: Number = Field(default=0.5, gt=0, le=1, description="multiplier of each drop")
    every: Whole = Field(default=100, ge=1, description="epochs between two drops")


class Exponential(WarmedUp):
    """Learning rate ``initial * exp(-rate * epoch)`` (Eq. 3)."""

    rate: Number = Field(default=0.05, ge=0, description="fall per epoch")


class Cosine(WarmedUp):
    """Half a cosine from the initial learning rate to its end, at every step (Loshchilov and Hutter 2017)."""

    over: Whole = Field(
        ge=1, description="epochs from the training's start, warm-up included, after which the rate stays at its end"
    )
    end: Number = Field(default=0.0, ge=0, le=1, description="rate at the horizon, as a share of the initial one")

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.warm_up >= self.over:
            refuse([Problem(("warm_up",), f"must be less than over, {self.over}; found {self.warm_up}")])
        return self


class OneCycle(Settings):
    """A rise from a 25th of the learning rate to all of it, and a fall to nearly none (Smith and Topin 2018)."""

    over: Whole = Field(ge=1, description="epochs of rise and fall together, after which the rate stays at its end")
    rise: Number = Field(default=0.3, gt=0, lt=1, description="share of the horizon in which the rate rises")


class Strategies(Settings):
    """Parameters of the learning-rate strategies."""

    constant: Constant = Field(default_factory=Constant, description="does not change, but for its warm-up")
    time_based: TimeBased = Field(default_factory=TimeBased, description="falls with every optimizer step")
    step: StepDrop = Field(default_factory=StepDrop, description="drops every few epochs")
    exponential: Exponential = Field(default_factory=Exponential, description="falls exponentially with the epoch")
    cosine: Cosine | None = Field(default=None, description="falls along a cosine; needs a horizon")
    one_cycle: OneCycle | None = Field(default=None, description="rises, then falls; needs a horizon")

    @property
    def available(self) -> tuple[StrategyName, ...]:
        """The strategies that have all the parameters they need."""
        return tuple(name for name in STRATEGIES if getattr(self, name) is not None)

    def strategy(self, name: StrategyName) -> Strategy:
        """A strategy with the parameters of all.

        Args:
            name: which it is.
        """
        usual = Strategy()
        warm_ups = {one: getattr(getattr(self, one), "warm_up", 0) for one in sorted(STRATEGIES)}
        return Strategy(
            name=name,
            decay=self.time_based.decay,
            factor=self.step.factor,
            every=self.step.every,
            rate=self.exponential.rate,
            cosine_over=self.cosine.over if self.cosine else usual.cosine_over,
            cosine_end=self.cosine.end if self.cosine else usual.cosine_end,
            cycle_over=self.one_cycle.over if self.one_cycle else usual.cycle_over,
            cycle_rise=self.one_cycle.rise if self.one_cycle else usual.cycle_rise,
            warm_ups=tuple((one, epochs) for one, epochs in warm_ups.items() if epochs),
        )

    def recorded(self) -> dict[str, Any]:
        """What a database records: what was added later only where it is not at its default, as older ones lack it."""
        values = self.model_dump(mode="json", exclude_none=True)
        if self.constant == Constant():
            del values["constant"]
        for of_one in values.values():
            if of_one.get("warm_up") == 0:
                del of_one["warm_up"]
        return values


def lacking_horizon(name: object, strategies: Strategies) -> str | None:
    """What a strategy lacks, in words; None if it can be used."""
    if name not in HORIZONS or name in strategies.available:
        return None
    return f"{name} needs a horizon, in epochs: add strategies: {{{name}: {{over: 40}}}}, for example"
