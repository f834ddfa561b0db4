"""Commands that only look make no database, and take none for another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.hpo import Hpo
from tests.stages.story import Story, write


@pytest.mark.parametrize("command", ["report", "export", "status", "ranges"])
def test_a_database_that_is_not_there_is_named_and_not_made(
    hpo: Hpo, story: Story, command: str, tmp_path: Path
) -> None:
    story.run("stage1")
    report = story.study.output / "report.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("a former report")
    missing = tmp_path / "nowhere" / "typo.db"
    line = hpo.refused(command, story.study.file, "--database", f"sqlite:///{missing}")
    assert line.startswith(f"small: not started: there is no database {missing}; start with: ")
    assert line.endswith(f"hpo run {story.study.file}, or correct --database")
    assert not missing.parent.exists()
    assert report.read_text() == "a former report"


def test_a_study_that_another_study_shares_its_database_with_is_no_beginning(
    hpo: Hpo, story: Story, tmp_path: Path
) -> None:
    story.run("stage1")
    other = write(tmp_path / "other", name="other", database=story.study.database)
    line = hpo.refused("report", other)
    assert line.startswith("other: not started in sqlite:///")
    assert line.endswith(f"; start with: hpo run {other}")
    assert "other: not started in" in hpo.refused("report", story.study.file, other)


@pytest.mark.parametrize("command", ["status", "ranges", "report"])
def test_what_was_planned_is_shown_whatever_the_file_says_by_now(hpo: Hpo, story: Story, command: str) -> None:
    story.run("stage1")
    before = hpo(command, story.study.file)
    assert before.status == 0
    settings = yaml.safe_load(story.study.file.read_text())
    settings["confirm"] = {**settings["confirm"], "epochs": 7}
    settings["stage2"]["trials"] = 44
    story.study.file.write_text(yaml.safe_dump(settings))
    ended = hpo(command, story.study.file)
    assert (ended.status, ended.out) == (0, before.out)
    assert "stage2.trials: 4 -> 44; confirm.epochs: 2 -> 7" in ended.err
    assert "what follows is as planned" in ended.err

    settings["stage1"]["design"] = "no design"
    story.study.file.write_text(yaml.safe_dump(settings))
    (story.study.file.parent / "space.yaml").write_text("nonsense")
    ended = hpo(command, story.study.file)
    assert (ended.status, ended.out) == (0, before.out)
    assert "it is not a sound study file any more" in ended.err


def test_a_folder_is_no_file_for_the_report(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.run("stage1")
    line = hpo.refused("report", story.study.file, "--output", tmp_path)
    assert line == f"--output {tmp_path} is a folder; name an HTML file in it, such as {tmp_path / 'report.html'}"


def test_options_of_the_other_kind_of_file_are_refused(hpo: Hpo, story: Story) -> None:
    line = hpo.refused("run", story.study.file, "--all")
    assert line == f"{story.study.file}: --all is for a best_config.yaml; a study file names its architectures itself"
