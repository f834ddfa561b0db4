"""What a study will take: exact for stage 1, an upper bound for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.config.stage import STAGES, Stage
from hpo.recipe.geometry import trainable_parameters
from hpo.stages.estimate import (
    StageEstimate,
    checkpoint_bytes,
    estimate,
    expected_points,
    finished_points,
    total,
)
from hpo.stages.order import stages_of
from hpo.stages.plan import template_recipe
from hpo.storage.database import Database
from hpo.storage.tables import PointRow
from tests.stages.story import DATA, SPACE, STUDY, Story, load

ONE = STUDY["architectures"][:1]


def of_stage(stages: list[StageEstimate], stage: str, architecture: str = "tiny") -> StageEstimate:
    (found,) = [one for one in stages if (one.stage, one.architecture) == (stage, architecture)]
    return found


def visits_of(rows: list[PointRow], *, shared: bool) -> int:
    """Patch-visits of finished points: each by itself, or each recipe to the longest of its points."""
    found = []
    for row in rows:
        recipe = row.recipe or {}
        batches = recipe["patches"] // recipe["batch_size"]
        found.append((row.recipe_key, (row.epochs or 0) * batches * recipe["batch_size"]))
    if not shared:
        return sum(count for _, count in found)
    return sum({key: max(count for other, count in found if other == key) for key, _ in found}.values())


@pytest.mark.parametrize(
    "stage1", [{}, {"design": "grid", "factors": ["epochs", "patches"]}, {"factors": ["batch_size"]}]
)
def test_stage_1_is_what_the_story_really_queues(sqlite: Database, tmp_path: Path, stage1: dict[str, Any]) -> None:
    story = Story(load(tmp_path, architectures=ONE, stage1=stage1), sqlite)
    story.advance()
    rows = story.points("stage1")
    found = of_stage(estimate(story.study), "stage1")
    assert found.points == len(rows)
    assert found.trainings == len({row.recipe_key for row in rows})
    assert found.patch_visits == visits_of(rows, shared=False)
    assert found.shared_patch_visits == visits_of(rows, shared=True)


@pytest.mark.parametrize("until", STAGES)
def test_as_many_points_are_expected_as_the_story_ends_with(sqlite: Database, tmp_path: Path, until: Stage) -> None:
    story = Story(load(tmp_path, stage2={"recheck": {"top": 2, "seeds": 2}}), sqlite)
    assert finished_points(sqlite, story.study) == 0
    story.run(until)
    assert finished_points(sqlite, story.study) == expected_points(story.study, until)


@pytest.mark.parametrize("is_honest", [False, True])
@pytest.mark.parametrize("warm_start", ["warm", "cold"])
def test_later_stages_take_no_more_than_estimated(
    sqlite: Database, tmp_path: Path, warm_start: str, is_honest: bool
) -> None:
    tune: dict[str, Any] = {"warm_start": warm_start, "recheck": {"top": 2, "seeds": 2} if is_honest else None}
    study = load(tmp_path, architectures=ONE, stage2=tune, confirm={"equal_training": is_honest})
    story = Story(study, sqlite)
    story.run()
    stages = estimate(story.study)
    assert [stage.stage for stage in stages] == list(stages_of(study))
    for stage in stages_of(study)[1:-1]:
        found, rows = of_stage(stages, stage), story.points(stage)
        assert visits_of(rows, shared=False) <= found.patch_visits
        assert len(rows) == found.points
    assert all(stage.shared_patch_visits <= stage.patch_visits for stage in stages)
    if warm_start == "warm":  # the choice's donor is trained again with the other seed
        donor = max(visits_of([row], shared=False) for row in story.points("stage1"))
        again = visits_of(story.points("confirm"), shared=True) + donor
        assert again <= of_stage(stages, "confirm").shared_patch_visits


@given(
    factors=st.lists(
        st.sampled_from(["epochs", "batch_size", "patches", "learning_rate", "strategy"]), min_size=1, unique=True
    ),
    design=st.sampled_from(["one_factor", "grid"]),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sharing_never_costs_and_pays_where_epochs_are_varied(tmp_path: Path, factors: list[str], design: str) -> None:
    study = load(tmp_path, architectures=ONE, stage1={"design": design, "factors": factors})
    found = of_stage(estimate(study), "stage1")
    if "epochs" in factors:
        assert found.shared_patch_visits < found.patch_visits
        assert found.trainings < found.points
    else:
        assert (found.shared_patch_visits, found.trainings) == (found.patch_visits, found.points)


@pytest.mark.parametrize(
    ("budget", "points"),
    [({"trials": 7}, 7), ({"trials": None, "patch_visits": 2000}, 7), ({"trials": None, "minutes": 3}, 1)],
)
def test_stage_2s_points_follow_from_its_budget(tmp_path: Path, budget: dict[str, Any], points: int) -> None:
    assert of_stage(estimate(load(tmp_path, stage2=budget)), "stage2").points == points  # of 3 epochs of 96 patches


def test_an_incomplete_batch_is_not_visited(tmp_path: Path) -> None:
    recipe = template_recipe(load(tmp_path), "tiny", DATA, 0)
    assert recipe.patch_visits(3) == 3 * 64
    space = {**SPACE, "batch_size": {"reference": 24, "levels": [24, 32]}}
    assert template_recipe(load(tmp_path, space=space), "tiny", DATA, 0).patch_visits(3) == 3 * 48


def test_a_checkpoint_holds_each_weight_and_its_momentum(tmp_path: Path) -> None:
    study = load(tmp_path)
    spec = study.architecture_specs["tiny"]
    assert checkpoint_bytes(study, "tiny") == 8 * trainable_parameters(spec, 16)  # type: ignore[arg-type]


def test_a_checkpoint_holds_averages_and_what_the_optimizer_keeps(tmp_path: Path) -> None:
    plain = checkpoint_bytes(load(tmp_path), "tiny")
    for name, values, copies in (
        ("optimizer", ["sgd", "adam"], 3),
        ("optimizer", ["sgd", "lion"], 2),
        ("ema", [0, 0.9], 3),
        ("ema", [0], 2),
    ):
        study = load(tmp_path, space={**SPACE, name: {"reference": values[0], "levels": values}})
        assert checkpoint_bytes(study, "tiny") == plain * copies / 2


def test_the_size_of_a_users_own_function_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def network(shape): ...\n")
    study = load(tmp_path, architectures=[{"name": "mine", "function": "mine:network"}])
    assert {stage.checkpoint_bytes for stage in estimate(study)} == {0}


def test_the_total_is_the_sum(tmp_path: Path) -> None:
    stages = estimate(load(tmp_path))
    assert total(stages).points == sum(stage.points for stage in stages) == expected_points(load(tmp_path))
    assert total(stages).shared_patch_visits == sum(stage.shared_patch_visits for stage in stages)
    assert total([]).points == 0


POOL = {"design": "asha", "epochs": 9, "warm_start": "cold"}


def test_a_stage_2_that_pauses_is_reckoned_as_successive_halving(tmp_path: Path) -> None:
    (stage2,) = [stage for stage in estimate(load(tmp_path, stage2={**POOL, "trials": 9})) if stage.stage == "stage2"][
        :1
    ]
    # 9 opened to epoch 1; a third of those and of stage 1's 8 trainings go on to 3, a ninth to 9.
    assert (stage2.points - stage2.given, stage2.trainings) == (9 + 6 + 2, 9)
    assert stage2.patch_visits == 96 * (9 * 1 + 6 * 2 + 2 * 6)


@pytest.mark.parametrize(
    ("stage2", "given"),
    [
        ({**POOL, "trials": 9}, 7),  # of stage 1's 8 trainings, all but that of the other strategy
        ({**POOL, "trials": 9, "factors": ["learning_rate", "batch_size", "patches", "strategy"]}, 8),
        ({**POOL, "trials": 9, "epochs": 1}, 1),
        ({**POOL, "trials": None, "minutes": 5}, 7),
        ({**POOL, "trials": 9, "warm_start": "warm"}, 0),
        ({"trials": 4, "epochs": 2, "warm_start": "cold"}, 7),
        ({"trials": 4, "epochs": 2, "warm_start": "cold", "seed": 1}, 0),
    ],
)
def test_stage_1s_trainings_that_count_in_stage_2_too_are_expected(
    sqlite: Database, tmp_path: Path, stage2: dict[str, Any], given: int
) -> None:
    story = Story(load(tmp_path, architectures=ONE, stage2={"within": "space", **stage2}), sqlite)
    expected = of_stage(estimate(story.study), "stage2")
    story.run("stage1")
    story.advance("stage2")
    assert [sum("slot" not in row.label for row in story.points("stage2")), expected.given] == [given, given]
    assert expected.filled(1.0, 1e-9).given == given


@pytest.mark.parametrize("design", ["asha", "freeze_thaw"])
def test_a_pool_has_no_more_points_than_expected(sqlite: Database, tmp_path: Path, design: str) -> None:
    story = Story(load(tmp_path, stage2={**POOL, "trials": 9, "within": "space", "design": design}), sqlite)
    story.run("stage2")
    assert finished_points(sqlite, story.study) <= expected_points(story.study, "stage2")


def test_a_budget_of_visits_is_its_own_estimate(tmp_path: Path) -> None:
    study = load(tmp_path, stage2={**POOL, "trials": None, "patch_visits": 5000})
    (stage2,) = [stage for stage in estimate(study) if stage.stage == "stage2"][:1]
    assert stage2.patch_visits == stage2.shared_patch_visits == 5000


@pytest.mark.parametrize("design", ["tpe", "asha"])
def test_a_budget_of_minutes_is_what_stage_2_takes(tmp_path: Path, design: str) -> None:
    study = load(tmp_path, stage2={"trials": None, "minutes": 600, "design": design})
    least = next(stage for stage in estimate(study) if stage.stage == "stage2")
    assert least.minutes == 600
    filled = least.filled(1.0, 0.001)
    seconds = filled.trainings * 1.0 + filled.shared_patch_visits * 0.001
    assert seconds == pytest.approx(600 * 60, rel=0.01)
    assert filled.points >= filled.trainings > 1000
    assert next(stage for stage in estimate(study) if stage.stage == "stage1").filled(1.0, 0.001).minutes is None
    assert least.filled(0.0, 0.0).points == least.points
