"""Optuna trials of design points: the only module that makes, reports to or finishes a trial.

Our table decides which points there are and who works on them; Optuna's hold what they gave, where optuna-dashboard
and Optuna's samplers find it. A trial of a known point is written by our own statements into Optuna's tables, in the
transaction that changes its design point: so a worker whose lease has passed to another changes neither, and a trial
costs three transactions instead of Optuna's one for each parameter, attribute, value and state. Trials whose values a
sampler chooses go through Optuna's own `Trial`.

The tables are those of Optuna 5 (`optuna.storages._rdb.models`); its own upgrades change them by schema revisions, and
the tests compare what is written here with what Optuna writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from hpo.storage.artifacts import Artifact
from hpo.storage.database import Database

POINT_ATTRIBUTE = "design_point"
"""The trial's user attribute that names its design point."""

ARTIFACT_PREFIX = "artifacts:"
"""Of the system attributes in which Optuna keeps what it knows of an artifact."""

_CONSTRAINT = "constraints:"
"""Of the system attributes in which Optuna keeps a trial's constraints (`optuna.Trial.set_constraint`)."""


def begin_trial(
    session: Session, study_name: str, point_key: str, point: Mapping[str, Any] | None, space: Mapping[str, str]
) -> int:
    """Create the running trial of a design point.

    Args:
        session: the transaction that claims the point.
        study_name: of an Optuna study that exists.
        point_key: the design point's.
        point: its values, of the factors that apply; None where a sampler will choose them.
        space: the distribution of each parameter of the trial, as Optuna's JSON.

    Returns:
        The trial's id in the database.

    Raises:
        ValueError: if a value is outside its distribution.
    """
    params = {} if point is None else {name: point[name] for name in space if name in point}
    distributions = {name: json_to_distribution(space[name]) for name in params}
    optuna.trial.create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)  # checks them
    # As Optuna does: its study's row is locked while the trials are counted, so that no two have one number.
    named = select(models.StudyModel.study_id).where(models.StudyModel.study_name == study_name)
    study_id = session.scalars(named.with_for_update()).one()
    number = session.scalar(select(func.count()).where(models.TrialModel.study_id == study_id))
    trial = models.TrialModel(
        study_id=study_id, number=number, state=TrialState.RUNNING, datetime_start=datetime.now().astimezone()
    )
    session.add(trial)
    session.flush()
    trial_id = int(trial.trial_id)
    if params:
        rows = [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": distributions[name].to_internal_repr(value),
                "distribution_json": space[name],
            }
            for name, value in params.items()
        ]
        session.execute(insert(models.TrialParamModel), rows)
    attribute = {"trial_id": trial_id, "key": POINT_ATTRIBUTE, "value_json": json.dumps(point_key)}
    session.execute(insert(models.TrialUserAttributeModel), [attribute])
    return trial_id


def ask_sampler(
    database: Database,
    study_name: str,
    trial_id: int,
    sampler: optuna.samplers.BaseSampler,
    distributions: Mapping[str, BaseDistribution],
    applies: Callable[[str, Mapping[str, Any]], bool] = lambda _name, _chosen: True,
) -> dict[str, Any]:
    """Let a sampler choose the values of a running trial; safe to repeat.

    Args:
        database: the study database.
        study_name: of the Optuna study.
        trial_id: the trial's id in the database.
        sampler: chooses.
        distributions: of the parameters, in the order in which they are chosen.
        applies: whether a parameter is to be chosen, by the values of those before it.

    The choice depends on the finished trials; Optuna 5's TPE and GP also read the values of running ones.

    Returns:
        The values; those that an earlier call had chosen before it was killed stay as they are.
    """
    study = optuna.load_study(study_name=study_name, storage=database.storage, sampler=sampler)
    study.get_trials(deepcopy=False)  # Optuna's cache has not heard of a trial that our statements made
    trial = optuna.trial.Trial(study, trial_id)
    chosen: dict[str, Any] = {}
    for name, space in distributions.items():
        if applies(name, chosen):
            chosen[name] = suggest(trial, name, space)
    return chosen


def forget_values(session: Session, trial_id: int) -> None:
    """Take back what a sampler chose for a running trial, so that it chooses again; safe to repeat."""
    state = session.scalar(select(models.TrialModel.state).where(models.TrialModel.trial_id == trial_id))
    if state == TrialState.RUNNING:
        session.execute(delete(models.TrialParamModel).where(models.TrialParamModel.trial_id == trial_id))


def report_epochs(session: Session, trial_id: int, values: Mapping[int, float]) -> None:
    """Enter the objective's metric after epochs (from 1); safe to repeat, also for a finished trial."""
    state = session.scalar(select(models.TrialModel.state).where(models.TrialModel.trial_id == trial_id))
    if state != TrialState.RUNNING:
        return
    model = models.TrialIntermediateValueModel
    known = set(session.scalars(select(model.step).where(model.trial_id == trial_id)))
    rows = []
    for epoch, value in values.items():
        if epoch not in known:
            stored, kind = model.intermediate_value_to_stored_repr(value)
            row = {"trial_id": trial_id, "step": epoch, "intermediate_value": stored, "intermediate_value_type": kind}
            rows.append(row)
    if rows:
        session.execute(insert(model), rows)


def tell_trial(
    session: Session,
    trial_id: int,
    value: float | Sequence[float] | None,
    attributes: Mapping[str, Any],
    reason: str | None = None,
    artifact: Artifact | None = None,
    constraints: Mapping[str, float] | None = None,
) -> None:
    """Finish a trial: complete with its value, or failed where the value is None; a finished one stays as it is.

    Args:
        session: the transaction that finishes the trial's point.
        trial_id: the trial's id in the database.
        value: the objective, or the value of each objective of the Optuna study.
        attributes: user attributes, JSON-ready.
        reason: of a failure, one line.
        artifact: a file of the trial's, kept already: a finished trial takes none any more.
        constraints: by name; above 0 is a violation, which samplers avoid.
    """
    trial = session.get_one(models.TrialModel, trial_id, with_for_update=True)
    if trial.state.is_finished():
        return
    _set_attributes(session, trial_id, {**attributes, **({"reason": reason} if reason else {})})
    if artifact is not None:
        _attach(session, trial_id, artifact)
    values = () if value is None else (value,) if isinstance(value, int | float) else tuple(value)
    for number, one in enumerate(values):
        stored, kind = models.TrialValueModel.value_to_stored_repr(one)
        session.add(models.TrialValueModel(trial_id=trial_id, objective=number, value=stored, value_type=kind))
    for name, amount in (constraints or {}).items():
        row = {"trial_id": trial_id, "key": _CONSTRAINT + name, "value_json": json.dumps(float(amount))}
        session.execute(insert(models.TrialSystemAttributeModel), [row])
    trial.state = TrialState.FAIL if value is None else TrialState.COMPLETE
    trial.datetime_complete = datetime.now().astimezone()


def restart_trial(session: Session, trial_id: int) -> None:
    """Have a trial run again: its values and files are gone, and what it tried stays."""
    trial = session.get_one(models.TrialModel, trial_id, with_for_update=True)
    for model in (models.TrialValueModel, models.TrialIntermediateValueModel):
        session.execute(delete(model).where(model.trial_id == trial_id))
    system = models.TrialSystemAttributeModel
    of_result = or_(*(system.key.startswith(prefix, autoescape=True) for prefix in (ARTIFACT_PREFIX, _CONSTRAINT)))
    session.execute(delete(system).where(system.trial_id == trial_id, of_result))
    trial.state, trial.datetime_complete = TrialState.RUNNING, None


def trial_values(session: Session, study_name: str) -> dict[int, tuple[float, ...]]:
    """The value of each objective of each complete trial, by its id in the database."""
    model = models.TrialValueModel
    rows = session.execute(
        select(model.trial_id, model.value, model.value_type)
        .join(models.TrialModel, models.TrialModel.trial_id == model.trial_id)
        .join(models.StudyModel, models.StudyModel.study_id == models.TrialModel.study_id)
        .where(models.StudyModel.study_name == study_name)
        .order_by(model.trial_id, model.objective)
    )
    found: dict[int, tuple[float, ...]] = {}
    for trial_id, stored, kind in rows:
        value = model.stored_repr_to_value(stored, kind)
        found[trial_id] = (*found.get(trial_id, ()), value)
    return found


def trial_attributes(session: Session, study_name: str, key: str) -> list[Any]:
    """A user attribute of each trial that has it, the trial that was made first coming first."""
    model = models.TrialUserAttributeModel
    rows = session.scalars(
        select(model.value_json)
        .join(models.TrialModel, models.TrialModel.trial_id == model.trial_id)
        .join(models.StudyModel, models.StudyModel.study_id == models.TrialModel.study_id)
        .where(models.StudyModel.study_name == study_name, model.key == key)
        .order_by(model.trial_id)
    )
    return [json.loads(str(text)) for text in rows]


def trial_numbers(session: Session, study_name: str) -> dict[int, int]:
    """The number of each trial in its Optuna study, from 0, by its id in the database; empty if there is no study."""
    numbers = (
        select(models.TrialModel.trial_id, models.TrialModel.number)
        .join(models.StudyModel, models.StudyModel.study_id == models.TrialModel.study_id)
        .where(models.StudyModel.study_name == study_name)
    )
    return {row[0]: row[1] for row in session.execute(numbers)}


def artifact_of(session: Session, trial_ids: Collection[int]) -> dict[int, str]:
    """The name of a file of each of these trials that has one, by the trial's id."""
    model = models.TrialSystemAttributeModel
    of_files = model.key.startswith(ARTIFACT_PREFIX, autoescape=True)
    wanted = set(trial_ids)
    rows = session.execute(select(model.trial_id, model.key).where(of_files))
    return {trial: key.removeprefix(ARTIFACT_PREFIX) for trial, key in rows if trial in wanted}


def _set_attributes(session: Session, trial_id: int, attributes: Mapping[str, Any]) -> None:
    model = models.TrialUserAttributeModel
    known = {str(row.key): row for row in session.scalars(select(model).where(model.trial_id == trial_id))}
    for name, value in attributes.items():
        if name in known:
            known[name].value_json = json.dumps(value)
        else:
            session.add(model(trial_id=trial_id, key=name, value_json=json.dumps(value)))


def _attach(session: Session, trial_id: int, artifact: Artifact) -> None:
    """Attach a file as `optuna.artifacts.upload_artifact` does, with its JSON string within JSON."""
    noted = {
        "artifact_id": artifact.id,
        "filename": artifact.filename,
        "mimetype": artifact.mimetype,
        "encoding": None,
    }
    row = {"trial_id": trial_id, "key": ARTIFACT_PREFIX + artifact.id, "value_json": json.dumps(json.dumps(noted))}
    session.execute(insert(models.TrialSystemAttributeModel), [row])


def suggest(trial: optuna.trial.Trial, name: str, space: BaseDistribution) -> Any:
    """The value that the sampler of a trial's study chooses from a distribution.

    Raises:
        TypeError: if the distribution is not one of Optuna 5's.
    """
    if isinstance(space, optuna.distributions.FloatDistribution):
        return trial.suggest_float(name, space.low, space.high, log=space.log, step=space.step)
    if isinstance(space, optuna.distributions.IntDistribution):
        return trial.suggest_int(name, space.low, space.high, log=space.log, step=space.step)
    if isinstance(space, optuna.distributions.CategoricalDistribution):
        return trial.suggest_categorical(name, space.choices)
    raise TypeError(f"{type(space).__name__} is not a distribution of Optuna 5")
