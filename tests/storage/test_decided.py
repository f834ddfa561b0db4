"""Plans and results: typed in the program, the same JSON in the database as before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hpo.config.ranges import ChoiceRange, NumericRange
from hpo.errors import StorageError
from hpo.recipe.recipe import recipe_from_json
from hpo.storage.claims import claim_points
from hpo.storage.database import Database
from hpo.storage.decided import (
    Choice,
    ConfirmPlan,
    ConfirmResult,
    RecheckPlan,
    RecheckResult,
    Stage1Plan,
    Stage1Result,
    Stage2Plan,
    Stage2Result,
    Tested,
)
from hpo.storage.decisions import load_stages
from hpo.storage.stage_json import abandoned, claimed_plan, needed_result, plan_of, result_of, to_json
from hpo.storage.tables import StageRow
from tests.storage.at_once import plan, point

PLAIN: dict[str, Any] = {
    "data": "a3bc", "patches": 160, "batch_size": 16, "learning_rate": 0.03, "optimizer": "sgd", "momentum": 0.9,
    "weight_decay": 0.0, "batch_normalization": False, "augmentation": True, "stain_jitter": 0.0, "seed": 0,
    "architecture": {
        "convolutions": [{"kernel": 7, "filters": 30, "stride": 3}], "dense": [100], "padding": "same", "pool": 2,
        "pool_stride": 2, "batch_normalization": [],
    },
    "strategy": {"name": "constant", "decay": 0.01, "factor": 0.6, "every": 3, "rate": 0.15},
}  # fmt: skip
WARM: dict[str, Any] = {
    **PLAIN,
    "initial": {"donor": PLAIN, "epoch": 2, "mode": "warm", "shrink": 0.4, "perturb": 0.1},
}
RATE = '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.003, "high": 0.03, "log": true}}'
RANGES = {
    "learning_rate": {"low": 0.003, "high": 0.03, "best": 0.03},
    "strategy": {"choices": ["constant", "exponential"], "best": "constant"},
}
VALUES = {"epochs": 2, "patches": 160, "strategy": "constant", "learning_rate": 0.0095, "augmentation": True}
DONOR = {"recipe": PLAIN, "epoch": 2, "point": VALUES, "recipe_key": "5c0b", "objective": 0.75}
SHORT_CHOICE = {"point": VALUES, "recipe": WARM, "objective": 0.83, "key": "slot:000000"}
CHOICE = {**SHORT_CHOICE, "recipe_key": "9f1c", "epochs": 2}
FROZEN = {
    "runs": [{"role": "after", "seed": 0, "recipe": WARM, "recipe_key": "9f1c", "epoch": 2, "objective": 0.81}],
    "configuration": "c0ff",
    "export_seed": 0,
}
STAGE2 = {
    "template": WARM, "fixed": {"epochs": 2}, "space": {"learning_rate": RATE}, "sampler": "tpe", "seed": 0,
    "startup_trials": 3, "ranges": RANGES, "donor": DONOR,
}  # fmt: skip

STORED: list[tuple[str, type[Any], dict[str, Any]]] = [
    ("stage1", Stage1Plan, {"reference": VALUES, "space": {"learning_rate": RATE}}),
    ("stage1", Stage1Plan, {"reference": VALUES, "space": {}, "classes": ["normal", "tumour"]}),
    ("stage2", Stage2Plan, STAGE2),
    ("stage2", Stage2Plan, {**STAGE2, "sampler": "asha", "first": [["stage-1 best", {"learning_rate": 0.03}]]}),
    ("recheck", RecheckPlan, {"candidates": [CHOICE], "seeds": [2, 3]}),
    ("confirm", ConfirmPlan, {"choice": CHOICE, "epochs": 2}),
    ("test", ConfirmResult, FROZEN),
]
"""Plans as databases hold them since 0.1.0."""

RESULTS: list[tuple[type[Any], dict[str, Any]]] = [
    (Stage1Result, {"ranges": RANGES, "donor": DONOR}),
    (Stage2Result, {"choice": CHOICE}),
    (RecheckResult, {"choice": CHOICE, "candidate": 1}),
    (ConfirmResult, FROZEN),
]


def row(stage: str = "stage2", **values: Any) -> StageRow:
    return StageRow(name=f"study/{stage}/model1", stage=stage, **values)


@pytest.mark.parametrize(("stage", "kind", "stored"), STORED)
def test_a_stored_plan_is_read_and_written_as_it_was(stage: str, kind: type[Any], stored: dict[str, Any]) -> None:
    found = plan_of(row(stage, plan=stored), kind)
    assert isinstance(found, kind)
    assert claimed_plan(row(stage, plan=stored)) == found
    assert json.loads(json.dumps(to_json(found))) == stored


@pytest.mark.parametrize(("kind", "stored"), RESULTS)
def test_a_stored_result_is_read_and_written_as_it_was(kind: type[Any], stored: dict[str, Any]) -> None:
    found = needed_result(row(result=stored), kind)
    assert isinstance(found, kind)
    assert json.loads(json.dumps(to_json(found))) == stored


def test_what_is_read_has_its_types() -> None:
    found = plan_of(row(plan=STAGE2), Stage2Plan)
    assert found.template == recipe_from_json(WARM)
    assert found.donor.recipe == recipe_from_json(PLAIN)
    assert found.ranges["learning_rate"] == NumericRange(low=0.003, high=0.03, best=0.03)
    assert found.ranges["strategy"] == ChoiceRange(choices=("constant", "exponential"), best="constant")
    assert [type(value) for value in found.donor.point.values()] == [int, int, str, float, bool]


@pytest.mark.parametrize("kind", [Stage2Result, ConfirmPlan])
def test_a_choice_of_a_stage_2_that_names_neither_key_nor_epochs_has_those_it_implies(kind: type[Any]) -> None:
    more = {"epochs": 4} if kind is ConfirmPlan else {}
    stage = row(plan={"choice": SHORT_CHOICE, **more}, result={"choice": SHORT_CHOICE})
    choice = plan_of(stage, kind).choice if kind is ConfirmPlan else needed_result(stage, kind).choice
    recipe = recipe_from_json(WARM)
    assert choice == Choice(VALUES, recipe, recipe.key, 0.83, "slot:000000", 2)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"template": {}}, "template: Value error, is no recipe"),
        ({"donor": {**DONOR, "epoch": "two"}}, "donor.epoch: Input should be a valid integer"),
        ({"donor": {**DONOR, "recipe": 7}}, "donor.recipe: Value error, is no recipe"),
        ({"ranges": {"learning_rate": {"low": 1}}}, "high: is missing"),
        ({"horizon": 9}, "horizon: is unknown"),
        ({"sampler": "dice"}, "sampler: Input should be 'tpe'"),
    ],
)
def test_a_plan_that_cannot_be_read_is_named_with_what_to_do(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(StorageError) as caught:
        plan_of(row(plan={**STAGE2, **change}), Stage2Plan)
    text = str(caught.value)
    assert text.startswith("study/stage2/model1: its plan in the database cannot be read (")
    assert fault in text
    assert "restore a backup" in text
    assert "\n" not in text


@pytest.mark.parametrize("stored", [{}, [], "text", {"choice": {}}, {"choice": {"point": 3, "recipe": WARM}}])
def test_a_result_of_any_other_form_is_one_line_too(stored: Any) -> None:
    with pytest.raises(StorageError, match=r"its result in the database cannot be read \(") as caught:
        needed_result(row(result=stored), Stage2Result)
    assert "\n" not in str(caught.value)


def test_an_open_stage_and_an_abandoned_one_have_no_result() -> None:
    assert result_of(None, Stage1Result) is None
    assert result_of(row(result=None), Stage1Result) is None
    given_up = row(result={"abandoned": "all diverged"})
    assert result_of(given_up, Stage1Result) is None
    assert abandoned(given_up) == "all diverged"
    assert abandoned(row(result=to_json(Tested()))) is None


def test_a_damaged_plan_is_not_claimed_from(sqlite: Database) -> None:
    plan(sqlite, [point(1)])
    with sqlite.transaction() as session:
        load_stages(session, "study")["stage1", "model1"].plan = {"space": {}}
    with pytest.raises(StorageError, match=r"study/stage1/model1: its plan .* \(reference: is missing\)"):
        sqlite.run(claim_points, "study", "worker", 60)
    with sqlite.transaction() as session:
        assert load_stages(session, "study")["stage1", "model1"].plan == {"space": {}}
