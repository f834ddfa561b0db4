"""Stage 2's beginning: distributions from the ranges, weights from the donor, first points, and the budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.ranges import ChoiceRange, NumericRange, Ranges
from hpo.config.study import StudyFile
from hpo.recipe.architecture import ARCHITECTURES
from hpo.recipe.point import Point
from hpo.recipe.recipe import Recipe, recipe_from_json, recipe_to_json
from hpo.search.spaces import spaces_from_json
from hpo.stages.budget import FREE_IN_A_ROW
from hpo.stages.explore import stage1_result
from hpo.stages.tune import next_slot, slot_key, stage2_plan, stage2_result
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from hpo.storage.decided import Abandoned, Stage1Result, Stage2Plan, Stage2Result
from hpo.storage.ledger import record_epoch
from hpo.storage.points import DesignPoint
from hpo.storage.tables import PointRow
from hpo.worker.sampling import sampled_point
from tests.stages.story import DATA, SPACE, STUDY, Quality, Story, fault, load, smooth, stage1_rows

Planned = tuple[Stage2Plan, list[DesignPoint]]


def plan_of(study: StudyFile, quality: Quality = smooth, edited: Ranges | None = None) -> Planned:
    """Stage 2 of `tiny` after all of stage 1, its ranges perhaps edited."""
    rows = stage1_rows(study, quality)
    stage1 = stage1_result(study, "tiny", rows)
    assert isinstance(stage1, Stage1Result)
    ranges = {**stage1.ranges, **(edited or {})}
    return stage2_plan(study, "tiny", DATA, stage1, ranges, rows)


def recipe_of(point: DesignPoint) -> Recipe:
    assert point.recipe is not None
    return recipe_from_json(point.recipe)


def origins(points: list[DesignPoint]) -> list[str]:
    return [point.label["origin"] for point in points]


def normalized_is_best(point: Point) -> float | None:
    """The only difference is BatchNormalization."""
    return 0.9 if point["batch_normalization"] else 0.5


def test_the_distributions_are_the_ranges_of_the_factors_that_are_tuned(tmp_path: Path) -> None:
    plan, _ = plan_of(load(tmp_path))
    spaces = spaces_from_json(plan.space)
    assert set(spaces) == {"learning_rate", "batch_size", "patches"}
    rate = spaces["learning_rate"]
    assert isinstance(rate, FloatDistribution)
    assert (rate.low, rate.high, rate.log) == (pytest.approx(10**-2.5), pytest.approx(10**-1.5), True)
    assert spaces["batch_size"] == IntDistribution(8, 11, log=True)
    assert spaces["patches"] == IntDistribution(80, 96, step=8)


def test_the_first_points_are_the_stage_1_best_within_the_ranges_and_the_middle(tmp_path: Path) -> None:
    _, points = plan_of(load(tmp_path))
    assert origins(points) == ["stage-1 best", "middle of the ranges", "sampled", "sampled"]
    best, middle, *sampled = points
    assert best.point is not None
    assert (best.point["learning_rate"], best.point["batch_size"], best.point["patches"]) == (0.01, 8, 80)
    assert middle.point is not None
    assert middle.point["learning_rate"] == pytest.approx(0.01)
    assert (middle.point["batch_size"], middle.point["patches"]) == (9, 88)
    assert [point.key for point in points] == [slot_key(number) for number in range(4)]
    assert {point.point for point in sampled} == {None}


def test_a_middle_that_is_the_best_is_not_trained_twice(tmp_path: Path) -> None:
    edited = {"learning_rate": NumericRange(low=0.01, high=0.01, best=0.01)}
    study = load(tmp_path, stage2={"factors": ["learning_rate"]})
    assert origins(plan_of(study, edited=edited)[1]) == ["stage-1 best", "sampled", "sampled", "sampled"]


def test_a_budget_of_one_trial_is_the_stage_1_best(tmp_path: Path) -> None:
    assert origins(plan_of(load(tmp_path, stage2={"trials": 1}))[1]) == ["stage-1 best"]


@pytest.mark.parametrize("budget", [{"patch_visits": 1000}, {"minutes": 1}])
def test_a_budget_that_does_not_count_trials_begins_with_the_first_point_alone(
    tmp_path: Path, budget: dict[str, int]
) -> None:
    points = plan_of(load(tmp_path, stage2={"trials": None, **budget}))[1]
    assert origins(points) == ["stage-1 best"]


@pytest.mark.parametrize(("trials", "startup"), [(4, 3), (300, 3), (None, 10)])
def test_what_is_drawn_at_random_does_not_depend_on_the_number_of_trials(
    tmp_path: Path, trials: int | None, startup: int
) -> None:
    budget = {"trials": trials} if trials else {"trials": None, "minutes": 5}
    assert plan_of(load(tmp_path, stage2=budget))[0].startup_trials == startup


def test_factors_that_are_not_tuned_stay_at_the_best_level_of_their_axis(tmp_path: Path) -> None:
    def step_is_better(point: Point) -> float:
        return (smooth(point) or 0.0) + (0.2 if point["strategy"] == "step" else 0.0)

    plan, points = plan_of(load(tmp_path), step_is_better)
    assert plan.fixed == {"strategy": "step", "batch_normalization": False, "epochs": 3}
    assert recipe_of(points[0]).strategy.name == "step"
    assert points[0].epochs == 3


def test_edited_ranges_decide(tmp_path: Path) -> None:
    edited: Ranges = {
        "learning_rate": NumericRange(low=0.02, high=0.03, best=0.02),
        "strategy": ChoiceRange(choices=("step",), best="step"),
    }
    plan, (best, *_) = plan_of(load(tmp_path), edited=edited)
    assert spaces_from_json(plan.space)["learning_rate"] == FloatDistribution(0.02, 0.03, log=True)
    assert plan.fixed["strategy"] == "step"
    assert recipe_of(best).learning_rate == 0.02
    assert plan.ranges["learning_rate"] == edited["learning_rate"]


def test_a_factor_that_stage_1_did_not_vary_may_take_all_that_the_search_space_allows(tmp_path: Path) -> None:
    study = load(tmp_path, stage1={"factors": ["epochs"]}, stage2={"factors": ["learning_rate", "strategy"]})
    plan, _ = plan_of(study)
    assert spaces_from_json(plan.space) == {
        "learning_rate": FloatDistribution(1e-4, 1, log=True),
        "strategy": CategoricalDistribution(["constant", "step"]),
    }


def test_the_top_of_a_fractional_step_is_a_value_of_its_distribution(tmp_path: Path) -> None:
    space = {**SPACE, "stain_jitter": {"reference": 0.0, "levels": [0.0, 0.1, 0.3], "step": 0.1}}
    study = load(tmp_path, space=space, stage1={"factors": ["stain_jitter"]}, stage2={"factors": ["stain_jitter"]})
    plan, (best, *_) = plan_of(study, lambda point: float(point["stain_jitter"]))
    assert best.point is not None
    assert best.point["stain_jitter"] == 0.3
    (distribution,) = spaces_from_json(plan.space).values()
    assert distribution._contains(best.point["stain_jitter"])


def test_weights_come_from_the_best_trial_of_stage_1(tmp_path: Path) -> None:
    study = load(tmp_path)
    plan, points = plan_of(study)
    start = recipe_of(points[0]).initial
    assert start is not None
    assert (start.mode, start.epoch) == ("warm", 4)
    assert start.donor == plan.donor.recipe
    assert start.donor.initial is None
    assert plan.donor.point == {**study.space.reference, "epochs": 4}


def test_shrunk_and_perturbed_weights_come_with_their_shares(tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"warm_start": "shrink_perturb", "shrink": 0.6, "perturb": 0.2})
    start = recipe_of(plan_of(study)[1][0]).initial
    assert start is not None
    assert (start.mode, start.shrink, start.perturb) == ("shrink_perturb", 0.6, 0.2)


def test_a_cold_start_has_no_donor(tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"warm_start": "cold"})
    assert recipe_of(plan_of(study)[1][0]).initial is None


def test_the_stages_may_have_different_seeds(tmp_path: Path) -> None:
    recipe = recipe_of(plan_of(load(tmp_path, stage1={"seed": 3}, stage2={"seed": 5}))[1][0])
    assert recipe.seed == 5
    assert recipe.initial is not None
    assert recipe.initial.donor.seed == 3


BN_FACTORS = {"stage1": {"factors": ["epochs", "batch_normalization"]}}


def test_a_donor_with_batch_normalization_keeps_it_whatever_is_tuned(tmp_path: Path) -> None:
    study = load(tmp_path, **BN_FACTORS, stage2={"factors": ["learning_rate", "batch_normalization"]})
    plan, points = plan_of(study, normalized_is_best)
    assert set(plan.space) == {"learning_rate"}
    assert plan.fixed["batch_normalization"] is True
    assert recipe_of(points[0]).batch_normalization


def test_a_donor_with_batch_normalization_keeps_it_even_if_an_edited_range_says_no(tmp_path: Path) -> None:
    edited = {"batch_normalization": ChoiceRange(choices=(False,), best=False)}
    plan, points = plan_of(load(tmp_path, **BN_FACTORS), normalized_is_best, edited)
    assert recipe_of(points[0]).batch_normalization
    assert plan.fixed["batch_normalization"] is True


def test_without_a_donors_weights_batch_normalization_may_be_tuned(tmp_path: Path) -> None:
    stage2 = {"factors": ["learning_rate", "batch_normalization"], "warm_start": "cold"}
    plan, _ = plan_of(load(tmp_path, **BN_FACTORS, stage2=stage2), normalized_is_best)
    assert set(plan.space) == {"learning_rate", "batch_normalization"}


def test_batch_normalization_may_be_inserted_after_a_donor_without(tmp_path: Path) -> None:
    recipe = recipe_of(plan_of(load(tmp_path, stage2={"batch_normalization": True}))[1][0])
    assert recipe.batch_normalization
    assert recipe.initial is not None
    assert not recipe.initial.donor.batch_normalization


COLD = {"warm_start": "cold", "epochs": 2}
"""Of the fidelity of stage 1's reference."""


def test_stage_1_trials_of_the_same_fidelity_are_observations_at_no_cost(tmp_path: Path) -> None:
    study = load(tmp_path, stage1={"margin": 1.0}, stage2=COLD)  # all levels are level: nothing is outside
    _, points = plan_of(study)
    observations = [point for point in points if point.label["origin"] == "stage 1"]
    assert origins(points) == ["stage 1"] * 7 + ["stage-1 best", "middle of the ranges", "sampled", "sampled"]
    trained = {row.recipe_key: row for row in stage1_rows(study)}
    for point in observations:
        assert point.recipe_key in trained
        assert "slot" not in point.label
    varied = {
        (point.point["learning_rate"], point.point["batch_size"], point.point["patches"])
        for point in observations
        if point.point
    }
    assert varied == {
        (0.01, 8, 64),
        (0.01, 16, 64),
        (0.01, 32, 64),
        (0.01, 8, 32),
        (0.01, 8, 96),
        (0.001, 8, 64),
        (0.1, 8, 64),
    }


def test_stage_1_trials_outside_the_ranges_and_failed_ones_are_left_out(tmp_path: Path) -> None:
    _, points = plan_of(load(tmp_path, stage2=COLD))
    assert [point.point["patches"] for point in points if point.label["origin"] == "stage 1" and point.point] == [96]

    def many_patches_diverge(point: Point) -> float | None:
        return None if point["patches"] == 96 else smooth(point)

    _, points = plan_of(load(tmp_path, stage1={"margin": 1.0}, stage2=COLD), many_patches_diverge)
    assert origins(points).count("stage 1") == 6


@pytest.mark.parametrize("stage2", [{"epochs": 2}, {"warm_start": "cold", "epochs": 3}, {**COLD, "seed": 1}])
def test_stage_1_trials_of_another_fidelity_are_no_observations(tmp_path: Path, stage2: dict[str, Any]) -> None:
    study = load(tmp_path, stage1={"margin": 1.0}, stage2=stage2)
    assert "stage 1" not in origins(plan_of(study)[1])


def test_words_that_the_ranges_leave_out_are_left_out_of_the_observations(tmp_path: Path) -> None:
    study = load(tmp_path, stage2={**COLD, "factors": ["strategy"]})
    plan, points = plan_of(study)
    assert spaces_from_json(plan.space) == {"strategy": CategoricalDistribution(["constant"])}
    assert {point.point["strategy"] for point in points if point.point} == {"constant"}


def row(number: int, **values: Any) -> PointRow:
    recipe = recipe_to_json(Recipe("data", 50, ARCHITECTURES["model2"], batch_size=10))
    settled: dict[str, Any] = {
        "point": {"patches": 50},
        "epochs": 3,
        "recipe": recipe,
        "recipe_key": f"recipe {number}",
    }
    return PointRow(**{"label": {"slot": number}, "state": "complete", "faults": [], **settled, **values})


def follows(database: Database, study: StudyFile, rows: list[PointRow]) -> DesignPoint | None:
    with database.transaction() as session:
        return next_slot(session, study, plan_of(study)[0], rows)


def spend(database: Database, recipe_key: str, seconds: float, study: str = "small") -> None:
    with database.transaction() as session:
        record_epoch(session, study=study, recipe_key=recipe_key, epoch=1, patch_visits=50, seconds=seconds, owner="w")


def test_a_budget_of_patch_visits_goes_on_until_it_is_spent(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "patch_visits": 450})
    found = follows(sqlite, study, [row(0), row(1)])
    assert found is not None
    assert (found.key, found.point, found.label) == (slot_key(2), None, {"slot": 2, "origin": "sampled"})
    assert follows(sqlite, study, [row(0), row(1), row(2)]) is None


def test_observations_cost_nothing_and_failed_points_cost_what_they_asked_for(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "patch_visits": 450})
    observed = row(7, label={"origin": "stage 1"}, epochs=1000)
    assert follows(sqlite, study, [observed, row(0), row(1)]) is not None
    assert follows(sqlite, study, [row(0), row(1, state="failed"), row(2, state="failed")]) is None


def test_while_a_point_waits_no_other_follows(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "patch_visits": 450})
    assert follows(sqlite, study, [row(0, state="waiting")]) is None
    assert follows(sqlite, study, [row(0, state="running")]) is not None


@pytest.mark.parametrize("budget", [{"patch_visits": 450}, {"minutes": 2}])
def test_the_known_values_follow_one_another_before_the_samplers(
    sqlite: Database, tmp_path: Path, budget: dict[str, int]
) -> None:
    study = load(tmp_path, stage2={"trials": None, **budget})
    found = [follows(sqlite, study, [row(number) for number in range(count)]) for count in (0, 1, 2)]
    assert origins([point for point in found if point]) == ["stage-1 best", "middle of the ranges", "sampled"]


def test_a_training_that_runs_is_paid_before_its_values_are_chosen(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "patch_visits": 450})
    unchosen: dict[str, Any] = {"state": "running", "point": None, "epochs": None, "recipe": None, "recipe_key": None}
    assert follows(sqlite, study, [row(0), row(1, **unchosen)]) is not None
    assert follows(sqlite, study, [row(0), row(1, **unchosen), row(2, **unchosen)]) is None


def test_a_training_that_runs_is_paid_at_the_price_of_those_before_it(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "minutes": 2})
    spend(sqlite, "recipe 0", 50.0)
    spend(sqlite, "recipe 1", 1.0)
    assert follows(sqlite, study, [row(0), row(1, state="running")]) is not None
    assert follows(sqlite, study, [row(0), row(1, state="running"), row(2, state="running")]) is None


def test_minutes_that_another_study_trained_are_paid_too(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "minutes": 2})
    spend(sqlite, "recipe 0", 70.0, study="original")
    assert follows(sqlite, study, [row(0)]) is not None
    spend(sqlite, "recipe 1", 50.0, study="original")
    assert follows(sqlite, study, [row(0), row(1)]) is None
    spend(sqlite, "recipe 1", 10.0)  # its checkpoint was lost, and this study trained it again: that is what it paid
    assert follows(sqlite, study, [row(0), row(1)]) is not None


def test_a_budget_in_trials_is_queued_whole_from_the_beginning(sqlite: Database, tmp_path: Path) -> None:
    assert follows(sqlite, load(tmp_path), []) is None


def test_a_budget_in_minutes_counts_the_training_of_this_stages_recipes(sqlite: Database, tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"trials": None, "minutes": 2})
    spend(sqlite, "recipe 0", 70.0)
    spend(sqlite, "a donor", 1000.0)
    assert follows(sqlite, study, [row(0), row(1)]) is not None
    spend(sqlite, "recipe 1", 50.0)
    assert follows(sqlite, study, [row(0), row(1)]) is None


def test_a_recipe_that_is_proposed_again_is_paid_again_though_it_takes_no_time(
    sqlite: Database, tmp_path: Path
) -> None:
    study = load(tmp_path, stage2={"trials": None, "minutes": 2})
    spend(sqlite, "recipe 0", 50.0)
    again = [row(number, recipe_key="recipe 0") for number in range(3)]
    assert follows(sqlite, study, again[:2]) is not None
    assert follows(sqlite, study, again) is None


@pytest.mark.parametrize("budget", [{"minutes": 2}, {"patch_visits": 450}])
def test_points_that_cost_nothing_do_not_go_on_for_ever(
    sqlite: Database, tmp_path: Path, budget: dict[str, int]
) -> None:
    study = load(tmp_path, stage2={"trials": None, **budget})
    free: dict[str, Any] = {"state": "failed", "point": None, "epochs": None, "recipe": None, "recipe_key": None}
    rows = [row(number, **free) for number in range(FREE_IN_A_ROW)]
    assert follows(sqlite, study, rows[:-1]) is not None
    assert follows(sqlite, study, rows) is None
    spend(sqlite, "recipe 99", 1.0)
    assert follows(sqlite, study, [*rows[1:], row(99)]) is not None


def test_a_samplers_values_on_a_grid_are_those_that_a_person_would_write(sqlite: Database, tmp_path: Path) -> None:
    jitter = {"reference": 0.1, "levels": [0.1, 0.9], "step": 0.1}
    stage2 = {"design": "random", "trials": 12, "factors": ["stain_jitter"], "within": "space"}
    architectures, space = STUDY["architectures"][:1], {**SPACE, "stain_jitter": jitter}
    story = Story(load(tmp_path, architectures=architectures, space=space, stage2=stage2), sqlite)
    story.run("stage1")
    story.advance("stage2")
    found = set()
    for number in range(12):
        (claim,) = sqlite.run(claim_points, "small", f"worker {number}", 3600)
        if claim.planned.point is None and claim.trial_id is not None:
            plan = claim.plan_as(Stage2Plan)
            point = sampled_point(story.study, sqlite, claim, plan, claim.id, claim.trial_id)
            found.add(point["stain_jitter"])
    assert found <= {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
    assert found & {0.3, 0.7}, "in binary, these two are not the sums of steps"


def test_the_choice_is_the_best_trial_an_observation_too(tmp_path: Path) -> None:
    study = load(tmp_path)
    rows = [row(number, objective=value, point_key=f"p{number}") for number, value in enumerate((0.7, 0.9))]
    observed = row(2, label={"origin": "stage 1"}, objective=0.95, point_key="observed")
    failed = row(3, state="failed", objective=None, faults=[fault("diverged")])
    assert chosen_key(study, [*rows, failed]) == "p1"
    assert chosen_key(study, [observed, *rows, failed]) == "observed"
    assert chosen_key(load(tmp_path, objective={"metric": "loss"}), rows) == "p0"


def chosen_key(study: StudyFile, rows: list[PointRow]) -> str:
    result = stage2_result(study, rows)
    assert isinstance(result, Stage2Result)
    return result.choice.key


def test_a_stage_2_without_a_successful_trial_is_abandoned(tmp_path: Path) -> None:
    failed = [row(number, state="failed", objective=None, faults=[fault("diverged")]) for number in range(2)]
    assert stage2_result(load(tmp_path), failed) == Abandoned("none of 2 trials succeeded: diverged")
