"""The story of a study, told by a worker that makes its curves up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hpo.config.ranges import load_ranges
from hpo.errors import PlanChangedError
from hpo.recipe.point import Point
from hpo.recipe.recipe import recipe_from_json
from hpo.stages.advance import Standing, advance
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from tests.processes import all_at_once
from tests.stages.story import DATA, STAGE1_POINTS, STUDY, Story, Tell, advance_in_a_process, load, smooth, write

ONE = STUDY["architectures"][:1]


def states(story: Story) -> dict[tuple[str, str], dict[str, int]]:
    return {
        (stage, architecture): dict(Counter(point.state for point in story.points(row.stage, architecture)))  # type: ignore[arg-type]
        for (stage, architecture), row in story.stages().items()
    }


def diverges(_point: Point) -> None:
    return None


def test_a_study_goes_through_its_four_stages(database: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), database)
    standings = story.run()
    closed = ("stage1", "stage2", "confirm", "test")
    assert standings == [Standing("tiny", closed, None), Standing("wide", closed, None)]
    for architecture in ("tiny", "wide"):
        assert {stage: found for (stage, name), found in states(story).items() if name == architecture} == {
            "stage1": {"complete": STAGE1_POINTS},
            "stage2": {"complete": 4},
            "confirm": {"complete": 6},  # before, after and a cold control, with two seeds
            "test": {"complete": 1},
        }
    stages = story.stages()
    choice = stages["stage2", "tiny"].result["choice"]  # type: ignore[index]
    assert choice["objective"] == max(point.objective or 0 for point in story.points("stage2"))
    assert stages["confirm", "tiny"].plan["choice"] == choice
    assert stages["test", "tiny"].plan == stages["confirm", "tiny"].result


def test_stage_2_of_an_architecture_opens_when_its_own_stage_1_closes_whatever_the_others_do(tell: Tell) -> None:
    story = tell()
    story.advance()
    while ("stage2", "tiny") not in story.stages():
        (claim, *_) = story.work()
        assert claim.architecture == "tiny"
        story.advance()
    assert states(story)["stage1", "wide"] == {"waiting": STAGE1_POINTS}
    assert story.stages()["stage1", "tiny"].closed_at is not None
    assert story.stages()["stage1", "wide"].closed_at is None


def test_a_stage_is_not_closed_while_a_point_of_it_runs(tell: Tell) -> None:
    story = tell(architectures=ONE)
    story.advance()
    held = story.database.run(claim_points, "small", "a slow worker", 3600)
    while story.work():
        pass
    story.advance()
    assert story.stages()["stage1", "tiny"].closed_at is None
    for claim in held:
        story._finish(claim)
    story.advance()
    assert story.stages()["stage1", "tiny"].closed_at is not None


def test_whoever_looks_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path, architectures=ONE), database)
    while not all(standing.is_over() for standing in story.advance()):
        before = story.everything()
        story.advance()
        assert story.everything() == before
        story.work()
    before = story.everything()
    story.advance()
    assert story.everything() == before


def test_who_closes_a_stage_is_told_its_name_and_nobody_else_is(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite)
    told: list[str] = []
    while not all(standing.is_over() for standing in advance(sqlite, story.study, DATA, on_closed=told.append)):
        story.advance()  # another worker that looks a moment later
        story.work()
    assert sorted(told) == sorted(row.name for row in story.stages().values())


def test_processes_that_decide_at_once_open_and_close_each_stage_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    file = write(tmp_path)
    story = Story(load(tmp_path), database)
    opened = all_at_once(10, advance_in_a_process, str(file), database_url)
    assert opened == [[Standing(name, (), None) for name in ("tiny", "wide")]] * 10
    assert states(story) == {("stage1", name): {"waiting": STAGE1_POINTS} for name in ("tiny", "wide")}
    while story.work():
        pass
    decided = all_at_once(4, advance_in_a_process, str(file), database_url)
    assert decided == [[Standing(name, ("stage1",), None) for name in ("tiny", "wide")]] * 4
    assert {key: found for key, found in states(story).items() if key[0] == "stage2"} == {
        ("stage2", name): {"waiting": 4} for name in ("tiny", "wide")
    }
    assert set(load_ranges(story.study.ranges_path, story.study)) == {"tiny", "wide"}


def test_several_studies_share_a_database(tell: Tell, sqlite: Database, tmp_path: Path) -> None:
    other = Story(load(tmp_path / "other", name="small2", architectures=ONE), sqlite)
    other.advance()
    tell(architectures=ONE).run()
    assert states(other) == {("stage1", "tiny"): {"waiting": STAGE1_POINTS}}


@pytest.mark.parametrize(
    ("until", "opened"),
    [
        ("stage1", {"stage1"}),
        ("stage2", {"stage1", "stage2"}),
        ("confirm", {"stage1", "stage2", "confirm"}),
    ],
)
def test_no_stage_is_opened_after_the_one_that_a_run_ends_with(tell: Tell, until: Any, opened: set[str]) -> None:
    story = tell(architectures=ONE)
    (standing,) = story.run(until)
    assert {stage for stage, _ in story.stages()} == opened
    assert standing.is_over(until)
    assert not standing.is_over("test")
    story.run()
    assert ("test", "tiny") in story.stages()


def test_an_architecture_whose_trials_all_fail_is_given_up_while_the_others_go_on(
    database: Database, tmp_path: Path
) -> None:
    story = Story(load(tmp_path), database, {"tiny": diverges})
    tiny, wide = story.run()
    reason = f"none of {STAGE1_POINTS} trials succeeded: the training loss was not finite in epoch 1"
    assert tiny == Standing("tiny", ("stage1",), reason)
    assert tiny.is_over()
    assert wide == Standing("wide", ("stage1", "stage2", "confirm", "test"), None)
    assert set(load_ranges(story.study.ranges_path, story.study)) == {"wide"}


def test_some_failures_do_not_give_an_architecture_up(tell: Tell) -> None:
    story = tell(architectures=ONE)
    story.quality["tiny"] = lambda point: None if point["learning_rate"] == 0.1 else smooth(point)
    (standing,) = story.run()
    assert standing.abandoned is None
    assert states(story)["stage1", "tiny"] == {"complete": STAGE1_POINTS - 1, "failed": 1}


@pytest.mark.parametrize(
    ("last", "opens"), [("stage1", {"stage1", "stage2"}), ("stage2", {"stage1", "stage2", "confirm"})]
)
def test_a_later_stage_that_fails_altogether_gives_the_architecture_up(tell: Tell, last: Any, opens: set[str]) -> None:
    story = tell(architectures=ONE)
    story.run(last)
    story.quality["tiny"] = diverges
    (standing,) = story.run()
    assert standing.abandoned is not None
    assert "not finite in epoch 1" in standing.abandoned
    assert {stage for stage, _ in story.stages()} == opens


def test_observations_are_finished_without_training_and_leave_the_budget_to_new_points(tell: Tell) -> None:
    story = tell(architectures=ONE, stage1={"margin": 1.0}, stage2={"warm_start": "cold", "epochs": 2})
    story.run("stage1")
    before = story.trained.copy()
    story.run("stage2")
    observed = [point for point in story.points("stage2") if point.label["origin"] == "stage 1"]
    assert len(observed) == 7
    assert all(point.state == "complete" for point in observed)
    assert all(story.trained[point.recipe_key or ""] == before[point.recipe_key or ""] for point in observed)
    assert sum("slot" in point.label for point in story.points("stage2")) == 4


def visits(point: Any) -> int:
    return recipe_from_json(point.recipe).patch_visits(point.epochs)


def test_a_budget_in_patch_visits_is_spent_and_not_more_than_a_point_too_much(tell: Tell) -> None:
    story = tell(architectures=ONE, stage2={"trials": None, "patch_visits": 2000})
    story.run("stage2")
    slots = story.points("stage2")
    assert sum(visits(point) for point in slots) >= 2000
    assert sum(visits(point) for point in slots[:-1]) < 2000


def test_a_budget_in_minutes_is_spent_and_not_more_than_a_point_too_much(tell: Tell) -> None:
    story = tell(architectures=ONE, stage2={"trials": None, "minutes": 0.5})
    story.seconds_an_epoch = 2.0
    story.run("stage2")
    assert len(story.points("stage2")) == 5  # of three epochs: 6 seconds each


def test_a_budget_in_minutes_ends_though_every_point_fails_at_once(tell: Tell) -> None:
    story = tell(architectures=ONE, stage2={"trials": None, "minutes": 0.5})
    story.run("stage1")
    story.quality["tiny"] = diverges
    (standing,) = story.run("stage2")
    assert standing.abandoned is not None


def test_workers_that_share_a_budget_do_not_stretch_it(tell: Tell) -> None:
    """While one works on a point, the other one may have the next, as long as the budget is not spent."""
    story = tell(architectures=ONE, stage2={"trials": None, "patch_visits": 2000})
    story.run("stage1")
    story.advance()
    held = story.database.run(claim_points, "small", "slow", 3600)
    story.advance()
    while story.work(owner="quick"):
        story.advance()
    for claim in held:
        story._finish(claim)
    story.run("stage2")
    slots = story.points("stage2")
    assert sum(visits(point) for point in slots[:-1]) < 2000


def test_a_worker_whose_plan_was_changed_decides_nothing_more(tell: Tell, sqlite: Database, tmp_path: Path) -> None:
    story = tell(architectures=ONE)
    story.run("stage1")
    before = story.everything()
    changed = Story(load(tmp_path, architectures=ONE, stage2={"trials": 5}), sqlite)
    with pytest.raises(PlanChangedError, match="a fresh one goes on by the new plan"):
        changed.advance()
    assert story.everything() == before


def test_the_best_of_stage_2_are_trained_again_before_one_is_chosen(tell: Tell) -> None:
    story = tell(architectures=ONE, stage2={"recheck": {"top": 2, "seeds": 2}})
    story.run("stage2")
    assert ("recheck", "tiny") not in story.stages()
    story.run()
    found = story.stages()["recheck", "tiny"]
    assert found.closed_at is not None
    assert [point.label for point in story.points("recheck")] == [
        {"candidate": candidate, "seed": seed} for seed in (2, 3) for candidate in (0, 1)
    ]
    choice = (found.result or {})["choice"]
    assert story.stages()["confirm", "tiny"].plan["choice"] == choice
    assert {point.point["learning_rate"] for point in story.points("confirm") if point.label["role"] == "after"} == {
        choice["point"]["learning_rate"]
    }


def test_a_recheck_in_which_every_training_fails_leaves_stage_2s_choice(tell: Tell) -> None:
    story = tell(architectures=ONE, stage2={"recheck": {"top": 2, "seeds": 1}})
    story.run("stage2")
    story.advance()
    story.quality["tiny"] = diverges
    story.work()
    story.work()
    del story.quality["tiny"]
    assert story.run()[0].abandoned is None
    stage2, recheck = (story.stages()[stage, "tiny"].result or {} for stage in ("stage2", "recheck"))
    assert recheck["choice"]["key"] == stage2["choice"]["key"]


def test_a_recheck_of_none_is_no_stage(tell: Tell) -> None:
    story = tell(architectures=ONE, stage2={"recheck": {"top": 0}})
    story.run()
    assert ("recheck", "tiny") not in story.stages()


def test_the_equally_trained_reference_goes_on_from_where_the_reference_ends(tell: Tell) -> None:
    story = tell(architectures=ONE, confirm={"equal_training": True})
    story.run()
    points = {(point.label["role"], point.label["seed"]): point for point in story.points("confirm")}
    before, equal = points["before", 1], points["equal", 1]
    assert before.recipe_key == equal.recipe_key
    assert (before.epochs or 0) < (equal.epochs or 0) == story.trained[equal.recipe_key or ""]
    runs = story.stages()["test", "tiny"].plan["runs"]
    assert [run["role"] for run in runs if run["seed"] == 1] == ["before", "equal", "after", "cold_control"]


def test_digests_of_the_data_reach_every_recipe(tell: Tell) -> None:
    story = tell(architectures=ONE)
    story.run()
    for stage in ("stage1", "stage2", "confirm"):
        assert {(point.recipe or {})["data"] for point in story.points(stage)} == {DATA}  # type: ignore[arg-type]
