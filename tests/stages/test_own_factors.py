"""Factors of architectures in the stages: what a warm start keeps, and one key for one network."""

from __future__ import annotations

from pathlib import Path

from hpo.recipe.architecture import CnnSpec
from hpo.recipe.point import Point, apply_point
from hpo.stages.explore import stage1_result
from hpo.stages.tune import stage2_plan
from hpo.storage.decided import Stage1Result
from tests.stages.story import DATA, SPACE, load, smooth, stage1_rows

OWN = {
    **SPACE,
    "filters": {"reference": 4, "levels": [2, 4, 9]},
    "dropout": {"reference": 0, "levels": [0, 0.5]},
}


def more_filters_are_better(point: Point) -> float | None:
    """Of all trainings one with a low learning rate is best, along the axis of filters the most filters."""
    lucky = 1.0 if point["learning_rate"] == 0.001 else 0.0
    return (smooth(point) or 0.0) + lucky + 0.01 * int(point["filters"]) - 0.1 * float(point["dropout"])


def test_a_warm_start_keeps_the_shape_of_its_donor_and_may_tune_dropout(tmp_path: Path) -> None:
    for warm, filters in (("warm", 4), ("cold", 9)):
        study = load(
            tmp_path,
            space=OWN,
            stage1={"factors": ["learning_rate", "filters", "dropout"]},
            stage2={"factors": ["learning_rate", "dropout"], "warm_start": warm},
        )
        rows = stage1_rows(study, more_filters_are_better)
        stage1 = stage1_result(study, "tiny", rows)
        assert isinstance(stage1, Stage1Result)
        assert stage1.ranges["filters"].best == 9
        assert stage1.donor.point["filters"] == 4
        plan, _ = stage2_plan(study, "tiny", DATA, stage1, stage1.ranges, rows)
        assert plan.fixed["filters"] == filters
        assert set(plan.space) == {"learning_rate", "dropout"}


def test_a_network_has_one_key_whatever_was_set_before_it(tmp_path: Path) -> None:
    study = load(tmp_path, space=OWN, stage1={"factors": ["filters"]}, stage2={"warm_start": "cold"})
    rows = stage1_rows(study, more_filters_are_better)
    stage1 = stage1_result(study, "tiny", rows)
    assert isinstance(stage1, Stage1Result)
    plan, _ = stage2_plan(study, "tiny", DATA, stage1, stage1.ranges, rows)
    for row in rows:
        recipe, _ = apply_point(plan.template, row.point or {})
        assert recipe.key == row.recipe_key
        assert isinstance(recipe.architecture, CnnSpec)
