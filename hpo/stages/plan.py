"""Planning: from a study file to design points in the database, each planned once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpo.config.study import StudyFile
from hpo.data.description import CLASSES, read_description
from hpo.data.form import form_of_data
from hpo.evaluation.objective import objective_of
from hpo.recipe.architecture import architecture_to_json
from hpo.recipe.form import Form
from hpo.recipe.key import canonical
from hpo.recipe.point import Point, apply_point, point_key
from hpo.recipe.recipe import KEY_FORMAT, Recipe, recipe_from_json, recipe_to_json
from hpo.search.designs import grid, one_factor
from hpo.search.limits import excesses
from hpo.search.spaces import spaces_to_json, whole_factor
from hpo.stages.edits import compare_plans
from hpo.stages.learned import check_learn_from
from hpo.storage.database import Database
from hpo.storage.decided import Stage1Plan
from hpo.storage.decisions import load_stages, open_stage, open_study
from hpo.storage.plans import keep_plan, present_settings
from hpo.storage.points import DesignPoint
from hpo.storage.tables import StudyRow

_ADDED_LATER: dict[str, dict[str, Any]] = {
    "stage2": {
        "recheck": None,
        "within": "ranges",
        "rungs": None,
        "stop": None,
        "learn_from": [],
        "other_shapes": "refuse",
        "folds": None,
    },
    "confirm": {"equal_training": False, "symmetries": False, "patience": None, "folds": None, "fold_seeds": 1},
}
"""Settings that studies of earlier databases did not have, with what they did: recorded only where they differ."""


def form_of(study: StudyFile) -> Form:
    """Classes and channels of a study's data, or of the sample that it will draw.

    Raises:
        DataError: if the description or the patches' file is damaged.
    """
    sample = study.data.sample
    return form_of_data(study.data.folder, None if sample is None else sample.classes)


def template_recipe(study: StudyFile, architecture: str, data_digest: str, seed: int) -> Recipe:
    """The template of all recipes: that of the reference point, but for factors that have a condition.

    They are left as if the search space did not name them: a point says them where they apply.
    """
    template = Recipe(
        data=data_digest,
        patches=int(study.space.factors["patches"].reference),
        architecture=study.architecture_specs[architecture],
        strategy=study.space.strategy,
        seed=seed,
        arithmetic=study.arithmetic.of_recipe,
        balance=study.data.balance,
        augment=study.augment_spec,
        own_loss=study.loss_spec,
        form=form_of(study),
    )
    space = study.space_of(architecture)
    always = {name: value for name, value in space.reference_values.items() if name not in space.conditions}
    return apply_point(template, always)[0]


def reference_recipe(study: StudyFile, architecture: str, data_digest: str, seed: int) -> Recipe:
    """The recipe of the reference point, factors that apply there included."""
    template = template_recipe(study, architecture, data_digest, seed)
    return apply_point(template, study.space_of(architecture).reference)[0]


def stage1_points(study: StudyFile, architecture: str) -> Sequence[Point]:
    """The design points of an architecture's stage 1, of the factors that it has; the reference point first.

    Points whose networks are over a limit are left out.

    Raises:
        TrainingError: if a size is limited and a function does not make a network.
    """
    points = designed_points(study, architecture)
    return points if not study.limits.is_set else [point for point, over in judged(study, architecture) if not over]


def designed_points(study: StudyFile, architecture: str) -> Sequence[Point]:
    """The points that stage 1's design asks for, whatever the limits are; the reference point first."""
    space = study.space_of(architecture)
    levels = {name: space.factors[name].levels for name in study.stage1.factors if name in space.factors}
    design = one_factor if study.stage1.design == "one_factor" else grid
    return design(space.reference_values, levels, space.conditions)


def judged(study: StudyFile, architecture: str) -> list[tuple[Point, str]]:
    """The points that stage 1's design asks for, each with the limit that its network exceeds, in words, or nothing."""
    template = template_recipe(study, architecture, "", study.stage1.seed)
    points = designed_points(study, architecture)
    recipes = [apply_point(template, point)[0] for point in points]
    return list(zip(points, excesses(study, recipes), strict=True))


def planned(
    template: Recipe, point: Point, *, key: str | None = None, label: dict[str, Any] | None = None
) -> DesignPoint:
    """A design point ready for the queue.

    Args:
        template: supplies what the point does not set.
        point: the values, ``epochs`` among them.
        key: unique within its stage; the point's own key by default.
        label: its name in the report.
    """
    recipe, epochs = apply_point(template, point)
    return DesignPoint(
        key=key or point_key(point),
        label=label or {},
        point=dict(point),
        recipe=recipe_to_json(recipe),
        recipe_key=recipe.key,
        epochs=epochs,
    )


def with_donor(point: DesignPoint) -> DesignPoint:
    """The point of a repetition, with the donor that may have to be trained for it."""
    start = recipe_from_json(point.recipe or {}).initial
    return point if start is None else replace(point, donor_key=start.donor.key)


def open_first_stage(database: Database, study: StudyFile, data_digest: str) -> None:
    """Plan stage 1 of every architecture; safe to repeat and to run in many processes at once.

    Raises:
        ConfigError: if it would learn from a study that the database does not hold.
        PlanChangedError: if the study holds another plan by now; see `hpo.stages.replan`.
    """
    settings = determining_settings(study, data_digest)
    classes = read_description(study.data.folder).classes
    named = () if classes == CLASSES else classes  # for a report that is made without the data
    with database.transaction() as session:
        check_learn_from(session, study)
        open_study(session, study.name, settings)
        keep_plan(session, study.name, settings)
        opened = {architecture for stage, architecture in load_stages(session, study.name) if stage == "stage1"}
        for architecture in [name for name in study.architecture_specs if name not in opened]:
            template = template_recipe(study, architecture, data_digest, study.stage1.seed)
            space = study.space_of(architecture)
            spaces = {name: whole_factor(name, factor) for name, factor in space.factors.items()}
            open_stage(
                session,
                study.name,
                "stage1",
                architecture,
                plan=Stage1Plan(space.reference, spaces_to_json(spaces), named),
                points=[planned(template, point) for point in stage1_points(study, architecture)],
                directions={objective_of(study).metric: objective_of(study).direction},
            )


def recorded_settings(database: Database, name: str) -> dict[str, Any] | None:
    """The settings that a study was planned from; None if it has not started."""
    with database.transaction() as session:
        row = session.get(StudyRow, name)
        return None if row is None else present_settings(row.settings)


def changed_settings(study: StudyFile, recorded: Mapping[str, Any]) -> list[str]:
    """Differences of a study file from the plan, a line each; the data are not compared."""
    given = determining_settings(study, recorded["data"])
    return [str(change) for change in compare_plans(study, recorded, given, ())]


def determining_settings(study: StudyFile, data_digest: str) -> dict[str, Any]:
    """The part of a study file that determines its design points: everything but paths, workers and dashboard."""
    chosen = study.model_dump(mode="json", include={"objective", "stage1", "stage2", "confirm", "arithmetic"})
    chosen["objective"]["metric"] = study.objective_metric
    if not study.stage2.is_rechecked:
        chosen["stage2"]["recheck"] = None
    for section, added in _ADDED_LATER.items():
        for name, usual in added.items():
            if chosen[section][name] == usual:
                del chosen[section][name]
    chosen["key_format"] = KEY_FORMAT
    chosen["data"] = data_digest
    chosen["valid_patches"] = study.data.valid_patches
    if study.objectives and study.choose is not None:
        chosen["objectives"] = list(study.objectives)
        chosen["choose"] = study.choose.model_dump(mode="json", exclude_defaults=True)
    if study.limits.is_set:
        chosen["limits"] = study.limits.model_dump(mode="json", exclude_none=True)
    if study.data.balance != "equal":  # studies from before there was a choice stay as they were
        chosen["balance"] = study.data.balance
    chosen |= {key: architecture_to_json(spec) for key, spec in study.function_specs.items()}
    chosen["search_space"] = study.space.model_dump(mode="json")
    chosen["search_space"]["strategies"] = study.space.strategies.recorded()
    for factor in chosen["search_space"]["factors"].values():
        if factor["prior"] is None:  # recorded only where there is one, as of what was added later
            del factor["prior"]
        if factor["only_if"] is None:
            del factor["only_if"]
    chosen["architectures"] = {name: architecture_to_json(spec) for name, spec in study.architecture_specs.items()}
    settings: dict[str, Any] = canonical(chosen)
    return settings
