"""The steps of a stage 2 whose trainings pause: at each free worker, continue one of them or open a new one.

A rung is a separate design point, the same recipe with more epochs, so continuing repeats no epoch. Steps are numbered,
and the number is the point's key, so exactly one of several workers deciding at once succeeds. A decision depends on
the stage's rows alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from sqlalchemy.orm import Session

from hpo.config.rungs import GrowingRungs, first_rung
from hpo.config.study import StudyFile
from hpo.errors import StorageError
from hpo.evaluation.front import Objectives
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.conditions import parents_first
from hpo.recipe.key import digest
from hpo.recipe.point import Value, apply_point
from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.search.history import Continue, Open, Step, Training
from hpo.search.limits import is_within
from hpo.search.pool import PoolSettings, finishing_step, next_step
from hpo.search.propose import Searched
from hpo.search.spaces import Space, spaces_from_json
from hpo.stages.budget import budget_of, has_stalled, spending
from hpo.stages.plan import planned
from hpo.storage.decided import Choice, Stage2Plan
from hpo.storage.points import DesignPoint
from hpo.storage.stage_json import plan_of
from hpo.storage.tables import PointRow, StageRow

GATHERING = 1 / 3
"""The largest share of a budget spent on the first group of trainings before the best of them continue."""

_TRIES = 20
"""After so many proposals that repeat known trainings under other names, nothing is left to open."""


def step_key(number: int) -> str:
    """The key of the step with this number."""
    return f"step:{number:06d}"


def pool_settings(study: StudyFile) -> PoolSettings:
    """The settings of a study's pool."""
    objective, rungs = objective_of(study), study.stage2.rungs
    growing = rungs if isinstance(rungs, GrowingRungs) else GrowingRungs()
    return PoolSettings(
        longest=study.stage2.epochs,
        first=first_rung(rungs, study.stage2.epochs),
        eta=growing.factor,
        stops=rungs if isinstance(rungs, tuple) else (),
        smoothing=objective.last if objective.epoch == "mean_last" else 1,
        design="freeze_thaw" if study.stage2.design == "freeze_thaw" else "asha",
    )


def following_step(session: Session, study: StudyFile, stage: StageRow, rows: Sequence[PointRow]) -> DesignPoint | None:
    """The next point of a stage's pool; None if its budget is spent or nothing can be decided yet.

    Args:
        session: reads the seconds of epochs, for a budget in minutes.
        study: the study file.
        stage: the stage.
        rows: its points, in the order in which they were planned.
    """
    plan = plan_of(stage, Stage2Plan)
    rows = [row for row in rows if row.label.get("end") in (None, budget_of(study))]  # one may still run
    steps = [row for row in rows if "slot" in row.label]
    if any(row.state == "waiting" for row in rows):
        return None
    spent = spending(session, study, steps)
    is_counted = study.stage2.trials is not None  # trainings that continue cost no trial
    if spent.share >= 1 and not is_counted:
        return None
    settings = pool_settings(study)
    if spent.share >= GATHERING and not is_counted:
        settings = replace(settings, group=0)
    spaces = searched_spaces(plan)
    trainings = _trainings(objective_of(study), spaces, rows)
    searched = Searched(
        spaces,
        study.space.prior,
        (lambda values: is_within(study, _recipe_of(plan, values))) if study.limits.is_set else None,
        plan.applied if plan.conditions else dict,
    )
    number = _next_number(steps)
    is_stopping = study.stage2.stop is not None and any("end" in row.label for row in steps)
    if spent.share >= 1 or is_stopping or has_stalled(study, steps, spent):
        return _ending(study, rows, next_step(settings, searched, trainings, 0, may_open=False))
    if not is_counted and spent.is_ending(settings.longest):
        last = finishing_step(settings, trainings)
        if last is not None or any(training.state == "running" for training in trainings):
            return _ending(study, rows, last)
    known = {training.key for training in trainings}
    first = [dict(one.values) for one in plan.first or () if _recipe_of(plan, one.values).key not in known]
    for attempt in range(_TRIES):
        seed = int(digest([plan.seed, plan.stream or stage.name, step_key(number), attempt])[:8], 16)
        step = next_step(settings, searched, trainings, seed, first)
        if isinstance(step, Open):
            point = _opened(plan, step, number)
            if point.recipe_key not in known:
                return point
            continue
        return None if step is None else _continued(rows, step, step_key(number), {"slot": number})
    step = next_step(settings, searched, trainings, 0, may_open=False)
    return _continued(rows, step, step_key(number), {"slot": number}) if isinstance(step, Continue) else None


def _ending(study: StudyFile, rows: Sequence[PointRow], step: Step | None) -> DesignPoint | None:
    """A step of the end of a pool: its trials are all open, it has stalled, or the rest pays for one whole training.

    It is marked as such. A pool that has stalled opens nothing more, though those that continue may gain. An extended
    search continues from the last step before these, as if it had been planned that way, and reuses their trainings.
    """
    if not isinstance(step, Continue):
        return None
    number = _next_number([row for row in rows if "slot" in row.label])
    return _continued(rows, step, step_key(number), {"slot": number, "end": budget_of(study)})


def _next_number(steps: Sequence[PointRow]) -> int:
    """The number after the last step's; the last steps of a shorter search may have been set aside before it."""
    return 1 + max((int(row.label["slot"]) for row in steps), default=-1)


def searched_spaces(plan: Stage2Plan) -> dict[str, Space]:
    """The distributions of the factors that a stage 2 searches, without its trials' epochs.

    A factor that does not always apply comes after those that it depends on.
    """
    spaces = spaces_from_json(plan.space)
    return {name: spaces[name] for name in parents_first(spaces, plan.conditions) if name != "epochs"}  # type: ignore[misc]


def longest_rows(rows: Sequence[PointRow]) -> list[PointRow]:
    """The longest complete point of each training, in the order in which trainings were opened."""
    longest: dict[str, PointRow] = {}
    for row in rows:
        if row.state != "complete":
            continue
        known = longest.get(row.recipe_key or "")
        if known is None or (row.epochs or 0) > (known.epochs or 0):
            longest[row.recipe_key or ""] = row
    return list(longest.values())


def choice_of(row: PointRow, values: tuple[float, ...] = ()) -> Choice:
    """A complete point of stage 2 as a configuration that may be chosen.

    Args:
        row: the point.
        values: of each objective, where the study has several.
    """
    if row.point is None or row.recipe is None or row.objective is None:
        raise ValueError(f"design point {row.id} is not complete")
    return Choice(
        point=dict(row.point),
        recipe=recipe_from_json(row.recipe),
        recipe_key=row.recipe_key or "",
        objective=row.objective,
        key=row.point_key,
        epochs=row.epochs or 0,
        values=values,
    )


def ranked_choices(
    objectives: Objectives, rows: Sequence[PointRow], values: Mapping[int, tuple[float, ...]]
) -> list[Choice]:
    """The configurations of a stage 2's front, in the order in which the rule would choose them.

    Args:
        objectives: the study's.
        rows: complete points.
        values: of each objective, by the trial's id in the database.

    Raises:
        StorageError: if a trial has no values of these objectives.
    """
    found = []
    for row in rows:
        told = values.get(row.trial_id or -1, ())
        if len(told) != len(objectives.names):
            raise StorageError(
                f"{row.stage_name}: the trial of point {row.id} has {len(told)} values, not those of "
                f"{', '.join(objectives.names)}; restore a backup of the database"
            )
        found.append(told)
    return [choice_of(rows[number], found[number]) for number in objectives.ranked(found)]


def _trainings(objective: Objective, spaces: Mapping[str, Space], rows: Sequence[PointRow]) -> list[Training]:
    """The pool's trainings in the order in which they were opened."""
    of_training: defaultdict[str, list[PointRow]] = defaultdict(list)
    for row in rows:
        of_training[row.recipe_key or ""].append(row)
    return [_training(objective, spaces, key, found) for key, found in of_training.items()]


def _training(objective: Objective, spaces: Mapping[str, Space], key: str, rows: Sequence[PointRow]) -> Training:
    complete = longest_rows(rows)
    curve = complete[0].curve or [] if complete else []
    gains = [objective.gain(epoch[objective.column]) for epoch in curve]
    states = {row.state for row in rows}
    return Training(
        key=key,
        values={name: value for name in spaces if (value := (rows[0].point or {}).get(name)) is not None},
        gains=tuple(accumulate(gains, max) if objective.epoch == "best" else gains),
        state="failed" if "failed" in states else "running" if states & {"running", "waiting"} else "paused",
        target=max(row.epochs or 0 for row in rows),
        given=all("slot" not in row.label for row in rows),
    )


def _recipe_of(plan: Stage2Plan, values: Mapping[str, Value]) -> Recipe:
    """The recipe of values of the searched factors, however long it is trained."""
    return apply_point(plan.template, {**plan.point(values), "epochs": 1})[0]


def _opened(plan: Stage2Plan, step: Open, number: int) -> DesignPoint:
    values = dict(step.values)
    origin = next((one.origin for one in plan.first or () if one.values == values), "sampled")
    point = {**plan.point(values), "epochs": step.epochs}
    return planned(plan.template, point, key=step_key(number), label={"slot": number, "origin": origin})


def _continued(rows: Sequence[PointRow], step: Continue, key: str, label: dict[str, float]) -> DesignPoint:
    before = next(row for row in longest_rows(rows) if row.recipe_key == step.key)
    return DesignPoint(
        key=key,
        label={**label, "origin": before.label["origin"], "from": before.epochs},
        point={**(before.point or {}), "epochs": step.epochs},
        recipe=before.recipe,
        recipe_key=before.recipe_key,
        epochs=step.epochs,
    )
