"""Predictions that are lost are queued to be made again."""

from __future__ import annotations

from pathlib import Path

from hpo.stages.mend import remake_predictions
from hpo.storage.database import Database
from tests.stages.story import STUDY, Story, load


def predictions(story: Story, name: str) -> list[Path]:
    return sorted((Path(story.study.checkpoints) / "predictions").rglob(name))


def test_what_is_there_is_left_alone(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite)
    story.run()
    story.predict()
    before = story.everything()
    assert remake_predictions(sqlite, story.study) == []
    assert story.everything() == before


def test_lost_and_damaged_predictions_reopen_the_test_of_their_architecture_alone(
    sqlite: Database, tmp_path: Path
) -> None:
    story = Story(load(tmp_path, architectures=STUDY["architectures"]), sqlite)
    story.run()
    story.predict()
    frozen = story.stages()["test", "tiny"].plan["configuration"]
    lost, damaged = (
        next(path for path in predictions(story, name) if frozen in str(path)) for name in ("after-0.npz", "truth.npz")
    )
    lost.unlink()
    damaged.write_bytes(b"half")
    (line,) = remake_predictions(sqlite, story.study)
    assert line.startswith("tiny: ")
    assert line.endswith("from checkpoints, or by training again where those are gone")
    assert [row.state for row in story.points("test", "tiny")] == ["waiting"]
    assert [row.state for row in story.points("test", "wide")] == ["complete"]
    assert not story.advance()[0].is_over()
    story.run()
    assert story.stages()["test", "tiny"].plan["configuration"] == frozen
