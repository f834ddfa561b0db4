"""Stage 2 where it is searched from which weights a training starts: donors, sharing, and the comparison's cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.config.ranges import ChoiceRange, Ranges
from hpo.config.study import StudyFile
from hpo.recipe.key import canonical_json
from hpo.recipe.point import Point
from hpo.recipe.recipe import Recipe, recipe_from_json
from hpo.search.spaces import spaces_from_json
from hpo.stages.estimate import estimate
from hpo.stages.explore import stage1_result
from hpo.stages.plan import reference_recipe
from hpo.stages.tune import stage2_plan
from hpo.storage.database import Database
from hpo.storage.decided import Stage1Result, Stage2Plan
from hpo.storage.points import DesignPoint
from hpo.storage.stage_json import plan_of
from hpo.storage.tables import PointRow
from tests.stages.story import DATA, SPACE, Story, load, smooth, stage1_rows

STARTS = ["cold", "warm", "shrink_perturb"]
SEARCHED = {**SPACE, "warm_start": {"reference": "cold", "levels": STARTS}}


def study(folder: Path, **stage2: Any) -> StudyFile:
    tuned = {"factors": ["learning_rate", "warm_start"], "epochs": 2, "trials": 8, **stage2}
    return load(folder, space=SEARCHED, stage2=tuned)


def planned_stage2(study: StudyFile, edited: Ranges | None = None) -> tuple[Stage2Plan, list[DesignPoint], Recipe]:
    """Stage 2 of `tiny` after all of stage 1, and the donor's recipe."""
    rows = stage1_rows(study)
    stage1 = stage1_result(study, "tiny", rows)
    assert isinstance(stage1, Stage1Result)
    plan, points = stage2_plan(study, "tiny", DATA, stage1, {**stage1.ranges, **(edited or {})}, rows)
    return plan, points, stage1.donor.recipe


def recipe_of(point: DesignPoint | PointRow) -> Recipe:
    assert point.recipe is not None
    return recipe_from_json(point.recipe)


def starts(points: Sequence[DesignPoint | PointRow]) -> list[str]:
    return [str((point.point or {})["warm_start"]) for point in points]


def test_the_stage_1_best_is_tried_with_every_start_and_takes_the_donor_as_the_point_says(tmp_path: Path) -> None:
    plan, points, donor = planned_stage2(study(tmp_path, shrink=0.3))
    assert spaces_from_json(plan.space)["warm_start"].choices == tuple(STARTS)  # type: ignore[attr-defined]
    assert "warm_start" not in plan.fixed
    tried = [point for point in points if "slot" in point.label and point.point is not None]
    assert [point.label["origin"] for point in tried[:3]] == [
        "stage-1 best", "stage-1 best, warm", "stage-1 best, shrink_perturb",
    ]  # fmt: skip
    assert starts(tried[:3]) == STARTS
    cold, warm, shrunk = (recipe_of(point).initial for point in tried[:3])
    assert cold is None
    assert warm is not None
    assert (warm.donor, warm.mode) == (donor, "warm")
    assert shrunk is not None
    assert (shrunk.donor, shrunk.mode, shrunk.shrink) == (donor, "shrink_perturb", 0.3)


def test_a_cold_training_is_the_one_of_a_study_that_starts_cold(tmp_path: Path) -> None:
    factors = ["learning_rate", "warm_start"]
    searched = planned_stage2(study(tmp_path / "searched", within="space", factors=factors))[1]
    cold_study = load(
        tmp_path / "cold", stage2={"factors": ["learning_rate"], "epochs": 2, "warm_start": "cold", "within": "space"}
    )
    cold = planned_stage2(cold_study)[1]
    first = {point.label["origin"]: point for point in searched if point.recipe is not None}
    expected = {point.label["origin"]: point for point in cold if point.recipe is not None}
    for origin in ("stage-1 best", "middle of the ranges"):
        assert first[origin].recipe_key == expected[origin].recipe_key
        epochs = first[origin].epochs or 0
        assert recipe_of(first[origin]).lineage_patch_visits(epochs) == recipe_of(first[origin]).patch_visits(epochs)
    given = [point for point in searched if point.label["origin"] == "stage 1"]
    assert {point.recipe_key for point in given} == {
        point.recipe_key for point in cold if point.label["origin"] == "stage 1"
    }
    assert given, "stage 1's trainings of as many epochs are stage 2's cold ones"
    assert set(starts(given)) == {"cold"}


def test_ranges_edited_by_hand_leave_the_starts_that_they_name(tmp_path: Path) -> None:
    edited = {"warm_start": ChoiceRange(choices=("warm", "shrink_perturb"), best="warm")}
    plan, points, _ = planned_stage2(study(tmp_path), edited)
    assert spaces_from_json(plan.space)["warm_start"].choices == ("warm", "shrink_perturb")  # type: ignore[attr-defined]
    assert starts([point for point in points if point.point is not None])[:2] == ["warm", "shrink_perturb"]


@pytest.mark.parametrize("start", STARTS)
def test_a_factor_that_is_not_tuned_is_what_stage_2_sets(tmp_path: Path, start: str) -> None:
    fixed = load(tmp_path, space=SEARCHED, stage2={"factors": ["learning_rate"], "warm_start": start})
    plan, points, donor = planned_stage2(fixed)
    assert plan.fixed["warm_start"] == start
    tried = [recipe_of(point) for point in points if point.recipe is not None and "slot" in point.label]
    assert {recipe.start for recipe in tried} == {start}
    assert {recipe.initial.donor for recipe in tried if recipe.initial is not None} == (
        set() if start == "cold" else {donor}
    )


def prefers(start: str) -> Any:
    def quality(point: Point) -> float | None:
        return (smooth(point) or 0.0) + (0.1 if point.get("warm_start", "cold") == start else 0.0)

    return quality


@pytest.mark.parametrize("design", ["random", "asha"])
@pytest.mark.parametrize("start", ["cold", "warm"])
def test_the_start_that_is_best_is_compared_at_the_cost_of_its_whole_lineage(
    sqlite: Database, tmp_path: Path, design: str, start: str
) -> None:
    searched = load(
        tmp_path,
        space=SEARCHED,
        architectures=[{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}],
        stage2={
            "factors": ["learning_rate", "warm_start"],
            "design": design,
            "epochs": 4,
            "trials": 8,
            "recheck": {"top": 2, "seeds": 1},
        },
        confirm={"equal_training": True},
    )
    story = Story(searched, sqlite, quality={"tiny": prefers(start)})
    story.run()

    rows = [row for row in story.points("stage2") if row.state == "complete"]
    assert {(recipe_of(row).start, starts([row])[0]) for row in rows} == {(one, one) for one in STARTS}
    donor = plan_of(story.stages()["stage2", "tiny"], Stage2Plan).donor
    assert {one.donor for row in rows if (one := recipe_of(row).initial) is not None} == {donor.recipe}
    if design == "asha":
        given = [row for row in rows if row.label["origin"] == "stage 1" and "slot" not in row.label]
        assert given
        assert set(starts(given)) == {"cold"}
        assert {row.recipe_key for row in given} <= {row.recipe_key for row in story.points("stage1")}

    finals = story.points("confirm")
    of_role = {role: [row for row in finals if row.label["role"] == role] for role in ("before", "equal", "after")}
    after = recipe_of(of_role["after"][0])
    assert after.start == start
    visits = after.lineage_patch_visits(2)
    assert (visits > after.patch_visits(2)) == (start == "warm")
    reference = reference_recipe(searched, "tiny", DATA, 0)
    assert of_role["equal"][0].epochs == -(-visits // reference.patch_visits(1))
    control = [row for row in finals if row.label["role"] == "cold_control"]
    assert len(control) == (2 if start == "warm" else 0)
    assert {recipe_of(row).start for row in control} <= {"cold"}
    assert set(starts(control)) <= {"cold"}
    assert set(starts(of_role["before"])) == {"cold"}


def test_settings_that_differ_in_their_start_are_trainings_of_their_own_and_others_one(
    sqlite: Database, tmp_path: Path
) -> None:
    story = Story(study(tmp_path, design="asha", epochs=4), sqlite)
    story.run()
    points = {
        row.recipe_key: {name: value for name, value in (row.point or {}).items() if name != "epochs"}
        for row in story.points("stage2")
    }
    assert len({canonical_json(point) for point in points.values()}) == len(points)


def test_what_a_study_found_is_tried_with_the_start_that_it_had(sqlite: Database, tmp_path: Path) -> None:
    tuned = {"factors": ["learning_rate"], "epochs": 2, "trials": 6, "within": "space", "design": "random"}
    earlier = load(tmp_path / "earlier", name="earlier", stage2={**tuned, "warm_start": "shrink_perturb"})
    Story(earlier, sqlite, quality={"tiny": lambda point: float(point["learning_rate"])}).run("stage2")
    searched = {**tuned, "factors": ["learning_rate", "warm_start"], "learn_from": ["earlier"]}
    later = Story(load(tmp_path / "later", name="later", space=SEARCHED, stage2=searched), sqlite)
    later.run("stage2")
    learned = [row for row in later.points("stage2") if row.label["origin"] == "best of earlier/tiny"]
    assert starts(learned) == ["shrink_perturb"]


def test_a_prior_of_the_start_is_tried_early(tmp_path: Path) -> None:
    expected = {**SEARCHED, "warm_start": {**SEARCHED["warm_start"], "prior": "warm"},
                "learning_rate": {**SPACE["learning_rate"], "prior": 0.05}}  # fmt: skip
    tuned = {"factors": ["learning_rate", "warm_start"], "trials": 8, "within": "space"}
    _, points, _ = planned_stage2(load(tmp_path, space=expected, stage2=tuned))
    (prior,) = [point for point in points if point.label["origin"] == "prior"]
    assert (prior.point or {})["learning_rate"] == 0.05
    assert starts([prior]) == ["warm"]


def test_an_estimate_allows_for_donors(tmp_path: Path) -> None:
    searched = {stage.stage: stage for stage in estimate(study(tmp_path / "searched")) if stage.architecture == "tiny"}
    warm = load(tmp_path / "warm", stage2={"factors": ["learning_rate"], "epochs": 2, "trials": 8})
    expected = {stage.stage: stage for stage in estimate(warm) if stage.architecture == "tiny"}
    tuned = searched["stage2"]
    assert tuned.given == 3  # stage 1's learning rates, which are cold trainings of as many epochs
    assert {**searched, "stage2": replace(tuned, points=tuned.points - tuned.given, given=0)} == expected
