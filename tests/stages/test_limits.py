"""Limits: networks beyond them are left out before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.recipe.recipe import recipe_from_json
from hpo.search.limits import is_within, network_sizes
from hpo.stages.estimate import estimate
from hpo.stages.limits import check_limits, left_out
from hpo.stages.plan import designed_points, determining_settings, planned, stage1_points, template_recipe
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from hpo.storage.decided import Stage2Plan
from hpo.storage.outcomes import settle_point
from hpo.storage.stage_json import plan_of
from hpo.worker.sampling import sampled_point
from tests.config.samples import refusal
from tests.stages.story import DATA, SPACE, Story, load, write

OWN = {**SPACE, "filters": {"reference": 4, "levels": [2, 4, 8, 16]}, "dense": {"reference": 8, "levels": [4, 8, 32]}}
ONE = [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}]
REFERENCE = (27 * 4 + 4) + (8 * 8 * 4 * 8 + 8) + 9
"""Parameters of the network above on 16 x 16 patches: 2,177."""


def limited(folder: Path, **changes: Any) -> StudyFile:
    usual: dict[str, Any] = {
        "architectures": ONE,
        "limits": {"parameters": 5000},
        "stage1": {"factors": ["filters", "dense", "learning_rate"]},
        "stage2": {"factors": ["filters", "dense", "learning_rate"], "warm_start": "cold", "trials": 8},
    }
    return load(folder, space=OWN, **{**usual, **changes})


def test_points_over_a_limit_are_neither_planned_nor_counted_and_plan_says_which(tmp_path: Path) -> None:
    study = limited(tmp_path)
    assert network_sizes(study, [template_recipe(study, "tiny", DATA, 0)])[0].parameters == REFERENCE
    assert len(designed_points(study, "tiny")) == 8
    points = stage1_points(study, "tiny")
    assert {point["filters"] for point in points} == {2, 4, 8}
    assert {point["dense"] for point in points} == {4, 8}
    assert estimate(study)[0].points == len(points) == 6
    (line,) = left_out(study)
    assert line == (
        "limits (at most 5,000 parameters) leave out 2 of 8 points of stage 1 of tiny: filters 16 (8,657 parameters); "
        "dense 32 (8,369 parameters)"
    )


def test_without_limits_nothing_changes(tmp_path: Path) -> None:
    study = limited(tmp_path, limits={})
    assert list(stage1_points(study, "tiny")) == list(designed_points(study, "tiny"))
    assert "limits" not in determining_settings(study, DATA)
    assert left_out(study) == []
    check_limits(study)


@pytest.mark.parametrize("design", ["random", "tpe", "qmc"])
def test_no_training_of_a_study_is_over_a_limit(sqlite: Database, tmp_path: Path, design: str) -> None:
    study = limited(
        tmp_path,
        limits={"parameters": 2600, "model_mb": 0.0095},
        stage2={
            "design": design,
            "within": "space",
            "factors": ["filters", "dense"],
            "trials": 12,
            "warm_start": "cold",
        },
    )
    story = Story(study, sqlite)
    story.run("stage1")
    story.advance()
    plan = plan_of(story.stages()["stage2", "tiny"], Stage2Plan)
    found = []
    while claims := sqlite.run(claim_points, study.name, "a", 3600):
        for claim in claims:
            if claim.planned.point is None:
                assert claim.trial_id is not None
                point = sampled_point(study, sqlite, claim, plan, 7, claim.trial_id)
                assert sampled_point(study, sqlite, claim, plan, 7, claim.trial_id) == point
                found.append((point["filters"], point["dense"]))
                made = planned(plan.template, point)
                settled = replace(
                    claim.planned, point=point, recipe=made.recipe, recipe_key=made.recipe_key, epochs=made.epochs
                )
                assert sqlite.run(settle_point, claim, settled)
                claim = replace(claim, planned=settled)
            story.finish([claim])
    assert len(found) >= 8
    parameters = [28 * filters + 64 * filters * dense + dense + dense + 1 for filters, dense in found]
    assert max(parameters) <= 9500 / 4
    rows = [row for row in story.points("stage2") if row.recipe is not None]
    assert all(is_within(study, recipe_from_json(row.recipe or {})) for row in rows)


def test_trainings_that_pause_keep_within_a_limit_that_forbids_nearly_all_of_the_space(
    sqlite: Database, tmp_path: Path
) -> None:
    study = limited(
        tmp_path,
        limits={"parameters": 2200},
        stage2={
            "design": "asha",
            "within": "space",
            "factors": ["filters", "dense"],
            "trials": 6,
            "epochs": 4,
            "warm_start": "cold",
        },
    )
    story = Story(study, sqlite)
    story.run("stage2")
    rows = story.points("stage2")
    opened = {row.recipe_key for row in rows if "slot" in row.label}
    assert len(opened) >= 6
    assert all(is_within(study, recipe_from_json(row.recipe or {})) for row in rows)


def test_levels_that_are_too_much_together_give_way_to_the_best_trial(sqlite: Database, tmp_path: Path) -> None:
    dense = {**OWN, "dense": {"reference": 8, "levels": [4, 8, 16]}}
    study = load(
        tmp_path,
        space=dense,
        architectures=ONE,
        limits={"parameters": 5000},
        stage1={"factors": ["filters", "dense"]},
        stage2={"factors": ["learning_rate"], "warm_start": "cold", "trials": 3},
    )
    story = Story(study, sqlite, quality={"tiny": lambda point: int(point["filters"]) + 2.0 * int(point["dense"])})
    story.run("stage1")
    story.advance()
    plan = plan_of(story.stages()["stage2", "tiny"], Stage2Plan)
    assert (plan.fixed["filters"], plan.fixed["dense"]) == (4, 16)
    assert is_within(study, plan.template)


def test_a_limit_that_no_point_meets_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check_limits(limited(tmp_path, limits={"parameters": 100}))
    assert str(caught.value) == (
        f"{tmp_path / 'study.yaml'}: limits: at most 100 parameters: no point of stage 1 of tiny meets it; the "
        "smallest network has 1,097 parameters (0.00439 MB); raise the limit, or leave tiny out of architectures"
    )


def test_a_reference_over_a_limit_is_one_line_that_names_the_factors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"limits: at most 0.006 MB: the reference point of tiny has 0.00871 MB"):
        check_limits(limited(tmp_path, limits={"model_mb": 0.006}))
    with pytest.raises(ConfigError, match=r"lower the reference of dense, filters in space.yaml, or raise the limit"):
        check_limits(limited(tmp_path, limits={"parameters": 1500}))


def test_batch_normalization_that_stage_2_inserts_counts(tmp_path: Path) -> None:
    inserted = {"batch_normalization": True, "factors": ["learning_rate"]}
    with pytest.raises(ConfigError, match=r"stage2.batch_normalization: with it tiny has 2,185 parameters"):
        check_limits(limited(tmp_path, limits={"parameters": REFERENCE}, stage2=inserted))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"auc": 0.9}, "limits.auc: is known only once a network has been trained"),
        ({"latency_ms": 3}, "limits.latency_ms: is measured once a network has been trained"),
        ({"patch_visits": 3}, "limits.patch_visits: is the cost of a training"),
        ({"parameter": 3}, "limits.parameter: unknown key; did you mean 'parameters'?"),
        ({"parameters": 0}, "limits.parameters: must be at least 1"),
        ({"model_mb": "much"}, "limits.model_mb: must be a number"),
        ({"parameters": None}, "limits: limits nothing"),
    ],
)
def test_a_quantity_that_is_no_limit_is_one_line(tmp_path: Path, limits: dict[str, Any], said: str) -> None:
    from hpo.config.load import load_study

    file = write(tmp_path, space=OWN, architectures=ONE, limits=limits)
    (found,) = refusal(load_study, file)
    assert said in found


def test_an_edited_limit_decides_stage_1_again(sqlite: Database, tmp_path: Path) -> None:
    from hpo.stages.replan import accept_plan

    story = Story(limited(tmp_path, limits={}), sqlite)
    story.run("stage1")
    assert len(story.points("stage1")) == 8
    edited = limited(tmp_path, limits={"parameters": 5000})
    (change,) = accept_plan(sqlite, edited, DATA)
    assert (str(change), change.kind) == ("limits: not set -> {parameters: 5000}", "anew")
    assert len(story.points("stage1")) == 6
