"""Several objectives in stage 2: Optuna's own front, and the network that the rule chooses from it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.evaluation.front import objectives_of
from hpo.recipe.point import Point
from hpo.results.front import read_front
from hpo.results.read import read_results
from hpo.stages.replan import accept_plan
from hpo.storage.database import Database
from hpo.storage.decided import RecheckResult, Stage2Result
from hpo.storage.optuna_trials import trial_values
from hpo.storage.stage_json import result_of
from tests.stages.story import DATA, SPACE, Story, load

OWN = {**SPACE, "filters": {"reference": 4, "levels": [2, 4, 8, 16]}, "dense": {"reference": 8, "levels": [4, 8, 32]}}
ONE = [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}]
CHOOSE = {"best": "auc", "within": 0.01, "then": "parameters"}


def of_two(folder: Path, *, stage2: dict[str, Any] | None = None, **changes: Any) -> StudyFile:
    searched = {
        "within": "space",
        "factors": ["filters", "dense"],
        "warm_start": "cold",
        "trials": 12,
        **(stage2 or {}),
    }
    usual = {"objectives": ["auc", "parameters"], "choose": CHOOSE, "architectures": ONE}
    return load(folder, space=OWN, stage2=searched, **{**usual, **changes})


def larger_is_better(point: Point) -> float:
    """More filters and units are better, ever less so."""
    return 0.5 + 0.1 * math.log10(int(point["filters"]) * int(point["dense"])) + 0.001 * int(point["epochs"])


def told(story: Story) -> Story:
    story.quality["tiny"] = larger_is_better
    return story


@pytest.mark.parametrize("design", ["tpe", "nsga2", "random"])
def test_optuna_holds_every_objective_and_its_front_is_ours(sqlite: Database, tmp_path: Path, design: str) -> None:
    story = told(Story(of_two(tmp_path, stage2={"design": design}), sqlite))
    story.run("stage2")
    name = "small/stage2/tiny"
    study = optuna.load_study(study_name=name, storage=sqlite.storage)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["auc", "parameters"]
    objectives = objectives_of(story.study)
    assert objectives is not None
    rows = [row for row in story.points("stage2") if row.state == "complete"]
    values = sqlite.run(trial_values, name)
    found = [values[row.trial_id or -1] for row in rows]
    assert len(found) >= 12
    ours = {found[number] for number in objectives.front(found)}
    assert ours == {tuple(trial.values) for trial in study.best_trials}
    assert len(ours) >= 3
    assert [
        direction.name
        for direction in optuna.load_study(study_name="small/stage1/tiny", storage=sqlite.storage).directions
    ] == ["MAXIMIZE"]


def test_the_rule_chooses_and_the_report_has_the_same_front(sqlite: Database, tmp_path: Path) -> None:
    story = told(Story(of_two(tmp_path), sqlite))
    story.run("stage2")
    chosen = result_of(story.stages()["stage2", "tiny"], Stage2Result)
    front = read_front(read_results(sqlite, story.study))
    assert chosen is not None
    assert front is not None
    best = max(trial.values[0] for trial in front.best)
    good = [trial.values for trial in front.best if trial.values[0] >= best - 0.01]
    assert chosen.choice.values == min(good, key=lambda values: values[1])
    assert front.chosen["tiny"].recipe_key == chosen.choice.recipe_key
    assert len(front.best) >= 3


def test_the_recheck_trains_the_first_of_the_front_and_the_rule_decides_by_fresh_seeds(
    sqlite: Database, tmp_path: Path
) -> None:
    study = of_two(tmp_path, stage2={"recheck": {"top": 3, "seeds": 2}}, choose={"best": "auc", "within": 1})
    story = told(Story(study, sqlite))
    story.run("recheck")
    chosen = result_of(story.stages()["recheck", "tiny"], RecheckResult)
    assert chosen is not None
    # Everything is within 1 of the best AUC: the smallest network is chosen, whatever its fresh trainings give.
    assert chosen.candidate == 0
    values = sqlite.run(trial_values, "small/stage2/tiny").values()
    assert chosen.choice.values[1] == min(value[1] for value in values)


def test_bounds_of_the_rule_are_optunas_constraints(sqlite: Database, tmp_path: Path) -> None:
    choose = {"best": "parameters", "then": "auc", "at_least": {"auc": 0.65}}
    story = told(Story(of_two(tmp_path, choose=choose), sqlite))
    story.run("stage2")
    study = optuna.load_study(study_name="small/stage2/tiny", storage=sqlite.storage)
    for trial in study.trials:
        assert trial.constraints == {"auc at least 0.65": pytest.approx(0.65 - trial.values[0])}
    chosen = result_of(story.stages()["stage2", "tiny"], Stage2Result)
    assert chosen is not None
    assert chosen.choice.values[0] >= 0.65
    assert chosen.choice.values[1] == min(trial.values[1] for trial in study.trials if trial.values[0] >= 0.65)


def test_another_rule_chooses_again_and_other_objectives_are_another_study(sqlite: Database, tmp_path: Path) -> None:
    story = told(Story(of_two(tmp_path), sqlite))
    story.run("stage2")
    before = result_of(story.stages()["stage2", "tiny"], Stage2Result)
    edited = of_two(tmp_path, choose={"best": "parameters", "within": 0})
    changes = accept_plan(sqlite, edited, DATA)
    assert {change.kind for change in changes} == {"anew"}
    story.study = edited
    story.run("stage2")
    after = result_of(story.stages()["stage2", "tiny"], Stage2Result)
    assert before is not None
    assert after is not None
    assert after.choice.values[1] < before.choice.values[1]
    with pytest.raises(ConfigError, match=r"objectives: .*stage 2 has searched for other objectives"):
        accept_plan(sqlite, of_two(tmp_path, objectives=["auc", "model_mb"], choose={"best": "auc"}), DATA)


def test_a_budget_of_patch_visits_takes_several_objectives(sqlite: Database, tmp_path: Path) -> None:
    study = of_two(tmp_path, stage2={"trials": None, "patch_visits": 2000})
    story = told(Story(study, sqlite))
    story.run("stage2")
    assert len(story.points("stage2")) >= 8
