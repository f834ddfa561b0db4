"""What was best in earlier studies, and for the study's other architectures, is tried first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.config.study import StudyFile
from hpo.errors import ConfigError
from hpo.storage.database import Database
from hpo.storage.tables import PointRow
from tests.stages.story import SPACE, Story, load


def study(folder: Path, name: str, design: str = "random", **stage2: Any) -> StudyFile:
    chosen = {"design": design, "epochs": 3, "trials": 6, "warm_start": "cold", "within": "space", **stage2}
    return load(folder / name, name=name, stage2=chosen)


def tried(story: Story, architecture: str = "tiny") -> list[PointRow]:
    return [row for row in story.points("stage2", architecture) if "slot" in row.label and "from" not in row.label]


def best_values(story: Story, architecture: str) -> dict[str, Any]:
    result = story.stages()["stage2", architecture].result
    assert result is not None
    return {name: result["choice"]["point"][name] for name in ("learning_rate", "batch_size", "patches")}


@pytest.mark.parametrize("design", ["random", "asha"])
def test_the_best_of_an_earlier_study_is_tried_first(sqlite: Database, tmp_path: Path, design: str) -> None:
    earlier = Story(study(tmp_path, "earlier"), sqlite)
    earlier.run("stage2")
    story = Story(study(tmp_path, "later", design, learn_from=["earlier"]), sqlite)
    story.run("stage2")
    learned = [row for row in tried(story) if row.label["origin"].startswith("best of earlier/")]
    expected = best_values(earlier, "tiny")
    assert learned[0].label["origin"] == "best of earlier/tiny"
    assert {name: (learned[0].point or {})[name] for name in expected} == expected
    assert all(int(row.label["slot"]) < 4 for row in learned)


def test_an_architecture_learns_from_the_others_of_its_study(sqlite: Database, tmp_path: Path) -> None:
    story = Story(study(tmp_path, "own", learn_from=["own"]), sqlite)
    # One point after another: the second architecture's stage 2 opens when the first one's has found something.
    while not all(standing.is_over("stage2") for standing in story.advance("stage2")):
        story.work()
    origins = {row.label["origin"] for name in ("tiny", "wide") for row in tried(story, name)}
    assert "best of own/tiny" in origins
    assert "best of own/wide" not in {row.label["origin"] for row in tried(story, "wide")}


def test_values_outside_the_space_are_brought_into_it(sqlite: Database, tmp_path: Path) -> None:
    Story(study(tmp_path, "earlier"), sqlite).run("stage2")
    narrow = {**SPACE, "learning_rate": {"reference": 0.05, "levels": [0.05, 0.1], "scale": "log"}}
    chosen = {"design": "random", "epochs": 3, "trials": 6, "warm_start": "cold", "learn_from": ["earlier"]}
    story = Story(load(tmp_path / "later", space=narrow, name="later", stage2=chosen), sqlite)
    story.run("stage2")
    rates = [float((row.point or {})["learning_rate"]) for row in tried(story)]
    assert min(rates) >= 0.05


def test_a_word_is_no_value_of_a_number(sqlite: Database, tmp_path: Path) -> None:
    words = {**SPACE, "frozen_layers": {"reference": "none", "levels": ["none", "conv1"]}}
    numbers = {**SPACE, "frozen_layers": {"reference": 0, "levels": [0, 1]}}
    chosen = {"design": "random", "epochs": 3, "trials": 6, "warm_start": "cold", "factors": ["frozen_layers"]}
    Story(load(tmp_path / "earlier", space=words, name="earlier", stage2=chosen), sqlite).run("stage2")
    later = load(tmp_path / "later", space=numbers, name="later", stage2={**chosen, "learn_from": ["earlier"]})
    story = Story(later, sqlite)
    story.run("stage2")
    assert {(row.point or {})["frozen_layers"] for row in tried(story)} <= {0, 1}


def test_a_study_that_the_database_does_not_hold_is_refused_before_anything_is_planned(
    sqlite: Database, tmp_path: Path
) -> None:
    Story(study(tmp_path, "earlier"), sqlite).advance("stage1")
    story = Story(study(tmp_path, "later", learn_from=["earlyer"]), sqlite)
    with pytest.raises(ConfigError, match=r"stage2.learn_from: study 'earlyer' .* did you mean 'earlier'"):
        story.advance("stage1")
    assert story.stages() == {}
