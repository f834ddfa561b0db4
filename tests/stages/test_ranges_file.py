"""``ranges.yaml`` holds what stage 1 found, and what a person changes in it is what stage 2 searches."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from hpo.config.ranges import load_ranges
from hpo.errors import ConfigError
from tests.stages.story import STUDY, Story, Tell

ONE = STUDY["architectures"][:1]


def test_ranges_are_written_for_each_architecture_as_its_stage_1_closes(tell: Tell) -> None:
    story = tell()
    story.advance("stage1")
    assert not story.study.ranges_path.exists()
    seen = []
    while not all(standing.is_over("stage1") for standing in story.advance("stage1")):
        if story.study.ranges_path.exists():
            seen.append(set(load_ranges(story.study.ranges_path, story.study)))
        story.work()
    assert {"tiny"} in seen
    ranges = load_ranges(story.study.ranges_path, story.study)
    assert set(ranges) == {"tiny", "wide"}
    result = story.stages()["stage1", "tiny"].result or {}
    assert {name: limits.model_dump(mode="json") for name, limits in ranges["tiny"].items()} == result["ranges"]


def edit(story: Story, **ranges: Any) -> None:
    """What a person does to ``ranges.yaml``."""
    path = story.study.ranges_path
    found = yaml.safe_load(path.read_text())
    found["architectures"]["tiny"] |= ranges
    path.write_text(yaml.safe_dump(found))


def test_edited_ranges_are_what_stage_2_searches_and_they_are_not_written_over(tell: Tell) -> None:
    story = tell()
    story.run("stage1")
    edit(story, learning_rate={"low": 0.02, "high": 0.03, "best": 0.02})
    edited = story.study.ranges_path.read_text()
    story.run("stage2")
    rates = [(point.point or {})["learning_rate"] for point in story.points("stage2")]
    assert len(rates) == 4
    assert all(0.02 <= rate <= 0.03 for rate in rates)
    assert story.study.ranges_path.read_text() == edited
    found = story.stages()["stage1", "wide"].result or {}
    assert (story.stages()["stage2", "wide"].plan)["ranges"] == found["ranges"]


def test_edits_of_one_architecture_survive_the_end_of_anothers_stage_1(tell: Tell) -> None:
    story = tell()
    while not story.study.ranges_path.exists():
        story.advance("stage1")
        story.work()
    edit(story, learning_rate={"low": 0.02, "high": 0.03, "best": 0.02})
    story.run("stage1")
    ranges = load_ranges(story.study.ranges_path, story.study)
    assert set(ranges) == {"tiny", "wide"}
    assert ranges["tiny"]["learning_rate"].model_dump() == {"low": 0.02, "high": 0.03, "best": 0.02}


def test_ranges_beyond_the_search_space_are_refused_and_nothing_is_opened(tell: Tell) -> None:
    story = tell(architectures=ONE)
    story.run("stage1")
    edit(story, learning_rate={"low": 0.02, "high": 30, "best": 0.02})
    with pytest.raises(
        ConfigError, match=r"ranges\.yaml.*architectures\.tiny\.learning_rate\.high: .*allows 0\.0001 to 1"
    ):
        story.advance()
    assert ("stage2", "tiny") not in story.stages()
    edit(story, learning_rate={"low": 0.02, "high": 0.3, "best": 0.02})
    assert story.run()[0].abandoned is None


def test_an_architecture_that_a_person_took_out_of_the_ranges_gets_stage_1s_own(tell: Tell) -> None:
    story = tell(architectures=ONE)
    story.run("stage1")
    story.study.ranges_path.write_text("architectures: {}\n")
    story.run("stage2")
    found = story.stages()["stage1", "tiny"].result or {}
    assert story.stages()["stage2", "tiny"].plan["ranges"] == found["ranges"]
