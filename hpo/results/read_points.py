"""Design points as trials, final trainings, candidates of the recheck, and faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

from hpo.config.study import StudyFile
from hpo.evaluation.fold_curves import fold_values
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.folds import FOLD_ROLES, in_folds, seeds_by_fold
from hpo.recipe.recipe import recipe_from_json
from hpo.results.recorded import Recorded
from hpo.results.trainings import (
    NOT_IN_FOLDS,
    Candidate,
    Confirmation,
    Fault,
    FoldRun,
    FreshTraining,
    InFolds,
    TrialResult,
)
from hpo.stages.steps import longest_rows
from hpo.storage.decided import RecheckPlan, RecheckResult, folds_of
from hpo.storage.predictions import PredictionStore
from hpo.storage.stage_json import claimed_plan, plan_of, result_of
from hpo.storage.tables import PointRow


def read_trials(study: StudyFile, recorded: Recorded) -> Iterator[TrialResult]:
    """Every design point of stages 1 and 2 that is a trial of its own."""
    objective = objective_of(study)
    for (name, architecture), points in recorded.points.items():
        if name not in ("stage1", "stage2"):
            continue
        numbers, values = recorded.numbers[name, architecture], recorded.values.get((name, architecture), {})
        folds = folds_of(claimed_plan(recorded.stages[name, architecture]))
        for position, row in enumerate(counted_points(study, name, points)):
            curve = row.curve or []
            yield TrialResult(
                stage=name,
                architecture=architecture,
                number=numbers.get(row.trial_id or -1, position),
                point=row.point or {},
                state=cast(Any, row.state),
                recipe_key=row.recipe_key or "",
                objective=row.objective,
                standard_error=row.standard_error,
                metrics=_metrics(objective, row),
                curve=curve,
                failure="; ".join(row.reasons) if row.state == "failed" else "",
                donor=_donor_of(row),
                finished_at=row.finished_at,
                paused_at=_paused_at(row, points),
                values=values.get(row.trial_id or -1, ()) if row.state == "complete" else (),
                patch_visits=_visits(row) * max(1, len(folds)),
                folds=_in_folds(objective, row, folds),
            )


def read_confirmations(store: PredictionStore, recorded: Recorded) -> Iterator[Confirmation]:
    """Every final training, with its predictions if the test split has been opened for it."""
    for (name, architecture), points in recorded.points.items():
        if name != "confirm":
            continue
        frozen = recorded.frozen.get(architecture)
        keeps_valid = frozen is not None and store.keeps_valid(frozen.configuration)
        for row in points:
            role, seed = row.label["role"], row.label["seed"]
            if role in FOLD_ROLES:
                continue
            configuration = frozen.configuration if frozen is not None and (role, seed) in frozen.addresses else None
            yield Confirmation(
                architecture=architecture,
                role=role,
                seed=seed,
                point=row.point or {},
                epochs=row.epochs or 0,
                curve=row.curve or [],
                test_probabilities=store.load(configuration, role, seed) if configuration else None,
                valid_probabilities=(
                    store.load(configuration, role, seed, "valid") if configuration and keeps_valid else None
                ),
                recipe_key=row.recipe_key or "",
                donor=_donor_of(row),
                objective=row.objective if row.state == "complete" else None,
            )


def read_folds(study: StudyFile, store: PredictionStore, recorded: Recorded) -> Iterator[FoldRun]:
    """Every training in a fold that the test split has been opened for."""
    folds = seeds_by_fold(study.confirm.folds or 0, study.confirm.fold_seeds)
    for architecture, frozen in recorded.frozen.items():
        for fold, seeds in enumerate(folds):
            for role, side in FOLD_ROLES.items():
                for seed in seeds:
                    if (role, seed) in frozen.addresses:
                        probabilities = store.load(frozen.configuration, role, seed)
                        yield FoldRun(architecture, cast(Any, side), fold, seed, probabilities)


def read_candidates(study: StudyFile, recorded: Recorded) -> Iterator[Candidate]:
    """Every candidate of the recheck."""
    objective = objective_of(study)
    for (name, architecture), stage in recorded.stages.items():
        if name != "recheck":
            continue
        result = result_of(stage, RecheckResult)
        chosen = None if result is None else result.candidate
        plan = plan_of(stage, RecheckPlan)
        for number, one in enumerate(plan.candidates):
            trained = [row for row in recorded.points[name, architecture] if row.label["candidate"] == number]
            fresh = tuple(
                FreshTraining(
                    seed=row.label["seed"],
                    epochs=row.epochs or 0,
                    recipe_key=row.recipe_key or "",
                    donor=_donor_of(row),
                    curve=row.curve or [],
                    objective=row.objective if row.state == "complete" else None,
                    folds=_in_folds(objective, row, plan.folds),
                )
                for row in trained
            )
            yield Candidate(
                architecture, number + 1, one.point, one.recipe_key, one.objective, fresh, is_chosen=chosen == number
            )


def read_faults(recorded: Recorded) -> Iterator[Fault]:
    """Attempts that ended badly, in their order."""
    found = [
        Fault(stage, architecture, fault["owner"], fault["attempt"], fault["at"], fault["reason"])
        for (stage, architecture), points in recorded.points.items()
        for row in points
        for fault in row.faults
    ]
    yield from sorted(found, key=lambda fault: fault.at)


def counted_points(study: StudyFile, stage: str, rows: Sequence[PointRow]) -> list[PointRow]:
    """The points that a report counts; a training continued from rung to rung counts at its last complete one."""
    if stage != "stage2" or not study.stage2.is_pool:
        return list(rows)
    longest = {row.id for row in longest_rows(rows)}
    return [row for row in rows if row.state != "complete" or row.id in longest]


def _paused_at(row: PointRow, points: Sequence[PointRow]) -> tuple[int, ...]:
    """The rungs before a step that continued another."""
    if row.state != "complete" or "from" not in row.label:
        return ()
    before = {one.epochs or 0 for one in points if one.recipe_key == row.recipe_key and one.state == "complete"}
    return tuple(sorted(epochs for epochs in before if epochs < (row.epochs or 0)))


def _metrics(objective: Objective, row: PointRow) -> dict[str, float]:
    """The metrics of the epoch that the objective uses; its own metric is the trial's objective value."""
    if not row.curve:
        return {}
    judged = {} if row.objective is None else {objective.column: row.objective}
    return {**row.curve[objective.speaking_epoch(row.curve) - 1], **judged}


def _in_folds(objective: Objective, row: PointRow, folds: Sequence[str]) -> InFolds:
    if row.recipe is None or not folds:
        return NOT_IN_FOLDS
    trainings = in_folds(recipe_from_json(row.recipe), folds)
    return InFolds(
        keys=tuple(one.key for one in trainings),
        donors=tuple(one.initial.donor.key for one in trainings if one.initial is not None),
        values=fold_values(objective, row.curve or []),
    )


def _visits(row: PointRow) -> int:
    if row.recipe is None:
        return 0
    return recipe_from_json({**row.recipe, "initial": None}).patch_visits(row.epochs or 0)  # its donor's do not count


def _donor_of(row: PointRow) -> tuple[str, int] | None:
    start = (row.recipe or {}).get("initial")
    return None if start is None else (_key_of(json.dumps(start["donor"])), start["epoch"])


@lru_cache
def _key_of(recipe: str) -> str:
    """A donor's key; a stage 2 of ten thousand trials has a single donor."""
    return recipe_from_json(json.loads(recipe)).key
