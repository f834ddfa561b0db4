"""Objectives in a study file: what is wrong with them is one line each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.config.as_planned import as_planned, find_study
from hpo.config.load import load_study
from hpo.config.own_factors import constant_objectives
from hpo.stages.plan import determining_settings
from tests.config.samples import refusal
from tests.stages.story import DATA, SPACE, load, write

CHOOSE = {"best": "auc", "within": 0.01, "then": "parameters"}
TWO: dict[str, Any] = {"objectives": ["auc", "parameters"], "choose": CHOOSE}


def test_a_single_objective_leaves_no_trace_in_a_plan(tmp_path: Path) -> None:
    settings = determining_settings(load(tmp_path), DATA)
    assert not {"objectives", "choose", "limits"} & set(settings)


def test_a_plan_records_objectives_and_is_read_again(tmp_path: Path) -> None:
    choose = {**CHOOSE, "at_most": {"parameters": 2000}}
    study = load(tmp_path, **{**TWO, "choose": choose}, limits={"parameters": 5000})
    settings = determining_settings(study, DATA)
    assert settings["objectives"] == ["auc", "parameters"]
    again = as_planned(find_study(tmp_path / "study.yaml"), settings)
    assert (again.objectives, again.choose, again.limits) == (study.objectives, study.choose, study.limits)


@pytest.mark.parametrize("design", ["tpe", "nsga2", "random", "qmc"])
def test_samplers_of_several_objectives_are_accepted(tmp_path: Path, design: str) -> None:
    assert load(tmp_path, **TWO, stage2={"design": design}).stage2.design == design


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objectives": ["auc", "speed"]}, "objectives.1: 'speed' is no objective;"),
        (
            {"objectives": ["auc"]},
            "objectives: needs at least two; found 'auc', and objective: {metric: ...} is for one",
        ),
        ({"objectives": ["auc", "parameters", "auc"]}, "objectives.2: 'auc' is listed twice"),
        (
            {"objectives": ["f1", "parameters"]},
            "objectives: lacks auc, which ranges and the final comparison are judged by",
        ),
        (
            {"choose": None},
            "objectives: needs choose, which says which network of the front is tuned further, such as "
            "choose: {best: auc, within: 0.01, then: parameters}",
        ),
        ({"objectives": []}, "choose: chooses from the front of several objectives; set objectives, or leave it out"),
        ({"choose": {"best": "f1"}}, "choose.best: f1 is none of the objectives: auc, parameters"),
        ({"choose": {"best": "auc", "then": "auc"}}, "choose.then: is auc, as best is; name another objective"),
        ({"choose": {"best": "auc", "at_most": {"latency_ms": 3}}}, "choose.at_most.latency_ms: latency_ms is none of"),
        ({"choose": {"best": "auc", "within": -1}}, "choose.within: must be at least 0"),
        ({"stage2": {"design": "asha"}}, "stage2.design: asha pauses trainings by one objective; with objectives take"),
        ({"stage2": {"design": "freeze_thaw"}}, "stage2.design: freeze_thaw pauses trainings by one objective; with"),
        ({"stage2": {"trials": None, "minutes": 3, "stop": {"no_gain": 0.2}}}, "stage2.stop: looks at one objective"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    file = write(tmp_path, **{**TWO, **changes})
    found = refusal(load_study, file)
    assert [line for line in found if said in line], found
    assert len(found) == 1


def test_an_objective_that_nothing_changes_is_told(tmp_path: Path) -> None:
    said = "parameters cannot be tuned: no factor of stage2.factors changes the size of a network; add one, such as "
    assert [line[: len(said)] for line in constant_objectives(load(tmp_path, **TWO))] == [said]
    assert constant_objectives(load(tmp_path)) == []
    space = SPACE | {"filters": {"reference": 4, "levels": [2, 4]}}
    tuned = load(tmp_path, **TWO, space=space, stage2={"factors": ["filters"], "warm_start": "cold"})
    assert constant_objectives(tuned) == []
