"""Optuna trials of design points: the only place where a trial is made, reported to or told.

Our table decides which points there are and who works on them; Optuna's hold what they gave, where optuna-dashboard
and Optuna's samplers find it. Trials are made by the holder of a point's lease, when it is claimed: Optuna's own queue
of WAITING trials lets two workers take the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from hpo.storage.database import Database

POINT_ATTRIBUTE = "design_point"
"""The trial's user attribute that names its design point."""

Direction = Literal["maximize", "minimize"]


def ensure_optuna_study(database: Database, name: str, direction: Direction) -> None:
    """Create the Optuna study if it is not there."""
    optuna.create_study(storage=database.storage, study_name=name, direction=direction, load_if_exists=True)


def begin_trial(
    database: Database,
    study_name: str,
    point_key: str,
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> int:
    """Make the running trial of a design point whose values are known.

    Returns:
        The trial's id in the database.
    """
    storage = database.storage
    study_id = storage.get_study_id_from_name(study_name)
    _discard_interrupted(database, study_id, point_key)
    template = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params=dict(params),
        distributions=dict(distributions),
        user_attrs={POINT_ATTRIBUTE: point_key},
    )
    return storage.create_new_trial(study_id, template_trial=template)


def ask_trial(
    database: Database,
    study_name: str,
    point_key: str,
    sampler: optuna.samplers.BaseSampler,
    distributions: Mapping[str, BaseDistribution],
) -> tuple[int, dict[str, Any]]:
    """Make a running trial whose values the sampler chooses, from the trials finished so far.

    Returns:
        The trial's id in the database, and the values.
    """
    storage = database.storage
    study = optuna.load_study(study_name=study_name, storage=storage, sampler=sampler)
    study_id = storage.get_study_id_from_name(study_name)
    _discard_interrupted(database, study_id, point_key)
    template = optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs={POINT_ATTRIBUTE: point_key})
    trial = optuna.trial.Trial(study, storage.create_new_trial(study_id, template_trial=template))
    return trial._trial_id, {name: _suggest(trial, name, space) for name, space in distributions.items()}


def report_epoch(database: Database, trial_id: int, epoch: int, value: float) -> None:
    """Report the objective's metric after an epoch (from 1); safe to repeat, also when the trial has been told."""
    try:
        database.storage.set_trial_intermediate_value(trial_id, epoch, value)
    except optuna.exceptions.UpdateFinishedTrialError:
        return  # an earlier attempt told the trial, and was killed before its point was complete


def tell_trial(
    database: Database, trial_id: int, value: float | None, attributes: Mapping[str, Any], reason: str | None = None
) -> None:
    """Finish a trial: complete with its value, or failed where the value is None; safe to repeat.

    Args:
        database: where the trial is.
        trial_id: the trial's id in the database.
        value: the objective.
        attributes: user attributes, JSON-ready.
        reason: of a failure, one line.
    """
    storage = database.storage
    try:
        for name, attribute in {**attributes, **({"reason": reason} if reason else {})}.items():
            storage.set_trial_user_attr(trial_id, name, attribute)
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        storage.set_trial_state_values(trial_id, state, None if value is None else [value])
    except optuna.exceptions.UpdateFinishedTrialError:
        return  # an earlier attempt got as far as this before it was killed; training repeats bit for bit


def trial_numbers(database: Database, study_name: str) -> dict[int, int]:
    """The number of each trial in its Optuna study, from 0, by its id in the database; empty if there is no study."""
    try:
        study_id = database.storage.get_study_id_from_name(study_name)
    except KeyError:
        return {}
    return {trial._trial_id: trial.number for trial in database.storage.get_all_trials(study_id, deepcopy=False)}


def _suggest(trial: optuna.trial.Trial, name: str, space: BaseDistribution) -> Any:
    if isinstance(space, optuna.distributions.FloatDistribution):
        return trial.suggest_float(name, space.low, space.high, log=space.log, step=space.step)
    if isinstance(space, optuna.distributions.IntDistribution):
        return trial.suggest_int(name, space.low, space.high, log=space.log, step=space.step)
    if isinstance(space, optuna.distributions.CategoricalDistribution):
        return trial.suggest_categorical(name, space.choices)
    raise TypeError(f"{type(space).__name__} is not a distribution of Optuna 5")


def _discard_interrupted(database: Database, study_id: int, point_key: str) -> None:
    """Fail trials of this point that a killed worker made but did not live to link to it."""
    for trial in database.storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get(POINT_ATTRIBUTE) == point_key:
            tell_trial(database, trial._trial_id, None, {}, "its worker was killed while the trial was being made")
