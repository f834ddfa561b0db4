"""Stage 1's end: ranges by rule, and the donor."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.config.study import StudyFile
from hpo.recipe.key import canonical
from hpo.recipe.point import Point
from hpo.recipe.recipe import recipe_to_json
from hpo.stages.explore import factor_range, stage1_result
from hpo.storage.decided import Abandoned, Stage1Result
from hpo.storage.stage_json import to_json
from hpo.storage.tables import PointRow
from tests.stages.story import Quality, fault, finished_row, load, smooth, stage1_rows


def axis_of(factor: str, reached: dict[Any, float | None]) -> Quality:
    """Trainings of which this factor alone decides."""
    return lambda point: reached.get(point[factor], 0.5)


def found(study: StudyFile, rows: list[PointRow]) -> Stage1Result:
    """Of a stage in which some trial succeeded."""
    result = stage1_result(study, "tiny", rows)
    assert isinstance(result, Stage1Result)
    return result


def range_of(study: StudyFile, factor: str, quality: Quality, **errors: float) -> NumericRange | ChoiceRange | None:
    rows = [row for row in stage1_rows(study, quality) if row.state == "complete"]
    for row in rows:
        row.standard_error = errors.get("standard_error", 0.0)
    return factor_range(study, study.space, factor, rows)


@pytest.mark.parametrize(
    ("factor", "reached", "low", "high", "best"),
    [
        ("learning_rate", {0.001: 0.8, 0.01: 0.9, 0.1: 0.8}, math.sqrt(1e-5), math.sqrt(1e-3), 0.01),
        ("learning_rate", {0.001: 0.8, 0.01: 0.895, 0.1: 0.9}, math.sqrt(1e-5), 0.1, 0.1),
        ("learning_rate", {0.001: 0.9, 0.01: 0.8, 0.1: 0.9}, 0.001, math.sqrt(1e-5), 0.001),
        ("learning_rate", {0.001: 0.9, 0.01: 0.9, 0.1: 0.9}, 0.001, 0.1, 0.01),
        ("patches", {32: 0.8, 64: 0.9, 96: 0.8}, 48, 80, 64),
        ("patches", {32: 0.9, 64: 0.9, 96: 0.8}, 32, 80, 64),
        ("batch_size", {8: 0.8, 16: 0.9, 32: 0.8}, 12, 22, 16),  # 11.3 to 22.6, inwards to whole numbers
        ("epochs", {1: 0.8, 2: 0.9, 4: 0.95}, 3, 4, 4),
    ],
)
def test_the_range_is_what_is_level_with_the_best_half_a_step_wider_and_of_equals_the_reference_is_best(
    tmp_path: Path, factor: str, reached: dict[Any, float | None], low: float, high: float, best: float
) -> None:
    span = range_of(load(tmp_path), factor, axis_of(factor, reached))
    assert isinstance(span, NumericRange)
    assert (span.low, span.high, span.best) == (pytest.approx(low), pytest.approx(high), best)


def test_the_study_files_margin_decides_what_is_level(tmp_path: Path) -> None:
    quality = axis_of("patches", {32: 0.8, 64: 0.86, 96: 0.9})
    assert range_of(load(tmp_path, stage1={"margin": 0.03}), "patches", quality) == NumericRange(
        low=80, high=96, best=96
    )
    assert range_of(load(tmp_path, stage1={"margin": 0.05}), "patches", quality) == NumericRange(
        low=48, high=96, best=96
    )


def test_few_validation_patches_widen_a_range(tmp_path: Path) -> None:
    quality = axis_of("patches", {32: 0.8, 64: 0.86, 96: 0.9})
    span = range_of(load(tmp_path), "patches", quality, standard_error=0.02)
    assert span == NumericRange(low=48, high=96, best=96)


def test_of_a_loss_the_lowest_is_best(tmp_path: Path) -> None:
    study = load(tmp_path, objective={"metric": "loss"})
    quality = axis_of("patches", {32: 0.8, 64: 0.9, 96: 0.8})  # the loss is 1 less
    assert range_of(study, "patches", quality) == NumericRange(low=48, high=80, best=64)
    assert found(study, stage1_rows(study, quality)).donor.objective == pytest.approx(0.1)


def test_where_trials_fail_the_axis_ends(tmp_path: Path) -> None:
    quality = axis_of("learning_rate", {0.001: 0.8, 0.01: 0.9, 0.1: None})
    span = range_of(load(tmp_path), "learning_rate", quality)
    assert isinstance(span, NumericRange)
    assert (span.low, span.high) == (pytest.approx(math.sqrt(1e-5)), 0.01)


def test_the_one_level_that_did_not_fail_is_the_range(tmp_path: Path) -> None:
    quality = axis_of("patches", {32: None, 64: 0.9, 96: None})
    assert range_of(load(tmp_path), "patches", quality) == NumericRange(low=64, high=64, best=64)


def test_an_axis_all_of_whose_trials_failed_has_no_range(tmp_path: Path) -> None:
    study = load(tmp_path)

    def quality(point: Point) -> float | None:
        return smooth(point) if point["learning_rate"] == 0.1 else None

    rows = stage1_rows(study, quality)
    assert "patches" not in found(study, rows).ranges
    assert found(study, rows).ranges["learning_rate"] == NumericRange(low=0.1, high=0.1, best=0.1)


@pytest.mark.parametrize(
    ("reached", "choices", "best"),
    [
        ({"constant": 0.9, "step": 0.8}, ("constant",), "constant"),
        ({"constant": 0.895, "step": 0.9}, ("constant", "step"), "step"),
    ],
)
def test_of_words_each_one_that_is_level_with_the_best_is_a_choice(
    tmp_path: Path, reached: dict[Any, float | None], choices: tuple[str, ...], best: str
) -> None:
    span = range_of(load(tmp_path), "strategy", axis_of("strategy", reached))
    assert span == ChoiceRange(choices=choices, best=best)


def test_in_one_factor_a_level_is_judged_by_the_trial_of_its_own_axis(tmp_path: Path) -> None:
    def quality(point: Point) -> float | None:  # the long training has the reference's patches too
        return 0.99 if point["epochs"] == 4 else {32: 0.9, 64: 0.8, 96: 0.7}[int(point["patches"])]

    assert range_of(load(tmp_path), "patches", quality) == NumericRange(low=32, high=48, best=32)


def test_in_a_grid_a_level_is_judged_by_the_best_trial_that_has_it(tmp_path: Path) -> None:
    study = load(tmp_path, stage1={"design": "grid", "factors": ["epochs", "patches"]})
    reached = {(1, 32): 0.9, (4, 64): 0.7, (4, 96): 0.8}

    def quality(point: Point) -> float | None:
        return reached.get((int(point["epochs"]), int(point["patches"])), 0.5)

    assert range_of(study, "patches", quality) == NumericRange(low=32, high=48, best=32)
    assert range_of(study, "epochs", quality) == NumericRange(low=1, high=1, best=1)


def test_the_donor_is_the_best_trial(tmp_path: Path) -> None:
    study = load(tmp_path)
    rows = stage1_rows(study)
    donor = found(study, rows).donor
    assert donor.point == {**study.space.reference, "epochs": 4}
    (row,) = [row for row in rows if row.point == donor.point]
    assert (recipe_to_json(donor.recipe), donor.recipe_key, donor.objective) == (
        row.recipe,
        row.recipe_key,
        row.objective,
    )
    assert donor.epoch == 4


def test_where_the_best_epoch_speaks_the_donors_weights_are_of_that_epoch(tmp_path: Path) -> None:
    study = load(tmp_path, objective={"epoch": "best"})

    def falls_after_three(point: Point) -> float:
        return 0.9 - 0.1 * abs(int(point["epochs"]) - 3)

    donor = found(study, stage1_rows(study, falls_after_three)).donor
    assert (donor.point["epochs"], donor.epoch, donor.objective) == (4, 3, 0.9)


def test_a_stage_without_a_successful_trial_is_abandoned_with_every_reason(tmp_path: Path) -> None:
    study = load(tmp_path)
    rows: list[PointRow] = stage1_rows(study, lambda _point: None)
    rows[0].faults = [fault("attempt 1: worker a died"), fault("attempt 2: worker b died")]
    assert stage1_result(study, "tiny", rows) == Abandoned(
        "none of 10 trials succeeded: attempt 1: worker a died; attempt 2: worker b died; "
        "the training loss was not finite in epoch 1"
    )


def test_a_result_can_be_kept_as_json(tmp_path: Path) -> None:
    study = load(tmp_path)
    rows = [finished_row(study, "tiny", study.space.reference)]
    result = stage1_result(study, "tiny", rows)
    assert json.loads(json.dumps(to_json(result))) == canonical(to_json(result))
