"""What results know of their study file."""

from __future__ import annotations

from pathlib import Path

from hpo.results.settings import settings_of
from tests.stages.story import SPACE, load


def test_a_strategy_with_a_horizon_is_there_where_the_search_space_gives_it_one(tmp_path: Path) -> None:
    found = settings_of(load(tmp_path, strategies={"cosine": {"over": 9}, "step": {"warm_up": 2}}))
    assert [strategy.name for strategy in found.strategies] == [
        "constant",
        "time_based",
        "step",
        "exponential",
        "cosine",
    ]
    assert found.strategies[-1].horizon == 9
    assert [strategy.warm_up for strategy in found.strategies] == [0, 0, 2, 0, 0]


def test_the_sections_are_those_of_the_study_file(tmp_path: Path) -> None:
    study = load(tmp_path, stage2={"recheck": {"top": 2, "seeds": 1}}, confirm={"equal_training": True})
    found = settings_of(study)
    assert (found.stage1, found.stage2, found.confirm) == (study.stage1, study.stage2, study.confirm)
    assert found.reference == study.space.reference
    assert [strategy.name for strategy in found.strategies] == ["constant", "time_based", "step", "exponential"]
    assert found.objective.metric == study.objective.metric


def test_a_step_as_long_as_its_range_is_a_switch(tmp_path: Path) -> None:
    momentum = {"reference": 0.0, "levels": [0.0, 0.9], "step": 0.9}
    found = settings_of(load(tmp_path, space={**SPACE, "momentum": momentum})).factors
    assert [name for name, factor in found.items() if factor.is_switch] == ["momentum"]
