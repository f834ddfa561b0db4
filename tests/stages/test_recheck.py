"""The recheck: the best of stage 2, trained again with fresh seeds, of which the mean chooses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpo.config.study import StudyFile
from hpo.evaluation.objective import Objective
from hpo.recipe.architecture import CnnSpec, Convolution
from hpo.recipe.recipe import Recipe, WarmStart, recipe_from_json, recipe_to_json
from hpo.stages.recheck import fresh_seeds, ranked, recheck_points, recheck_result
from hpo.storage.tables import PointRow
from tests.stages.story import DATA, fault, load

DONOR = Recipe(data=DATA, patches=64, architecture=CnnSpec((Convolution(3, 4),), (5,)))
WARM = replace(DONOR, initial=WarmStart(DONOR, epoch=4))
AUC = Objective("auc")


def trial(rate: float, objective: float, *, epochs: int = 3, recipe: Recipe = WARM) -> PointRow:
    """A finished design point of stage 2."""
    recipe = replace(recipe, learning_rate=rate)
    return PointRow(
        point_key=f"rate {rate} {epochs} {recipe.seed}",
        label={},
        point={"learning_rate": rate, "epochs": epochs, "patches": 64, "batch_size": 32, "strategy": "constant"},
        recipe=recipe_to_json(recipe),
        recipe_key=recipe.key,
        epochs=epochs,
        state="complete",
        objective=objective,
        faults=[],
    )


def fresh(candidate: int, seed: int, objective: float | None) -> PointRow:
    """A training of the recheck; None is one that diverged."""
    state, faults = ("complete", []) if objective is not None else ("failed", [fault("diverged")])
    label = {"candidate": candidate, "seed": seed}
    return PointRow(label=label, state=state, objective=objective, faults=faults)


def rechecked(tmp_path: Path, top: int = 2, seeds: int = 2) -> StudyFile:
    return load(tmp_path, stage2={"recheck": {"top": top, "seeds": seeds}})


TRIALS = [trial(0.01, 0.7), trial(0.02, 0.9), trial(0.03, 0.8)]


def rates(rows: list[PointRow]) -> list[float]:
    return [(row.point or {})["learning_rate"] for row in rows]


def test_the_best_come_first_and_failed_ones_not_at_all() -> None:
    failed = trial(0.04, 0.95)
    failed.state = "failed"
    assert rates(ranked(AUC, [*TRIALS, failed])) == [0.02, 0.03, 0.01]
    assert rates(ranked(Objective("loss"), TRIALS)) == [0.01, 0.03, 0.02]


def test_a_training_that_was_continued_counts_once_as_it_stood_at_its_longest() -> None:
    rows = [*TRIALS, trial(0.02, 0.75, epochs=6)]
    found = ranked(AUC, rows)
    assert [(row.objective, row.epochs) for row in found] == [(0.8, 3), (0.75, 6), (0.7, 3)]


def test_one_configuration_with_two_seeds_counts_once_with_its_better_one() -> None:
    again = trial(0.02, 0.95, recipe=replace(WARM, seed=5, initial=WarmStart(replace(DONOR, seed=5), epoch=4)))
    assert [row.objective for row in ranked(AUC, [*TRIALS, again])] == [0.95, 0.8, 0.7]


def test_the_best_few_are_trained_with_each_fresh_seed_donors_and_all(tmp_path: Path) -> None:
    plan, points = recheck_points(rechecked(tmp_path), TRIALS)
    assert [one.objective for one in plan.candidates] == [0.9, 0.8]
    assert [(point.key, point.epochs) for point in points] == [("0:2", 3), ("1:2", 3), ("0:3", 3), ("1:3", 3)]
    recipes = [recipe_from_json(point.recipe or {}) for point in points]
    assert [(one.learning_rate, one.seed) for one in recipes] == [(0.02, 2), (0.03, 2), (0.02, 3), (0.03, 3)]
    assert [one.initial.donor.seed for one in recipes if one.initial] == [2, 2, 3, 3]
    donors = {point.donor_key for point in points}
    assert donors == {replace(DONOR, seed=2).key, replace(DONOR, seed=3).key}


def test_each_candidate_is_trained_as_long_as_in_stage_2(tmp_path: Path) -> None:
    _, points = recheck_points(rechecked(tmp_path, seeds=1), [*TRIALS, trial(0.02, 0.88, epochs=6)])
    assert [(point.epochs, (point.point or {})["epochs"]) for point in points] == [(6, 6), (3, 3)]


def test_there_may_be_fewer_configurations_than_asked_for(tmp_path: Path) -> None:
    assert len(recheck_points(rechecked(tmp_path, top=7), TRIALS)[0].candidates) == 3


def test_fresh_seeds_are_used_by_nothing_else(tmp_path: Path) -> None:
    study = load(tmp_path, stage1={"seed": 3}, stage2={"seed": 1}, confirm={"seeds": [0, 4]})
    assert fresh_seeds(study, 3) == (2, 5, 6)


def test_a_seed_that_a_final_training_comes_to_use_is_fresh_no_more(tmp_path: Path) -> None:
    plan, _ = recheck_points(rechecked(tmp_path), TRIALS)
    assert plan.seeds == (2, 3)
    study = load(tmp_path, stage2={"recheck": {"top": 2, "seeds": 2}}, confirm={"seeds": [0, 1, 2]})
    assert recheck_points(study, TRIALS, plan.seeds)[0].seeds == (3, 4) == fresh_seeds(study, 2)


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ({0: (0.7, 0.8), 1: (0.9, 0.7)}, 1),
        ({0: (0.8, 0.8), 1: (0.8, 0.8)}, 0),  # of equals stage 2's order
        ({0: (0.7, 0.7), 1: (0.99, None)}, 0),  # one that diverges is not reliable
        ({0: (None, None), 1: (0.2, None)}, 1),
        ({0: (None, None), 1: (None, None)}, 0),
    ],
)
def test_the_mean_over_the_fresh_seeds_chooses(
    tmp_path: Path, values: dict[int, tuple[float | None, ...]], chosen: int
) -> None:
    study = rechecked(tmp_path)
    plan, _ = recheck_points(study, TRIALS)
    rows = [fresh(number, seed, value) for number, found in values.items() for seed, value in enumerate(found)]
    result = recheck_result(study, plan, rows)
    assert result.candidate == chosen
    assert result.choice.point["learning_rate"] == (0.02, 0.03)[chosen]


def test_the_least_loss_chooses(tmp_path: Path) -> None:
    study = load(tmp_path, objective={"metric": "loss"}, stage2={"recheck": {"top": 2, "seeds": 1}})
    plan, _ = recheck_points(study, TRIALS)
    assert recheck_result(study, plan, [fresh(0, 2, 0.5), fresh(1, 2, 0.4)]).candidate == 1
