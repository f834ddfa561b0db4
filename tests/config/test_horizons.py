"""What a plan says of horizons that no training meets."""

from __future__ import annotations

from pathlib import Path

from hpo.config.horizons import horizon_lines
from tests.stages.story import SPACE, load

COSINE = {**SPACE, "strategy": {"reference": "cosine", "levels": ["constant", "cosine"]}}


def lines(folder: Path, over: int, **confirm: int | bool) -> list[str]:
    strategies = {"cosine": {"over": over}}
    study = load(folder, space=COSINE, strategies=strategies, stage2={"epochs": 4}, confirm={"epochs": 6, **confirm})
    return horizon_lines(study)


def test_a_horizon_that_the_final_trainings_reach_needs_no_word(tmp_path: Path) -> None:
    assert lines(tmp_path, 6) == []
    assert horizon_lines(load(tmp_path)) == []


def test_a_horizon_beyond_all_trainings_is_told(tmp_path: Path) -> None:
    assert lines(tmp_path, 9) == [
        "cosine: the longest training takes 6 epochs and its horizon is 9, so that the rate never reaches its end"
    ]


def test_a_horizon_before_the_end_of_the_final_trainings_is_told(tmp_path: Path) -> None:
    assert lines(tmp_path, 5) == ["cosine: the rate stays at its end after 5 epochs, and the final trainings take 6"]


def test_an_equally_trained_reference_goes_beyond_its_horizon(tmp_path: Path) -> None:
    [line] = lines(tmp_path, 6, equal_training=True)
    assert line.startswith("cosine: the reference is trained as long as the tuned model")
