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


def test_the_reference_of_stage_1_is_a_training_too(tmp_path: Path) -> None:
    strategies, epochs = {"cosine": {"over": 9}}, {"reference": 9}
    study = load(
        tmp_path,
        space={**COSINE, "epochs": epochs},
        strategies=strategies,
        stage1={"factors": ["batch_size", "strategy"]},
        stage2={"epochs": 4},
        confirm={"epochs": 9},
    )
    assert horizon_lines(study) == []
    shorter = study.model_copy(update={"confirm": study.confirm.model_copy(update={"epochs": 3})})
    assert horizon_lines(shorter) == [], "stage 1 comes to the end of the horizon"
    unvaried = load(
        tmp_path / "unvaried",
        space={**COSINE, "epochs": {"reference": 2, "levels": [2, 50]}},
        strategies=strategies,
        stage1={"factors": ["batch_size", "strategy"]},
        stage2={"epochs": 4},
        confirm={"epochs": 4},
    )
    assert horizon_lines(unvaried)[0].startswith("cosine: the longest training takes 4 epochs and its horizon is 9")


def judged(folder: Path, **stage2: object) -> list[str]:
    study = load(
        folder,
        space=COSINE,
        strategies={"cosine": {"over": 16}},
        stage2={"design": "asha", "factors": ["strategy"], "within": "space", "warm_start": "cold", **stage2},
        confirm={"epochs": 16},
    )
    return horizon_lines(study)


def test_a_horizon_that_competes_with_other_strategies_at_early_pauses_is_told(tmp_path: Path) -> None:
    assert judged(tmp_path, epochs=16) == [
        "cosine: stage 2 compares it with constant after 1 epoch, when its rate has hardly fallen; pause later "
        "(stage2.rungs: {first: 4}), or search no other strategy"
    ]
    assert judged(tmp_path, epochs=16, rungs=[3, 16])[0].startswith("cosine: stage 2 compares it with constant after 3")
    assert judged(tmp_path, epochs=16, rungs={"first": 4}) == []
    assert judged(tmp_path, epochs=16, factors=["learning_rate"]) == [], "one strategy for all"
    assert judged(tmp_path, epochs=16, design="random") == [], "no training pauses"
