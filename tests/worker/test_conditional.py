"""Values that apply under a condition, through both stages, chosen by the samplers themselves."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo.config.dashboard import PanelSettings
from hpo.recipe.conditions import applicable
from hpo.recipe.point import apply_point
from hpo.recipe.recipe import recipe_from_json, recipe_to_json
from hpo.reports.panels import importance, parallel_coordinates, range_axes, slices
from hpo.reports.plot.looks import Looks
from hpo.results.importance import importances
from hpo.results.read import read_results
from hpo.stages.plan import template_recipe
from hpo.storage.claims import Claim
from hpo.storage.database import Database
from hpo.storage.decided import Stage2Plan
from hpo.storage.outcomes import settle_point
from hpo.worker.sampling import sampled_point
from tests.stages.story import DATA, SPACE, Story, load, smooth

CONDITIONAL: dict[str, Any] = {
    **SPACE,
    "optimizer": {"reference": "adam", "levels": ["adam", "sgd"]},
    "momentum": {"reference": 0.9, "levels": [0.5, 0.9], "low": 0.1, "high": 0.95, "only_if": {"optimizer": "sgd"}},
    "nesterov": {"reference": False, "levels": [False, True], "only_if": {"optimizer": "sgd"}},
}
CHANGES: dict[str, Any] = {
    "space": CONDITIONAL,
    "architectures": [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}],
    "stage1": {"factors": ["learning_rate", "optimizer", "momentum", "nesterov"], "margin": 1},
}
DESIGNS = ["tpe", "random", "qmc", "asha", "freeze_thaw"]
DESIGNS += ["gp"] if importlib.util.find_spec("torch") else []
DESIGNS += ["cmaes"] if importlib.util.find_spec("cmaes") else []


class SampledStory(Story):
    """A story whose values a worker's own samplers choose."""

    def _settled(self, claim: Claim) -> Claim:
        plan = claim.plan_as(Stage2Plan)
        assert claim.trial_id is not None
        seed = int(claim.planned.key.rpartition(":")[2])
        point = sampled_point(self.study, self.database, claim, plan, seed, claim.trial_id)
        recipe, epochs = apply_point(plan.template, point)
        settled = replace(
            claim.planned, point=point, recipe=recipe_to_json(recipe), recipe_key=recipe.key, epochs=epochs
        )
        assert self.database.run(settle_point, claim, settled)
        return replace(claim, planned=settled)


def quality(point: Any) -> float:
    return (smooth(point) or 0.0) + 0.05 * float(point.get("momentum", 0.3))


@pytest.mark.parametrize("design", DESIGNS)
def test_every_point_has_what_applies_and_nothing_else(design: str, sqlite: Database, tmp_path: Path) -> None:
    stage2 = {"design": design, "trials": 14, "factors": ["learning_rate", "optimizer", "momentum", "nesterov"],
              "warm_start": "cold"}  # fmt: skip
    study = load(tmp_path, **CHANGES, stage2=stage2)
    story = SampledStory(study, sqlite, quality={"tiny": quality})
    story.run("confirm")

    explored = [row.point or {} for row in story.points("stage1")]
    assert [(p["learning_rate"], p["optimizer"], p.get("momentum"), p.get("nesterov")) for p in explored] == [
        (0.01, "adam", None, None), (0.001, "adam", None, None), (0.1, "adam", None, None),
        (0.01, "sgd", 0.9, False), (0.01, "sgd", 0.5, False), (0.01, "sgd", 0.9, True),
    ]  # fmt: skip
    tuned = [row.point or {} for row in story.points("stage2")]
    conditions = study.space.conditions
    seen = {point["optimizer"] for point in tuned}
    assert seen == {"adam", "sgd"}
    for point in (*explored, *tuned):
        assert ("momentum" in point) == ("nesterov" in point) == (point["optimizer"] == "sgd")
        assert applicable(point, conditions) == point
    for row in story.points("confirm"):
        point = row.point or {}
        assert ("momentum" in point) == (point["optimizer"] == "sgd")
        if row.label["role"] == "before":
            recipe = replace(recipe_from_json(row.recipe or {}), seed=0)
            assert recipe.key == template_recipe(study, "tiny", DATA, 0).key


def test_what_does_not_apply_makes_no_other_key(sqlite: Database, tmp_path: Path) -> None:
    """Stage 2 tries stage 1's best, whose momentum another value of stage 1's range would not change."""
    conditional = {**CONDITIONAL, "augmentation": {"reference": True, "levels": [True, False]}}
    conditional["stain_jitter"] = {"reference": 0.2, "levels": [0.1, 0.2], "only_if": {"augmentation": True}}
    study = load(tmp_path, **{**CHANGES, "space": conditional, "stage1": {"factors": ["augmentation", "stain_jitter"]}})
    story = Story(study, sqlite)
    story.run("stage1")
    recipes = {
        ((row.point or {})["augmentation"], (row.point or {}).get("stain_jitter")): recipe_from_json(row.recipe or {})
        for row in story.points("stage1")
    }
    assert {key: recipe.stain_jitter for key, recipe in recipes.items()} == {
        (True, 0.2): 0.2, (True, 0.1): 0.1, (False, None): 0.0,
    }  # fmt: skip


def test_figures_and_importance_count_only_trials_in_which_a_factor_applies(sqlite: Database, tmp_path: Path) -> None:
    factors = ["learning_rate", "optimizer", "momentum", "nesterov"]
    stage2 = {"design": "random", "trials": 40, "factors": factors, "warm_start": "cold", "within": "space"}
    study = load(tmp_path, **CHANGES, stage2=stage2)
    story = SampledStory(study, sqlite, quality={"tiny": quality})
    story.run("stage2")
    results = read_results(sqlite, study)
    trials = results.finished("stage2", "tiny")
    shares = importances(results.settings, trials)
    assert set(shares) == set(factors)
    assert sum(shares.values()) == pytest.approx(1)
    panel = importance.read(results, PanelSettings(panel="importance"))
    assert set(panel.conditional) == {"momentum", "nesterov"}
    assert "only the trials in which it applies count" in importance.explain(panel)
    for shown in (slices, parallel_coordinates, range_axes):
        facts = shown.read(results, PanelSettings(panel=shown.__name__.rpartition(".")[2]))
        assert shown.draw(facts, Looks(("tiny",))) is not None
