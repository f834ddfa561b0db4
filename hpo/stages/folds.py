"""Folds: their addresses, and the trainings of a comparison over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from hpo.config.stage import Stage
from hpo.config.study import StudyFile
from hpo.config.yaml_file import displayed
from hpo.data.dataset import Dataset
from hpo.data.folds import fold_data
from hpo.errors import ConfigError
from hpo.recipe.folds import earlier_fold_digest, fold_seed, on_data
from hpo.recipe.recipe import Recipe, reseeded
from hpo.stages.plan import planned, with_donor
from hpo.storage.aside import all_points
from hpo.storage.database import Database
from hpo.storage.decided import Stage2Plan, folds_of
from hpo.storage.decisions import load_stages
from hpo.storage.points import DesignPoint, stage_points
from hpo.storage.stage_json import claimed_plan, plan_of
from hpo.storage.tables import StageRow

FoldAddresses = Mapping[int, tuple[str, ...]]
"""What recipes hold of the data of each fold, by how many folds there are."""


def fold_addresses(study: StudyFile, dataset: Dataset) -> dict[int, tuple[str, ...]]:
    """The addresses of all folds that a study asks for.

    Raises:
        DataError: as `fold_data`.
    """
    asked = {folds for folds in (study.stage2.folds, study.confirm.folds) if folds is not None}
    return {folds: tuple(fold.digest for fold in fold_data(dataset, folds)) for folds in asked}


def folds_to_plan(
    session: Session,
    study: StudyFile,
    data_digest: str,
    folds: FoldAddresses,
    following: Stage,
    closed: StageRow,
    later: StageRow | None,
) -> tuple[str, ...]:
    """The addresses of the folds in which a stage trains; none if it has no folds.

    Args:
        session: reads what has been planned so far.
        study: says how many there are.
        data_digest: of the training and validation patches of the study's own split.
        folds: addresses by their number.
        following: the stage that is planned.
        closed: the stage before it.
        later: the stage itself, where it was opened before: a confirmation that an earlier version planned keeps its
            addresses.
    """
    if following == "stage2":
        return folds[study.stage2.folds] if study.stage2.folds is not None else ()
    if following == "recheck":
        return plan_of(closed, Stage2Plan).folds
    number = study.confirm.folds
    if following != "confirm" or number is None:
        return ()
    earlier = _earlier(data_digest, number)
    rows = [] if later is None else all_points(session, later.name)
    return earlier if any((row.recipe or {}).get("data") in earlier for row in rows) else folds[number]


def fold_points(
    study: StudyFile,
    addresses: Sequence[str],
    before: tuple[Recipe, dict[str, Any]],
    after: tuple[Recipe, dict[str, Any]],
) -> list[DesignPoint]:
    """The trainings of both sides in every fold; none if the study has no folds.

    Args:
        study: supplies the trainings in each.
        addresses: of the folds.
        before: recipe and point of the tuned model's opponent.
        after: those of the tuned configuration.
    """
    points = []
    for number, data in enumerate(addresses):
        for seed in range(study.confirm.fold_seeds):
            own = fold_seed(seed, number)
            for role, (recipe, point) in (("fold_before", before), ("fold_after", after)):
                label = {"role": role, "seed": own, "fold": number, "folds": len(addresses)}
                made = planned(on_data(reseeded(recipe, own), data), point, key=f"{role}:{own}", label=label)
                points.append(with_donor(made))
    return points


def check_planned_folds(database: Database, study: StudyFile, data_digest: str, folds: FoldAddresses) -> None:
    """Refuse folds of another table of slides than the one that they were planned from.

    Args:
        database: the study database.
        study: the study file.
        data_digest: of the training and validation patches of the study's own split.
        folds: addresses of the folds that the data now give.

    Raises:
        ConfigError: if the planned ones have other patches; those of studies that an earlier version planned pass.
    """
    with database.transaction() as session:
        stages = load_stages(session, study.name).values()
        searched = {data for stage in stages for data in folds_of(claimed_plan(stage))}
        compared = {
            row.recipe["data"]
            for stage in stages
            if stage.stage == "confirm"
            for row in stage_points(session, stage.name)
            if row.recipe is not None and row.label.get("folds", 0) == study.confirm.folds
        }
    now = {data for addresses in folds.values() for data in addresses}
    earlier = {data for number in folds for data in _earlier(data_digest, number)}
    if not (searched <= now and compared <= now | earlier):
        raise ConfigError(
            study.file,
            f"study {study.name!r} has planned its folds, and since then the slides in a _meta.csv of "
            f"{study.data.folder} have changed, and with them the folds; set the table back, or start a study with the "
            f"new one beside this one: hpo copy {displayed(study.file)} NEW",
            key="stage2.folds" if not searched <= now else "confirm.folds",
        )


def _earlier(data_digest: str, folds: int) -> tuple[str, ...]:
    return tuple(earlier_fold_digest(data_digest, folds, number) for number in range(folds))
