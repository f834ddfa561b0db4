"""Proposals of new settings by a sampler that learns from all rungs."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.recipe.point import Value
from hpo.search.history import Training, smoothed
from hpo.search.prior import near_prior
from hpo.search.spaces import Space, as_written
from hpo.storage.optuna_trials import suggest

_TRIES = 50
"""After so many proposals that are all open already, a finite space counts as exhausted."""

Allowed = Callable[[Mapping[str, Value]], bool]
"""Whether values of the searched factors may be trained."""

Applied = Callable[[Mapping[str, Value]], dict[str, Value]]
"""Leaves out the values of the searched factors that do not apply."""

_DRAWS = 2000
"""Uniform draws made where limits forbid what a sampler proposes, before a space counts as exhausted."""

_NEAR_PRIOR = 0.5
"""Share of random draws near the prior, if there is one; a wrong prior costs at most these."""


@dataclass(frozen=True)
class Searched:
    """What is searched.

    Args:
        spaces: from factor names to what they may be.
        prior: the values that the user expects to be best; half of the random draws are near them.
        allowed: whether values may be trained, where limits forbid some networks; None allows all.
        applied: leaves out the values that do not apply; ``dict`` where all always do.
    """

    spaces: Mapping[str, Space]
    prior: Mapping[str, Value] = field(default_factory=dict)
    allowed: Allowed | None = None
    applied: Applied = dict


def propose(
    searched: Searched, trainings: Sequence[Training], seed: int, startup: int, random_share: float, smoothing: int
) -> dict[str, Value] | None:
    """Propose settings that no training of the pool has yet.

    Optuna's TPE learns from trainings of all lengths: it ranks longer ones before shorter ones, and equally long
    ones by gain; running ones repel it.

    Args:
        searched: the factors.
        trainings: all of the pool.
        seed: of the random numbers.
        startup: trainings drawn at random before the model is used.
        random_share: of later proposals, drawn at random.
        smoothing: the number of last gains whose mean judges a training.

    Returns:
        A value of every factor that applies, or None if nothing new was found.
    """
    spaces, allowed, applied = searched.spaces, searched.allowed, searched.applied
    known = {tuple(sorted(training.values.items())) for training in trainings}
    rng = np.random.default_rng(seed)
    is_random = len(trainings) < startup or rng.random() < random_share
    if is_random and searched.prior and rng.random() < _NEAR_PRIOR:
        near = applied(near_prior(spaces, searched.prior, rng))
        if tuple(sorted(near.items())) not in known and (allowed is None or allowed(near)):
            return near
    sampler = _sampler(seed, is_random=is_random, is_conditional=applied is not dict)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    if not is_random:
        study.add_trials([trial for one in trainings if (trial := _trial(one, spaces, smoothing, applied))])
    for _ in range(_TRIES):
        values = _asked(study, spaces, applied)
        if tuple(sorted(values.items())) not in known and (allowed is None or allowed(values)):
            return values
    if allowed is None:
        return None
    unopened: Allowed = lambda values: tuple(sorted(values.items())) not in known and allowed(values)  # noqa: E731
    return drawn_within(spaces, rng, unopened, applied)


def drawn_within(
    spaces: Mapping[str, Space], rng: np.random.Generator, allowed: Allowed, applied: Applied = dict
) -> dict[str, Value] | None:
    """Values drawn uniformly until they are allowed; None if hardly any are."""
    draws = (applied(near_prior(spaces, {}, rng)) for _ in range(_DRAWS))
    return next((values for values in draws if allowed(values)), None)


def _asked(study: optuna.Study, spaces: Mapping[str, Space], applied: Applied) -> dict[str, Value]:
    """Values that the study's sampler proposes, each factor only where those before it let it apply."""
    trial = study.ask()
    values: dict[str, Value] = {}
    for name, space in spaces.items():
        if name in applied({**values, name: _EXAMPLE}):
            values[name] = as_written(space, suggest(trial, name, space))
    return values


_EXAMPLE: Value = ""
"""Stands for a value of a factor of which only is asked whether it applies."""


def _sampler(seed: int, *, is_random: bool, is_conditional: bool) -> optuna.samplers.BaseSampler:
    if is_random:
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, group=is_conditional)


def _trial(
    training: Training, spaces: Mapping[str, Space], smoothing: int, applied: Applied = dict
) -> FrozenTrial | None:
    """A training as an Optuna trial; None if its values lie outside the spaces."""
    given = {name: value for name, value in training.values.items() if name in spaces}
    wanted = applied({**dict.fromkeys(spaces, _EXAMPLE), **given}).keys()
    if wanted != given.keys() or not all(holds(spaces[name], value) for name, value in given.items()):
        return None
    gain = smoothed(training.gains, smoothing)
    params = {name: training.values[name] for name in spaces if name in given}
    distributions: dict[str, BaseDistribution] = {name: spaces[name] for name in params}
    if not training.gains and training.state == "running":
        return create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)
    return create_trial(
        state=TrialState.PRUNED,
        params=params,
        distributions=distributions,
        intermediate_values={max(1, training.epochs): gain if math.isfinite(gain) else -math.inf},
    )


def holds(space: Space, value: Value) -> bool:
    """Whether a value lies in a space; a numeric one need not lie on its grid."""
    if isinstance(space, CategoricalDistribution):
        return value in space.choices
    return not isinstance(value, str) and space.low <= value <= space.high
