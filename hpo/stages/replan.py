"""Adopt an edited study file as the plan of a started study: as a whole, or not at all.

Stages whose results depend on the change are opened again, and `hpo.stages.advance` decides them again from the
existing trainings. Points that the new plan does not need are set aside with their results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from hpo.config.ranges import forget_ranges
from hpo.config.stage import STAGES, Stage
from hpo.config.study import StudyFile
from hpo.config.yaml_file import displayed
from hpo.errors import ConfigError
from hpo.evaluation.objective import objective_of
from hpo.recipe.conditions import applicable
from hpo.recipe.point import point_key
from hpo.search.spaces import spaces_to_json, whole_factor
from hpo.stages.budget import budget_of
from hpo.stages.edits import BUDGETS, Change, compare_plans, default_of
from hpo.stages.limits import check_limits
from hpo.stages.order import stages_of
from hpo.stages.plan import determining_settings, planned, stage1_points, template_recipe
from hpo.stages.steps import step_key
from hpo.stages.tune import slot_point
from hpo.storage.aside import all_points, bring_back, conform, set_aside
from hpo.storage.database import Database
from hpo.storage.decided import Stage1Plan, Stage1Result, Stage2Plan
from hpo.storage.decisions import load_stages
from hpo.storage.ledger import list_test_openings
from hpo.storage.optuna_studies import set_direction
from hpo.storage.optuna_trials import restart_trial
from hpo.storage.plans import PlanChange, accepted_plans, hold_study, present_settings, record_plan
from hpo.storage.points import add_points
from hpo.storage.stage_json import plan_of, result_of, to_json
from hpo.storage.tables import PointRow, StageRow, StudyRow

Stages = Mapping[tuple[Stage, str], StageRow]


def accept_plan(database: Database, study: StudyFile, data_digest: str, *, only_new: bool = False) -> list[Change]:
    """Adopt the changes of a study file in a started study; safe to repeat.

    Args:
        database: the study database.
        study: the study file.
        data_digest: of the training and validation patches.
        only_new: refuse a plan that has since been replaced; a worker may have been started with an old copy of the
            file.

    Returns:
        The changes; none if the study has not started, or was planned this way.

    Raises:
        ConfigError: if a change makes another study.
    """
    settings = determining_settings(study, data_digest)
    return database.run(lambda session: _accept(session, study, data_digest, settings, only_new))


def check_edits(
    study: StudyFile, recorded: Mapping[str, Any], given: Mapping[str, Any], opened: Stages
) -> list[Change]:
    """The changes of a study file against the current plan.

    Args:
        study: the study file.
        recorded: the current settings.
        given: those of the file.
        opened: the stages opened so far.

    Raises:
        ConfigError: if a change makes another study.
    """
    file = displayed(study.file)
    if recorded.get("key_format") != given["key_format"]:
        raise ConfigError(
            study.file,
            f"study {study.name!r} was started by a version of hpo that trains to other weights: finish it with that "
            f"version, or start a new study from its file: hpo copy {file} NEW",
        )
    changes = compare_plans(study, recorded, given, opened.keys())
    others = [f"{change} ({change.effect})" for change in changes if change.kind == "other"]
    if others:
        raise ConfigError(
            study.file,
            f"study {study.name!r} has started, and this is another study: {'; '.join(others)}. Set it back, or start "
            f"the other study beside this one, where all that both train is shared: hpo copy {file} NEW",
        )
    return changes


def foreseen_changes(database: Database, study: StudyFile, data_digest: str | None) -> list[Change] | None:
    """The changes that `accept_plan` would adopt; None if the study has not started.

    Args:
        database: is only read.
        study: the study file.
        data_digest: None if the data is not available; it then counts as unchanged.

    Raises:
        ConfigError: if a change makes another study.
    """
    with database.transaction() as session:
        row = session.get(StudyRow, study.name)
        if row is None:
            return None
        recorded, stages = present_settings(row.settings), load_stages(session, study.name)
    return check_edits(study, recorded, determining_settings(study, data_digest or recorded["data"]), stages)


def _accept(
    session: Session, study: StudyFile, data_digest: str, settings: dict[str, Any], only_new: bool
) -> list[Change]:
    row = hold_study(session, study.name)
    recorded = {} if row is None else present_settings(row.settings)
    if row is None or recorded == settings:
        return []
    stages = load_stages(session, study.name)
    changes = check_edits(study, recorded, settings, stages)
    check_limits(study)
    if only_new:
        _refuse_earlier(session, study, settings)
    _apply(session, study, data_digest, stages, changes)
    tested = dict.fromkeys(opening.architecture for opening in list_test_openings(session, study.name))
    noted = [PlanChange(str(change), change.kind, change.effect) for change in changes]
    record_plan(session, row, settings, noted, list(tested))
    return changes


def _refuse_earlier(session: Session, study: StudyFile, settings: Mapping[str, Any]) -> None:
    plans = accepted_plans(session, study.name)
    for number, plan in enumerate(plans[:-1]):
        if plan.settings == settings:
            since = [change.text for later in plans[number + 1 :] for change in later.changes]
            at = datetime.fromtimestamp(plan.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
            raise ConfigError(
                study.file,
                f"is the plan of {at}, which was changed since: {'; '.join(since)}. Give this worker the present file; "
                f"to go back to this plan: hpo run {displayed(study.file)}",
            )


_FINAL = (("confirm", "symmetries"), ("confirm", "patience"))
"""Settings by which final trainings that exist are looked at in another way."""


def _apply(session: Session, study: StudyFile, data_digest: str, stages: Stages, changes: Sequence[Change]) -> None:
    """Update queues and decisions to the new plan."""
    sections, paths = {change.path[0] for change in changes}, {change.path for change in changes}
    is_judged_anew, is_chosen_anew = "objective" in sections, "choose" in sections
    has_new_ranges = not sections.isdisjoint(("objective", "stage1", "search_space", "limits"))
    has_new_budget = any(change.path[0] == "stage2" and change.path[1] in BUDGETS for change in changes)
    if is_judged_anew:
        for stage in stages.values():
            _judge_anew(session, study, stage)
    for (name, architecture), stage in stages.items():
        is_left_out = architecture not in study.architecture_specs or name not in stages_of(study)
        if is_left_out:
            _leave_out(session, study, stage)
        elif name == "stage1":
            if _replan_stage1(session, study, data_digest, stage) or has_new_ranges:
                _redecide_ranges(study, stage)
        elif name == "confirm" and not paths.isdisjoint(_FINAL):
            if ("confirm", "patience") in paths and not is_judged_anew:
                _judge_anew(session, study, stage)
            reopen(session, stage, stages)
        elif name == "stage2" and (
            follow_budget(session, study, stage) or has_new_budget or is_judged_anew or is_chosen_anew
        ):
            reopen(session, stage, stages)


def _leave_out(session: Session, study: StudyFile, stage: StageRow) -> None:
    """Start nothing more of a stage that the study file no longer has."""
    set_aside(session, _waiting(session, stage))
    found = result_of(stage, Stage1Result) if stage.stage == "stage1" else None
    if found is not None:
        forget_ranges(study.ranges_path, stage.architecture, found.ranges)


def _replan_stage1(session: Session, study: StudyFile, data_digest: str, stage: StageRow) -> bool:
    """Give stage 1 the points of its design; return whether any changed."""
    space = study.space_of(stage.architecture)
    factors = space.factors
    for row in all_points(session, stage.name):
        added = {
            name: default_of(name, factor.reference)
            for name, factor in factors.items()
            if name not in (row.point or {})
        }
        point = applicable({**(row.point or {}), **added}, space.conditions)
        if row.point is not None and point.keys() != row.point.keys():
            row.point = point
            row.point_key = point_key(row.point)
    session.flush()
    template = template_recipe(study, stage.architecture, data_digest, study.stage1.seed)
    spaces = spaces_to_json({name: whole_factor(name, factor) for name, factor in factors.items()})
    stage.plan = to_json(replace(plan_of(stage, Stage1Plan), reference=space.reference, space=spaces))
    return conform(
        session, stage.name, [planned(template, point) for point in stage1_points(study, stage.architecture)]
    )


def _redecide_ranges(study: StudyFile, stage: StageRow) -> None:
    """Open stage 1 again; it closes at once if there is nothing to train. Ranges edited by hand stay."""
    found = result_of(stage, Stage1Result)
    if found is not None:
        forget_ranges(study.ranges_path, stage.architecture, found.ranges)
    stage.closed_at = stage.result = stage.cleaned_at = None


def follow_budget(session: Session, study: StudyFile, stage: StageRow) -> bool:
    """Give a stage 2 the points that its budget allows; safe to repeat.

    Returns:
        Whether that changed anything.
    """
    rows = all_points(session, stage.name)
    slots = [row for row in rows if "slot" in row.label]
    trials = None if study.stage2.is_pool else study.stage2.trials
    # Those of an architecture that the study file had left out; the last steps of a pool follow its budget.
    inside = [row for row in rows if "end" not in row.label and (trials is None or row.label.get("slot", 0) < trials)]
    is_changed = bring_back(inside)
    if study.stage2.is_pool:
        return _follow_ends(session, slots, budget_of(study)) or is_changed
    if trials is None:
        return is_changed
    beyond = [row for row in slots if row.label["slot"] >= trials and row.state == "waiting"]
    is_changed |= set_aside(session, beyond)
    plan = plan_of(stage, Stage2Plan)
    new = [slot_point(plan, number) for number in range(len(slots), trials)]
    return add_points(session, stage.name, new) > 0 or is_changed


def _follow_ends(session: Session, slots: Sequence[PointRow], budget: float) -> bool:
    """Count the last steps of a pool's present budget, not those that ended an earlier one."""
    stale = [row for row in slots if row.label.get("end") not in (None, budget) and row.state != "aside"]
    is_changed = set_aside(session, stale)
    for row in stale:
        row.point_key = f"end:{row.label['end']}:{row.id}"  # another step may have its number now
    session.flush()
    taken = {row.point_key for row in slots}
    back = [row for row in slots if row.state == "aside" and row.label.get("end") == budget]
    free = [row for row in back if step_key(row.label["slot"]) not in taken]
    for row in free:
        row.point_key = step_key(row.label["slot"])
    return bring_back(free) or is_changed


def reopen(session: Session, stage: StageRow, stages: Stages) -> None:
    """Open a stage again; dependent stages wait until it has closed."""
    stage.closed_at = stage.result = stage.cleaned_at = None
    for name in STAGES[STAGES.index(stage.stage) + 1 :]:
        later = stages.get((name, stage.architecture))
        if later is not None:
            later.cleaned_at = None
            set_aside(session, _waiting(session, later))


def _judge_anew(session: Session, study: StudyFile, stage: StageRow) -> None:
    """Requeue complete points, whose trainings exist and only get other values, and running ones.

    A worker that holds a point would judge it by the earlier plan. The epochs that it has trained are kept.
    """
    if stage.stage == "test":
        return
    # Several objectives of stage 2 keep their directions.
    if stage.stage == "stage1" or (stage.stage == "stage2" and not study.objectives):
        set_direction(session, stage.name, objective_of(study).direction)
    for row in all_points(session, stage.name):
        if row.state == "running":
            row.owner = row.lease_expires_at = None
        elif row.curve is None:
            continue
        row.objective = row.standard_error = row.finished_at = row.curve = None
        if row.state == "aside":
            row.trial_id = None
            continue
        row.state = "waiting"
        if row.trial_id is not None:
            restart_trial(session, row.trial_id)


def _waiting(session: Session, stage: StageRow) -> list[PointRow]:
    return [row for row in all_points(session, stage.name) if row.state == "waiting"]
