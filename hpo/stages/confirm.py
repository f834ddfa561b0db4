"""The confirmation: before and after, trained with the same seeds, and then the test split, once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hpo.config.study import StudyFile
from hpo.evaluation.objective import Objective, final_objective_of
from hpo.recipe.folds import FOLD_ROLES
from hpo.recipe.key import digest
from hpo.recipe.point import apply_point
from hpo.recipe.recipe import Recipe, recipe_from_json, reseeded
from hpo.stages.explore import abandoned_reason
from hpo.stages.folds import fold_points
from hpo.stages.plan import planned, template_recipe, with_donor
from hpo.storage.decided import Abandoned, Choice, ConfirmPlan, ConfirmResult, FrozenRun
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow


def confirm_points(
    study: StudyFile, architecture: str, data_digest: str, choice: Choice, folds: Sequence[str] = ()
) -> tuple[ConfirmPlan, list[DesignPoint]]:
    """The trainings of the comparison.

    Args:
        study: supplies the epochs, the seeds, and whether there is a cold-start control.
        architecture: its name.
        data_digest: of the training and validation patches.
        choice: stage 2's.
        folds: addresses of the folds, if the study compares over any.

    Returns:
        The plan, and for each seed ``before`` (the reference point), ``after`` (the choice) and, if the
        choice is warm-started, ``cold_control`` (the choice from random weights), all of the same epochs; and with
        ``confirm.equal_training`` also ``equal``, the reference for as many patch-visits as ``after`` and its donors.
        With folds also ``fold_before`` (the tuned model's opponent) and ``fold_after`` in every fold.
    """
    tuned = choice.recipe
    before = {**study.space_of(architecture).reference, "epochs": study.confirm.epochs}
    after = {**choice.point, "epochs": study.confirm.epochs}
    reference = template_recipe(study, architecture, data_digest, 0)
    roles = [("before", reference, before)]
    if study.confirm.equal_training:
        epochs = equal_epochs(reference, apply_point(tuned, after)[0], study.confirm.epochs)
        roles.append(("equal", reference, {**before, "epochs": epochs}))
    roles.append(("after", tuned, after))
    if study.confirm.cold_control and tuned.initial is not None:
        cold = {"warm_start": "cold"} if "warm_start" in after else {}
        roles.append(("cold_control", replace(tuned, initial=None), {**after, **cold}))
    points = [
        _run(reseeded(recipe, seed), point, role, seed) for seed in study.confirm.seeds for role, recipe, point in roles
    ]
    opponent = roles[1 if study.confirm.equal_training else 0]
    points += fold_points(study, folds, (opponent[1], opponent[2]), (tuned, after))
    return ConfirmPlan(choice, study.confirm.epochs), points


def equal_epochs(reference: Recipe, tuned: Recipe, epochs: int) -> int:
    """Epochs in which the reference sees as many patches as a tuned training and its donors, rounded up."""
    return max(1, math.ceil(tuned.lineage_patch_visits(epochs) / reference.patch_visits(1)))


def _run(recipe: Recipe, point: dict[str, Any], role: str, seed: int) -> DesignPoint:
    return with_donor(planned(recipe, point, key=f"{role}:{seed}", label={"role": role, "seed": seed}))


def confirm_result(study: StudyFile, rows: Sequence[PointRow]) -> ConfirmResult | Abandoned:
    """The frozen configuration: the recipes and epochs that the test split will be opened for.

    Returns:
        The runs with their digest, and which ``after`` run is to be exported (the best by validation); or the reason,
        where one of the compared sides has no successful run.
    """
    objective, symmetries = final_objective_of(study), study.confirm.symmetries
    complete = sorted((row for row in rows if row.state == "complete"), key=lambda row: _place(study, row))
    runs = tuple(_frozen(objective, row) for row in complete)
    after = [run for run in runs if run.role == "after"]
    for role in ("before", "equal", "after") if study.confirm.equal_training else ("before", "after"):
        if all(run.role != role for run in runs):
            return Abandoned(f"{role}: {abandoned_reason([row for row in rows if row.label['role'] == role])}")
    named: list[Any] = [[run.role, run.seed, run.recipe_key, run.epoch] for run in runs]
    configuration = digest([*named, "symmetries"] if symmetries else named)
    export = max(after, key=lambda run: objective.gain(run.objective))
    return ConfirmResult(runs, configuration, export.seed, symmetries)


_ROLES = ("before", "equal", "after", "cold_control", *FOLD_ROLES)


def _place(study: StudyFile, row: PointRow) -> tuple[int, int, int]:
    """Where a run stands in the comparison, whenever it was planned."""
    seeds = study.confirm.seeds
    seed = row.label["seed"]
    if "fold" in row.label:  # after all others, fold by fold
        return len(seeds) + 1 + row.label["fold"], seed, _ROLES.index(row.label["role"])
    return seeds.index(seed) if seed in seeds else len(seeds), 0, _ROLES.index(row.label["role"])


def opening_point(confirmed: ConfirmResult) -> DesignPoint:
    """The point that opens the test split for a frozen configuration."""
    return DesignPoint(key=confirmed.configuration, label={"role": "test"})


def _frozen(objective: Objective, row: PointRow) -> FrozenRun:
    if row.recipe is None or row.recipe_key is None or row.objective is None:
        raise ValueError(f"design point {row.id} is complete but has no recipe or objective")
    return FrozenRun(
        role=row.label["role"],
        seed=row.label["seed"],
        recipe=recipe_from_json(row.recipe),
        recipe_key=row.recipe_key,
        epoch=objective.speaking_epoch(row.curve or []),
        objective=row.objective,
    )
