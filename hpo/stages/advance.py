"""The story of a study: which stage opens when another has closed, for each architecture.

`advance` looks at the database and takes every decision that is due. Each is one transaction that changes nothing if
another process was first, so any number of processes may call it at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpo.config.stage import STAGES, Stage
from hpo.config.study import StudyFile
from hpo.evaluation.front import objectives_of
from hpo.evaluation.objective import Direction, objective_of
from hpo.recipe.point import point_key
from hpo.stages.confirm import confirm_points, confirm_result, opening_point
from hpo.stages.explore import stage1_result
from hpo.stages.folds import FoldAddresses, folds_to_plan
from hpo.stages.learned import learned_points
from hpo.stages.order import stages_of
from hpo.stages.plan import determining_settings, open_first_stage, stage1_points
from hpo.stages.ranges_file import edited_ranges, write_ranges_file
from hpo.stages.recheck import recheck_points, recheck_result
from hpo.stages.replan import follow_budget, reopen
from hpo.stages.steps import following_step
from hpo.stages.tune import next_slot, stage2_plan, stage2_result
from hpo.storage.aside import conform
from hpo.storage.database import Database
from hpo.storage.decided import (
    Abandoned,
    ConfirmResult,
    FirstPoint,
    Plan,
    RecheckPlan,
    RecheckResult,
    Result,
    Stage1Result,
    Stage2Plan,
    Stage2Result,
    Tested,
)
from hpo.storage.decisions import close_stage, load_stages, open_stage
from hpo.storage.optuna_trials import trial_values
from hpo.storage.outcomes import stage_is_exhausted
from hpo.storage.plans import keep_plan
from hpo.storage.points import DesignPoint, add_points, count_points, stage_points
from hpo.storage.stage_json import abandoned, needed_result, plan_of, to_json
from hpo.storage.tables import PointRow, StageRow


@dataclass(frozen=True)
class Standing:
    """The progress of an architecture.

    Args:
        architecture: its name.
        closed: the stages that have ended.
        abandoned: why it goes no further, or None.
    """

    architecture: str
    closed: tuple[Stage, ...]
    abandoned: str | None

    def is_over(self, until: Stage = "test") -> bool:
        """Whether nothing is left to do for it, up to and including a stage."""
        return self.abandoned is not None or until in self.closed


def advance(
    database: Database,
    study: StudyFile,
    data_digest: str,
    until: Stage = "test",
    on_closed: Callable[[str], None] = lambda _name: None,
    folds: FoldAddresses = MappingProxyType({}),
) -> list[Standing]:
    """Take every decision that is due.

    Args:
        database: the study database.
        study: the study file.
        data_digest: of the training and validation patches.
        until: open no stage after this one.
        on_closed: called with the name of each stage that this call has closed.
        folds: addresses of the folds that the study asks for.

    Returns:
        The standing of each architecture afterwards.

    Raises:
        ConfigError: if it would learn from a study that the database does not hold, or an edited ``ranges.yaml`` is not
            valid.
        PlanChangedError: if the study has another plan by now; decisions taken before that stay.
    """
    open_first_stage(database, study, data_digest)
    settings = determining_settings(study, data_digest)
    has_new_ranges = False
    for architecture in study.architecture_specs:
        for stage in stages_of(study):
            is_ours, is_closed = False, False
            with database.transaction() as session:
                keep_plan(session, study.name, settings)
                row = load_stages(session, study.name).get((stage, architecture))
                if row is None:
                    break
                is_closed = row.closed_at is not None
                # Asked before what follows is decided: a point that ends meanwhile may have more follow from it.
                is_exhausted = not is_closed and stage_is_exhausted(session, row.name)
                if stage == "stage2" and not is_closed:
                    _fill(session, study, row)
                    is_exhausted = is_exhausted and stage_is_exhausted(session, row.name)
                if is_exhausted:
                    points = _points(session, study, row)
                    is_ours = close_stage(session, row.name, _result(session, study, row, points))
                    has_new_ranges |= stage == "stage1"
            if is_ours:
                on_closed(row.name)
            if stage == until:
                break
            if is_closed or is_ours:
                _open_following(database, study, data_digest, architecture, stage, folds)
            elif stage != "stage1":
                break  # what follows waits for it; a stage 2 keeps the ranges it was opened with
    # Not each time: what a person is writing there just now is nobody's business before a stage 2 opens.
    if has_new_ranges or not study.ranges_path.exists():
        write_ranges_file(database, study)
    return standings(database, study)


def standings(database: Database, study: StudyFile) -> list[Standing]:
    """The progress of each architecture."""
    with database.transaction() as session:
        stages = load_stages(session, study.name)
    result = []
    for architecture in study.architecture_specs:
        rows = [row for stage in stages_of(study) if (row := stages.get((stage, architecture)))]
        # A stage that was opened again leaves nothing behind it closed.
        closed = list(takewhile(lambda row: row.closed_at is not None, rows))
        reasons = [reason for row in closed if (reason := abandoned(row)) is not None]
        names = tuple(stage for stage in STAGES if any(row.stage == stage for row in closed))
        result.append(Standing(architecture, names, reasons[0] if reasons else None))
    return result


def plan_steps(database: Database, study: StudyFile) -> bool:
    """Queue the next step of each open stage 2 that is decided step by step.

    Safe to repeat and to run in many processes at once: a step has a number, and one point is made of each.

    Returns:
        Whether any point was queued.
    """
    with database.transaction() as session:
        stages = load_stages(session, study.name)
        rows = [row for name in study.architecture_specs if (row := stages.get(("stage2", name))) is not None]
        queued = [_queue_next(session, study, row) for row in rows if row.closed_at is None]
    return any(queued)


def _queue_next(session: Session, study: StudyFile, row: StageRow) -> bool:
    """Queue the next point of a stage 2 with budget left, unless one waits."""
    if count_points(session, row.name).get("waiting"):
        return False
    # One decision at a time: workers that become free together each get a step of their own.
    session.execute(select(StageRow.name).where(StageRow.name == row.name).with_for_update(key_share=True))
    rows = stage_points(session, row.name)
    if study.stage2.is_pool:
        point = following_step(session, study, row, rows)
    else:
        point = next_slot(session, study, plan_of(row, Stage2Plan), rows)
    return point is not None and add_points(session, row.name, [point]) == 1


def _fill(session: Session, study: StudyFile, row: StageRow) -> None:
    """Give a stage 2 the points that its budget asks for."""
    follow_budget(session, study, row)  # a worker with an earlier plan may have continued for a moment
    _queue_next(session, study, row)


def _points(session: Session, study: StudyFile, row: StageRow) -> list[PointRow]:
    """The points that a stage is decided by; those of stage 1 in the order of its design, whenever they were added."""
    points = stage_points(session, row.name)
    if row.stage != "stage1":
        return points
    of_key = {point.point_key: point for point in points}
    return [of_key[key] for point in stage1_points(study, row.architecture) if (key := point_key(point)) in of_key]


def _result(session: Session, study: StudyFile, row: StageRow, rows: list[PointRow]) -> Result:
    if row.stage == "stage1":
        return stage1_result(study, row.architecture, rows)
    if row.stage == "stage2":
        return stage2_result(study, rows, _values(session, study, row))
    if row.stage == "recheck":
        return recheck_result(study, plan_of(row, RecheckPlan), rows)
    if row.stage == "confirm":
        return confirm_result(study, rows)
    failed = [reason for point in rows if point.state == "failed" for reason in point.reasons]
    return Abandoned("; ".join(failed)) if failed else Tested()


def _values(session: Session, study: StudyFile, row: StageRow) -> dict[int, tuple[float, ...]] | None:
    """The values of a stage 2's trials, where the study has several objectives."""
    return trial_values(session, row.name) if study.objectives and row.stage == "stage2" else None


def _open_following(
    database: Database, study: StudyFile, data_digest: str, architecture: str, stage: Stage, folds: FoldAddresses
) -> None:
    """Open the stage after a closed one, unless the architecture was abandoned; one that is there follows its plan."""
    stages = stages_of(study)
    following = stages[stages.index(stage) + 1] if stage != stages[-1] else None
    with database.transaction() as session:
        keep_plan(session, study.name, determining_settings(study, data_digest))
        opened = load_stages(session, study.name)
        row = opened[stage, architecture]
        if following is None or row.closed_at is None or abandoned(row) is not None:
            return
        later = opened.get((following, architecture))
        if later is not None and following == "stage2":
            return
        points = _points(session, study, row)
        learned = learned_points(session, study, architecture) if following == "stage2" else []
        values = _values(session, study, row)
        addresses = folds_to_plan(session, study, data_digest, folds, following, row, later)
        plan, planned = _following_plan(study, data_digest, following, row, points, later, learned, values, addresses)
        if later is not None:
            _follow(session, later, plan, planned, opened)
            return
        directions = _directions(study) if following == "stage2" else None
        open_stage(session, study.name, following, architecture, plan, planned, directions)


def _directions(study: StudyFile) -> dict[str, Direction]:
    """What stage 2 looks for, by objective."""
    objectives, objective = objectives_of(study), objective_of(study)
    if objectives is None:
        return {objective.metric: objective.direction}
    return dict(zip(objectives.names, objectives.directions, strict=True))


def _follow(
    session: Session,
    stage: StageRow,
    plan: Plan,
    planned: list[DesignPoint],
    stages: Mapping[tuple[Stage, str], StageRow],
) -> None:
    """Have a stage that was opened before be what now follows from the stage before it."""
    if to_json(plan) != stage.plan:
        stage.plan = to_json(plan)
    if not conform(session, stage.name, planned):
        return
    reopen(session, stage, stages)
    test = stages.get(("test", stage.architecture))
    if stage.stage == "confirm" and test is not None:
        test.closed_at, test.result = None, None  # it was of another comparison


def _following_plan(
    study: StudyFile,
    data_digest: str,
    following: Stage,
    closed: StageRow,
    points: list[PointRow],
    later: StageRow | None,
    learned: list[FirstPoint],
    values: dict[int, tuple[float, ...]] | None,
    folds: tuple[str, ...],
) -> tuple[Plan, list[DesignPoint]]:
    """The plan and first points of the stage that follows a closed one, from the closed one's result and points."""
    architecture = closed.architecture
    if following == "stage2":
        found = needed_result(closed, Stage1Result)
        ranges = edited_ranges(study).get(architecture, found.ranges)
        return stage2_plan(study, architecture, data_digest, found, ranges, points, learned, folds)
    if following == "recheck":
        earlier = () if later is None else plan_of(later, RecheckPlan).seeds
        return recheck_points(study, points, earlier, values, folds)
    if following == "confirm":
        was_rechecked = closed.stage == "recheck"
        chosen = needed_result(closed, RecheckResult) if was_rechecked else needed_result(closed, Stage2Result)
        return confirm_points(study, architecture, data_digest, chosen.choice, folds)
    frozen = needed_result(closed, ConfirmResult)
    return frozen, [opening_point(frozen)]
