"""Fills a report's values from the study database and the prediction store; TensorFlow and the data are not needed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import Any, cast

from hpo.config.ranges import ChoiceRange, load_ranges
from hpo.config.study import StudyFile
from hpo.config.versions import versions
from hpo.data.dataset import Dataset
from hpo.data.description import CLASSES
from hpo.evaluation.objective import Objective, objective_of
from hpo.recipe.recipe import recipe_from_json
from hpo.recipe.schedule import STRATEGIES, Strategy
from hpo.results.read_patches import describe_data, find_mistakes
from hpo.results.records import (
    Candidate,
    ComputeEntry,
    ComputeRole,
    Confirmation,
    Donor,
    FactorRange,
    Fault,
    FreshTraining,
    StageName,
    TestOpening,
    TrialResult,
)
from hpo.results.settings import FactorSettings, StudySettings
from hpo.results.study import StudyResults
from hpo.stages.steps import longest_rows
from hpo.storage.database import Database
from hpo.storage.decided import (
    ConfirmResult,
    RecheckPlan,
    RecheckResult,
    Stage1Plan,
    Stage1Result,
    Stage2Plan,
    abandoned,
    plan_of,
    result_of,
)
from hpo.storage.decisions import load_stages
from hpo.storage.files import Files
from hpo.storage.ledger import Compute, compute_by_epoch, list_test_openings, trained_epochs
from hpo.storage.optuna_bridge import trial_numbers
from hpo.storage.points import stage_points
from hpo.storage.predictions import PredictionStore
from hpo.storage.tables import PointRow, StageRow
from hpo.storage.workers import worker_spans

_FINAL_ROLES: tuple[ComputeRole, ...] = ("before", "equal", "after", "cold_control")
_WITH_DONORS: tuple[ComputeRole, ...] = ("recheck", "after")

Stages = Mapping[tuple[str, str], StageRow]
Rows = Mapping[tuple[str, str], Sequence[PointRow]]


def read_results(database: Database, study: StudyFile, dataset: Dataset | None = None) -> StudyResults:
    """Everything a report draws from, as far as the study has come.

    Args:
        database: the study database.
        study: the study file.
        dataset: what the data section describes; None leaves it out.

    Raises:
        StorageError: if stored test predictions are damaged.
    """
    with database.transaction() as session:
        stages = load_stages(session, study.name)
        rows = {key: stage_points(session, stage.name) for key, stage in stages.items()}
        epochs = trained_epochs(session, study.name)
        workers = worker_spans(session, study.name)
        openings = list_test_openings(session, study.name)
    store = PredictionStore(Files(study.checkpoints))
    tested = [
        stage for (name, _), stage in stages.items() if name == "test" and stage.closed_at and abandoned(stage) is None
    ]
    labels, slides, valid_labels = None, None, None
    if tested:
        configuration = plan_of(tested[0], ConfirmResult).configuration
        labels, slides = store.load_truth(configuration)
        valid_labels, _ = store.load_truth(configuration, "valid")
    results = StudyResults(
        settings=_settings(study),
        trials=tuple(_trials(database, study, stages, rows)),
        confirmations=tuple(_confirmations(store, stages, rows)),
        candidates=tuple(_candidates(stages, rows)),
        test_labels=labels,
        test_slides=slides,
        valid_labels=valid_labels,
        test_openings=tuple(
            TestOpening(row.architecture, row.opened_at, row.owner, row.configuration, row.test_digest)
            for row in openings
        ),
        compute=tuple(_compute(study, rows, compute_by_epoch(epochs))),
        donors=tuple(_donors(study, stages)),
        ranges=tuple(_ranges(study, stages)),
        data=None if dataset is None else describe_data(study, dataset),
        versions=versions(),
        epochs=tuple(epochs),
        workers=tuple(workers),
        faults=tuple(_faults(rows)),
        classes=_classes(stages) if dataset is None else dataset.classes,
    )
    return results if dataset is None else replace(results, mistakes=find_mistakes(results, dataset.test))


def _classes(stages: Stages) -> tuple[str, ...]:
    """The names that stage 1 was planned with: what remains where the data is not at hand."""
    recorded = (plan_of(stage, Stage1Plan).classes for (name, _), stage in stages.items() if name == "stage1")
    return next((classes for classes in recorded if classes), CLASSES)


def _settings(study: StudyFile) -> StudySettings:
    strategy = study.space.strategy
    return StudySettings(
        name=study.name,
        architectures=tuple(study.architecture_specs),
        objective=objective_of(study),
        factors={
            name: FactorSettings(name, factor.reference, tuple(factor.levels), factor.scale)
            for name, factor in study.space.factors.items()
        },
        stage1_design=study.stage1.design,
        stage1_factors=study.stage1.factors,
        stage2_design=study.stage2.design,
        stage2_within=study.stage2.within,
        stage2_factors=study.stage2.factors,
        stage2_epochs=study.stage2.epochs,
        warm_start=study.stage2.warm_start,
        batch_normalization=study.stage2.batch_normalization,
        confirm_epochs=study.confirm.epochs,
        confirm_seeds=study.confirm.seeds,
        equal_training=study.confirm.equal_training,
        rechecked=study.stage2.recheck.top if study.stage2.recheck is not None else 0,
        arithmetic=study.arithmetic.of_recipe,
        balance=study.data.balance,
        strategies=tuple(
            Strategy(name, strategy.decay, strategy.factor, strategy.every, strategy.rate) for name in STRATEGIES
        ),
    )


def _trials(database: Database, study: StudyFile, stages: Stages, rows: Rows) -> Iterator[TrialResult]:
    objective = objective_of(study)
    for (name, architecture), points in rows.items():
        if name not in ("stage1", "stage2"):
            continue
        numbers = trial_numbers(database, stages[name, architecture].name)
        for position, row in enumerate(_counted(study, name, points)):
            curve = row.curve or []
            yield TrialResult(
                stage=cast(StageName, name),
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
            )


def _paused_at(row: PointRow, points: Sequence[PointRow]) -> tuple[int, ...]:
    """The rungs behind a step that went on from another."""
    if row.state != "complete" or "from" not in row.label:
        return ()
    before = {one.epochs or 0 for one in points if one.recipe_key == row.recipe_key and one.state == "complete"}
    return tuple(sorted(epochs for epochs in before if epochs < (row.epochs or 0)))


def _counted(study: StudyFile, stage: str, rows: Sequence[PointRow]) -> list[PointRow]:
    """The points that a report counts: of a training that went on from rung to rung, the last that is complete."""
    if stage != "stage2" or not study.stage2.is_pool:
        return list(rows)
    longest = {row.id for row in longest_rows(rows)}
    return [row for row in rows if row.state != "complete" or row.id in longest]


def _metrics(objective: Objective, row: PointRow) -> dict[str, float]:
    """Those of the epoch that speaks; the objective's own metric is what the trial was judged by."""
    if not row.curve:
        return {}
    judged = {} if row.objective is None else {objective.column: row.objective}
    return {**row.curve[objective.speaking_epoch(row.curve) - 1], **judged}


def _confirmations(store: PredictionStore, stages: Stages, rows: Rows) -> Iterator[Confirmation]:
    for (name, architecture), points in rows.items():
        if name != "confirm":
            continue
        test = stages.get(("test", architecture))
        frozen = None
        if test is not None and test.closed_at is not None and abandoned(test) is None:
            frozen = plan_of(test, ConfirmResult)
        for row in points:
            role, seed = row.label["role"], row.label["seed"]
            configuration = frozen.configuration if frozen is not None and (role, seed) in frozen.addresses else None
            yield Confirmation(
                architecture=architecture,
                role=role,
                seed=seed,
                point=row.point or {},
                epochs=row.epochs or 0,
                curve=row.curve or [],
                test_probabilities=store.load(configuration, role, seed) if configuration else None,
                valid_probabilities=store.load(configuration, role, seed, "valid") if configuration else None,
                recipe_key=row.recipe_key or "",
                donor=_donor_of(row),
                objective=row.objective if row.state == "complete" else None,
            )


def _candidates(stages: Stages, rows: Rows) -> Iterator[Candidate]:
    for (name, architecture), stage in stages.items():
        if name != "recheck":
            continue
        result = result_of(stage, RecheckResult)
        chosen = None if result is None else result.candidate
        for number, one in enumerate(plan_of(stage, RecheckPlan).candidates):
            trained = [row for row in rows[name, architecture] if row.label["candidate"] == number]
            fresh = tuple(
                FreshTraining(
                    seed=row.label["seed"],
                    epochs=row.epochs or 0,
                    recipe_key=row.recipe_key or "",
                    donor=_donor_of(row),
                    curve=row.curve or [],
                    objective=row.objective if row.state == "complete" else None,
                )
                for row in trained
            )
            yield Candidate(
                architecture, number + 1, one.point, one.recipe_key, one.objective, fresh, is_chosen=chosen == number
            )


def _donor_of(row: PointRow) -> tuple[str, int] | None:
    start = (row.recipe or {}).get("initial")
    return None if start is None else (_key_of(json.dumps(start["donor"])), start["epoch"])


@lru_cache
def _key_of(recipe: str) -> str:
    """A donor's key; a stage 2 of ten thousand trials has a single donor."""
    return recipe_from_json(json.loads(recipe)).key


def _faults(rows: Rows) -> Iterator[Fault]:
    """Attempts that ended badly, in their order."""
    found = [
        Fault(stage, architecture, fault["owner"], fault["attempt"], fault["at"], fault["reason"])
        for (stage, architecture), points in rows.items()
        for row in points
        for fault in row.faults
    ]
    yield from sorted(found, key=lambda fault: fault.at)


def _compute(study: StudyFile, rows: Rows, spent: Mapping[tuple[str, int], Compute]) -> Iterator[ComputeEntry]:
    """What each part cost; an epoch that several parts share counts once, and for the reference if it needs it."""
    for architecture in study.architecture_specs:
        counted: set[tuple[str, int]] = set()
        confirmed = rows.get(("confirm", architecture), ())
        of_role = {role: [row for row in confirmed if row.label["role"] == role] for role in _FINAL_ROLES}
        # The reference would be trained in any case: what it shares with the search is its own.
        parts: list[tuple[ComputeRole, list[PointRow]]] = [
            ("before", of_role["before"]),
            ("equal", of_role["equal"]),
            ("stage1", list(rows.get(("stage1", architecture), ()))),
            ("stage2", _counted(study, "stage2", rows.get(("stage2", architecture), ()))),
            ("recheck", list(rows.get(("recheck", architecture), ()))),
            ("after", of_role["after"]),
            ("cold_control", of_role["cold_control"]),
        ]
        for role, points in parts:
            trainings = [
                training
                for row in points
                if row.recipe is not None
                for training in islice(
                    recipe_from_json(row.recipe).lineage(row.epochs or 0), None if role in _WITH_DONORS else 1
                )
            ]
            needed = {(recipe.key, epoch) for recipe, epochs in trainings for epoch in range(1, epochs + 1)} - counted
            counted |= needed
            if points:
                yield ComputeEntry(
                    architecture=architecture,
                    role=role,
                    spent=sum((spent[epoch] for epoch in needed if epoch in spent), Compute()),
                    unshared_patch_visits=sum(recipe.patch_visits(epochs) for recipe, epochs in trainings),
                )


def _donors(study: StudyFile, stages: Stages) -> Iterator[Donor]:
    for (name, architecture), stage in stages.items():
        if name != "stage2" or study.stage2.warm_start == "cold":
            continue
        donor = plan_of(stage, Stage2Plan).donor
        yield Donor(
            architecture=architecture,
            point=donor.point,
            epoch=donor.epoch,
            recipe_key=donor.recipe_key,
            objective=donor.objective,
            patch_visits=donor.recipe.patch_visits(donor.epoch),
        )


def _ranges(study: StudyFile, stages: Stages) -> Iterator[FactorRange]:
    """The ranges in force: those stage 2 opened with, or else those of the file, or else stage 1's own."""
    by_hand = load_ranges(study.ranges_path, study) if study.ranges_path.exists() else {}
    for (name, architecture), stage in stages.items():
        result = result_of(stage, Stage1Result) if name == "stage1" else None
        if result is None:
            continue
        written = result.ranges
        stage2 = stages.get(("stage2", architecture))
        in_force = by_hand.get(architecture, written)
        if stage2 is not None:
            in_force = plan_of(stage2, Stage2Plan).ranges
        for factor, limits in in_force.items():
            yield FactorRange(
                architecture=architecture,
                factor=factor,
                low=None if isinstance(limits, ChoiceRange) else limits.low,
                high=None if isinstance(limits, ChoiceRange) else limits.high,
                values=tuple(limits.choices) if isinstance(limits, ChoiceRange) else (),
                best=limits.best,
                edited=limits != written.get(factor),
            )
