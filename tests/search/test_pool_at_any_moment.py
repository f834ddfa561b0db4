"""A pool whose workers end, fail and die at any moment: it ends, stays in its space, and keeps its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.stages import PoolDesign
from hpo.recipe.conditions import applicable
from hpo.recipe.point import Value
from hpo.search.history import Continue, Open, Training
from hpo.search.pool import PoolSettings, finishing_step, next_step
from hpo.search.propose import Searched, holds
from hpo.search.spaces import Space, on_grid
from hpo.stages.budget import Spending

SPACES: dict[str, dict[str, Space]] = {
    "wide": {
        "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "dropout": FloatDistribution(0.1, 0.7, step=0.1),
        "batch_size": IntDistribution(8, 64, log=True),
        "patches": IntDistribution(32, 96, step=16),
        "optimizer": CategoricalDistribution(["adam", "sgd"]),
        "momentum": FloatDistribution(0.0, 0.9),
    },
    "finite": {"dropout": FloatDistribution(0.1, 0.3, step=0.1), "optimizer": CategoricalDistribution(["adam", "sgd"])},
    "one": {"patches": IntDistribution(64, 64, step=16)},
    "none": {},
}
CONDITIONS = {"momentum": {"optimizer": ("sgd",)}}
MOST_STEPS = 1000


def applied(values: Mapping[str, Value]) -> dict[str, Value]:
    return applicable(dict(values), CONDITIONS)


@dataclass
class Played:
    """A pool with a budget of trainings or of epochs, worked by so many workers at once.

    Args:
        settings: of the pool.
        spaces: of its factors.
        chance: of curves, ends, failures and deaths.
        failing: the share of the stretches that fail; 1 is all of them.
        level: whether all curves are equal.
        trainings: so far, by key.
        spent: epochs that steps have cost.
    """

    settings: PoolSettings
    spaces: dict[str, Space]
    chance: np.random.Generator
    failing: float
    level: bool
    trainings: dict[str, Training] = field(default_factory=dict)
    spent: int = 0

    @property
    def running(self) -> list[str]:
        return [key for key, one in self.trainings.items() if one.state == "running"]

    def decide(self, seed: int, *, may_open: bool, is_ending: bool) -> bool:
        """Take the next step, if there is one."""
        first = [applied({name: _least(space) for name, space in self.spaces.items()})]
        last = finishing_step(self.settings, list(self.trainings.values())) if is_ending else None
        if is_ending and last is None and self.running:
            return False
        applies = applied if "momentum" in self.spaces else dict
        step = last or next_step(
            self.settings,
            Searched(self.spaces, {"dropout": 0.3, "optimizer": "sgd"}, None, applies),
            list(self.trainings.values()),
            seed,
            first,
            may_open=may_open,
        )
        if isinstance(step, Open):
            assert may_open
            assert step.epochs == self.settings.rungs[0]
            assert step.values not in [one.values for one in self.trainings.values()]
            assert step.values == applied(step.values)
            assert step.values.keys() == applied({**dict.fromkeys(self.spaces, ""), **step.values}).keys()
            assert all(_is_one_of(self.spaces[name], value) for name, value in step.values.items())
            key = str(len(self.trainings))
            self.trainings[key] = Training(key, step.values, (), state="running", target=step.epochs)
            self.spent += step.epochs
        elif isinstance(step, Continue):
            before = self.trainings[step.key]
            assert before.state == "paused"
            assert before.epochs < step.epochs <= self.settings.longest
            assert step.epochs in self.settings.rungs
            self.trainings[step.key] = replace(before, state="running", target=step.epochs)
            self.spent += step.epochs - before.epochs
        return step is not None

    def end_one(self) -> None:
        """End a step that runs: well, or badly; a worker that dies has another one do the same."""
        key = self.running[int(self.chance.integers(len(self.running)))]
        one = self.trainings[key]
        if self.chance.random() < self.failing:
            self.trainings[key] = replace(one, state="failed")
            return
        added = self.chance.random(one.target - one.epochs) * (0.0 if self.level else 1.0)
        self.trainings[key] = replace(one, state="paused", gains=(*one.gains, *map(float, added)))


def _least(space: Space) -> Value:
    return space.choices[0] if isinstance(space, CategoricalDistribution) else space.low  # type: ignore[return-value]


def _is_one_of(space: Space, value: Value) -> bool:
    """Whether a value lies in a space, on its grid and written as a person would."""
    if isinstance(space, FloatDistribution) and space.step is not None:
        steps = round((space.high - space.low) / space.step)
        return value in [on_grid(space.low, space.step, number) for number in range(steps + 1)]
    if isinstance(space, IntDistribution):
        on_step = isinstance(value, int) and (value - space.low) % (space.step if not space.log else 1) == 0
        return on_step and holds(space, value)
    return holds(space, value)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    design=st.sampled_from(["asha", "freeze_thaw"]),
    space=st.sampled_from(sorted(SPACES)),
    longest=st.integers(1, 20),
    smoothing=st.integers(1, 3),
    budget=st.one_of(
        st.tuples(st.just("trials"), st.integers(1, 12)),
        st.tuples(st.just("epochs"), st.integers(1, 80)),
    ),
    workers=st.integers(1, 5),
    failing=st.sampled_from([0.0, 0.3, 1.0]),
    level=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_a_pool_ends_whatever_happens_and_keeps_its_budget(
    design: PoolDesign,
    space: str,
    longest: int,
    smoothing: int,
    budget: tuple[str, int],
    workers: int,
    failing: float,
    seed: int,
    *,
    level: bool,
) -> None:
    unit, amount = budget
    pool = PoolSettings(longest=longest, smoothing=smoothing, design=design, startup=3)
    played = Played(pool, SPACES[space], np.random.default_rng(seed), failing, level)
    for number in range(MOST_STEPS):
        is_spent = len(played.trainings) >= amount if unit == "trials" else played.spent >= amount
        is_over = is_spent and unit == "epochs"
        is_free = len(played.running) < workers and not is_over
        spending = Spending((float(played.spent),), float(amount), per_epoch=1.0)
        is_ending = unit == "epochs" and spending.is_ending(longest)
        if is_free and played.decide(seed * MOST_STEPS + number, may_open=not is_spent, is_ending=is_ending):
            continue
        if not played.running:
            break
        played.end_one()
    else:
        raise AssertionError("the pool does not end")
    found = list(played.trainings.values())
    assert all(one.epochs in (0, *pool.rungs) for one in found)
    if unit == "trials":
        assert len(found) <= amount
        sound = [one for one in found if one.state == "paused"]
        assert not sound or max(one.epochs for one in sound) == longest, "one reaches the end, if any can"
    else:
        largest = max(after - before for before, after in zip((0, *pool.rungs), pool.rungs, strict=False))
        assert played.spent < amount + largest
        if workers == 1 and failing == 0.0 and amount >= 2 * longest:
            assert max(one.epochs for one in found) == longest, "the end of a budget is for one that reaches the end"
