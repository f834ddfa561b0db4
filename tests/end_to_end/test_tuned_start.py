"""Stage 2 that searches from which weights a training starts, through all stages with real trainings."""

from __future__ import annotations

import html
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpo.recipe.recipe import Recipe, recipe_from_json
from tests.end_to_end.conftest import SPACE, STUDY, new_project
from tests.end_to_end.outcome import rows_at

STARTS = ["cold", "warm", "shrink_perturb"]
PANELS = ("two_stages", "donors", "warm_start", "cold_control", "lineage", "importance", "slices", "best_table")


def study(design: str) -> dict[str, Any]:
    return {
        "architectures": STUDY["architectures"][:1],
        "stage1": {"factors": ["epochs", "learning_rate"]},
        "stage2": {
            "design": design,
            "within": "space",
            "epochs": 3,
            "trials": 9,
            "factors": ["learning_rate", "warm_start"],
            "recheck": {"top": 2, "seeds": 1},
        },
        "confirm": {"epochs": 2, "seeds": [0], "equal_training": True},
    }


@pytest.mark.parametrize("design", ["tpe", "asha"])
def test_each_training_starts_as_its_point_says_and_none_is_made_twice(tmp_path: Path, design: str) -> None:
    space = {"factors": {**SPACE["factors"], "warm_start": {"reference": "cold", "levels": STARTS}}}
    project = new_project(tmp_path, study=study(design), space=space)
    (project.folder / "dashboard.yaml").write_text(yaml.safe_dump({"panels": [{"panel": name} for name in PANELS]}))

    project.run("run", "study.yaml")

    url = f"sqlite:///{project.output / 'study.db'}"
    rows = rows_at(url, "SELECT stage_name, point, recipe FROM hpo_design_point WHERE stage_name NOT LIKE '%/test/%'")
    starts: dict[str, set[str]] = {}
    for stage, point, recipe in rows:
        found = recipe_from_json(json.loads(recipe))
        assert json.loads(point)["warm_start"] == found.start
        starts.setdefault(stage.split("/")[1], set()).add(found.start)
    assert starts["stage1"] == {"cold"}
    assert starts["stage2"] == {*STARTS}

    trained = Counter(rows_at(url, "SELECT recipe_key, epoch FROM hpo_trained_epoch"))
    assert max(trained.values()) == 1
    explored, searched = (keys_of(rows, stage) for stage in ("stage1", "stage2"))
    assert explored["cold"].keys() & searched["cold"].keys(), "stage 1's trainings are stage 2's cold ones"
    (donor,) = {one.initial.donor.key for start in STARTS[1:] for one in searched[start].values() if one.initial}
    assert donor in explored["cold"]

    best = yaml.safe_load((project.output / "best_config.yaml").read_text())["models"]["tiny"]
    assert (best["donor"] is None) == (recipe_from_json(best["recipe"]).start == "cold")
    shown = html.unescape((project.output / "report.html").read_text())
    assert "random initial weights or stage 1's, as searched" in shown
    assert "Trials of stage 2 that are not cold start from these stage-1 weights" in shown
    assert "warm_start shrink_perturb" in project.run("show", "study.yaml").stdout


def keys_of(rows: list[Any], stage: str) -> dict[str, dict[str, Recipe]]:
    """The recipes of a stage by their start, and by key."""
    found: dict[str, dict[str, Recipe]] = {}
    for name, _, recipe in rows:
        if name.split("/")[1] == stage:
            one = recipe_from_json(json.loads(recipe))
            found.setdefault(one.start, {})[one.key] = one
    return found
