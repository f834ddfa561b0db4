"""Stage 2 as a pool of paused trainings: at each free worker, continue one of them or open a new one.

A decision is a pure function of the settings, the trainings so far (including other workers') and a seed. Any worker
may ask at any time, and a killed worker's successor gets the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.config.stages import PoolDesign
from hpo.recipe.point import Value
from hpo.search.freeze_thaw import most_promising
from hpo.search.halving import promotable, rungs_between
from hpo.search.history import Continue, Open, Step, Training
from hpo.search.propose import Searched, propose


@dataclass(frozen=True)
class PoolSettings:
    """Settings of the pool.

    Args:
        longest: epochs of a whole training.
        first: epochs of the first rung; at most ``longest``.
        eta: the next rung is so many times as far; one training in so many continues to it (``freeze_thaw``: at the
            end of the budget alone).
        smoothing: the number of last gains whose mean judges a training.
        startup: trainings opened at random before the model proposes.
        random_share: of later proposals, drawn at random; a model of short trainings misleads as often as it helps
            (`docs/search.md`).
        stops: the rungs themselves, ascending, the last of them ``longest``; empty if the others imply them.
        group: own trainings that reach the first rung before any continues; None: as many as cost one whole training.
        design: which training continues.
    """

    longest: int
    first: int = 1
    eta: int = 3
    smoothing: int = 1
    startup: int = 8
    random_share: float = 0.5
    stops: tuple[int, ...] = ()
    group: int | None = None
    design: PoolDesign = "asha"

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which trainings pause: ``first``, ``first * eta`` and so on; the last is ``longest``."""
        return self.stops or rungs_between(self.first, self.longest, self.eta)

    @property
    def first_group(self) -> int:
        """Trainings to compare at the first rung before any continues; the first three alone prove little."""
        return self.longest // self.rungs[0] if self.group is None else self.group


def next_step(
    settings: PoolSettings,
    searched: Searched,
    trainings: Sequence[Training],
    seed: int,
    first: Sequence[Mapping[str, Value]] = (),
    *,
    may_open: bool = True,
) -> Step | None:
    """Decide what the next free worker does.

    Args:
        settings: the design.
        searched: the factors.
        trainings: all of the pool, in the order in which they were opened.
        seed: of this decision; each needs its own, or chance repeats itself.
        first: values to open before anything else.
        may_open: whether the budget allows another training. Once it does not, and nothing runs, the best of each rung
            continues, however few have reached it.

    Returns:
        A step, or None if nothing is left to do: all of a finite space is open, and every training that can continue is
        running or at its end. If nothing may be opened, None may also mean that a running training must finish first.
    """
    if not may_open:
        at_least = 0 if any(training.state == "running" for training in trainings) else 1
        return promotable(settings.rungs, settings.eta, settings.smoothing, trainings, at_least)
    opened = [dict(training.values) for training in trainings]
    for given in first:
        if dict(given) not in opened:
            return Open(dict(given), settings.rungs[0])
    compared = sum((one.epochs > 0 or one.state == "failed") and not one.given for one in trainings)
    if compared >= settings.first_group:
        continued = _continued(settings, trainings, compared)
        if continued is not None:
            return continued
    values = propose(searched, trainings, seed, settings.startup, settings.random_share, settings.smoothing)
    if values is not None:
        return Open(values, settings.rungs[0])
    if settings.design == "freeze_thaw":  # nothing is left to open
        return most_promising(settings.rungs, settings.smoothing, trainings, may_open=False)
    return promotable(settings.rungs, 1, settings.smoothing, trainings)


def finishing_step(settings: PoolSettings, trainings: Sequence[Training]) -> Continue | None:
    """Decide how the rest of a budget brings the best trainings to the end.

    The best of each rung continues, from the highest rung down; then the second best, and so on. While one is running,
    only those continue that would anyway: it may turn out to be better.

    Args:
        settings: the design.
        trainings: all of the pool, in the order in which they were opened.

    Returns:
        A step, or None if none can continue yet, or at all.
    """
    is_waiting = any(training.state == "running" for training in trainings)
    depths = [0] if is_waiting else range(1, len(trainings) + 1)
    steps = (promotable(settings.rungs, settings.eta, settings.smoothing, trainings, depth) for depth in depths)
    return next((step for step in steps if step is not None), None)


def _continued(settings: PoolSettings, trainings: Sequence[Training], compared: int) -> Continue | None:
    """The training that continues rather than a new one opens; a single one is compared with nothing, and waits."""
    if settings.design == "asha":
        return promotable(settings.rungs, settings.eta, settings.smoothing, trainings, at_least=1, of=2)
    return most_promising(settings.rungs, settings.smoothing, trainings) if compared >= 2 else None
