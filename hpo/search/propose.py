"""Proposals of new settings by a sampler that learns from all rungs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.recipe.point import Value
from hpo.search.history import Training, smoothed
from hpo.search.prior import near_prior
from hpo.search.spaces import Space

_TRIES = 50
"""After so many proposals that are all open already, a finite space counts as exhausted."""

Allowed = Callable[[Mapping[str, Value]], bool]
"""Whether values of the searched factors may be trained."""

_DRAWS = 2000
"""Uniform draws made where limits forbid what a sampler proposes, before a space counts as exhausted."""

_NEAR_PRIOR = 0.5
"""Share of random draws near the prior, if there is one; a wrong prior costs at most these."""


def propose(
    spaces: Mapping[str, Space],
    trainings: Sequence[Training],
    seed: int,
    startup: int,
    random_share: float,
    smoothing: int,
    prior: Mapping[str, Value] | None = None,
    allowed: Allowed | None = None,
) -> dict[str, Value] | None:
    """Propose settings that no training of the pool has yet.

    Optuna's TPE learns from trainings of all lengths: it ranks longer ones before shorter ones, and equally long
    ones by gain; running ones repel it.

    Args:
        spaces: from factor names to what they may be.
        trainings: all of the pool.
        seed: of the random numbers.
        startup: trainings drawn at random before the model is used.
        random_share: of later proposals, drawn at random.
        smoothing: the number of last gains whose mean judges a training.
        prior: the values that the user expects to be best; half of the random draws are near them.
        allowed: whether values may be trained, where limits forbid some networks; None allows all.

    Returns:
        A value of every factor, or None if nothing new was found.
    """
    known = {tuple(sorted(training.values.items())) for training in trainings}
    rng = np.random.default_rng(seed)
    is_random = len(trainings) < startup or rng.random() < random_share
    if is_random and prior and rng.random() < _NEAR_PRIOR:
        near = near_prior(spaces, prior, rng)
        if tuple(sorted(near.items())) not in known and (allowed is None or allowed(near)):
            return near
    study = optuna.create_study(direction="maximize", sampler=_sampler(seed, is_random=is_random))
    study.add_trials([trial for one in trainings if (trial := _trial(one, spaces, smoothing))])
    distributions: dict[str, BaseDistribution] = dict(spaces)
    for _ in range(_TRIES):
        values: dict[str, Value] = study.ask(distributions).params
        if tuple(sorted(values.items())) not in known and (allowed is None or allowed(values)):
            return values
    if allowed is None:
        return None
    return drawn_within(spaces, rng, lambda values: tuple(sorted(values.items())) not in known and allowed(values))


def drawn_within(spaces: Mapping[str, Space], rng: np.random.Generator, allowed: Allowed) -> dict[str, Value] | None:
    """Values drawn uniformly until they are allowed; None if hardly any are."""
    draws = (near_prior(spaces, {}, rng) for _ in range(_DRAWS))
    return next((values for values in draws if allowed(values)), None)


def _sampler(seed: int, *, is_random: bool) -> optuna.samplers.BaseSampler:
    if is_random:
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=0)


def _trial(training: Training, spaces: Mapping[str, Space], smoothing: int) -> FrozenTrial | None:
    """A training as an Optuna trial; None if its values lie outside the spaces."""
    if not all(name in training.values and holds(space, training.values[name]) for name, space in spaces.items()):
        return None
    gain = smoothed(training.gains, smoothing)
    params = {name: training.values[name] for name in spaces}
    if not training.gains and training.state == "running":
        return create_trial(state=TrialState.RUNNING, params=params, distributions=dict(spaces))
    return create_trial(
        state=TrialState.PRUNED,
        params=params,
        distributions=dict(spaces),
        intermediate_values={max(1, training.epochs): gain if math.isfinite(gain) else -math.inf},
    )


def holds(space: Space, value: Value) -> bool:
    """Whether a value lies in a space; a numeric one need not lie on its grid."""
    if isinstance(space, CategoricalDistribution):
        return value in space.choices
    return not isinstance(value, str) and space.low <= value <= space.high
