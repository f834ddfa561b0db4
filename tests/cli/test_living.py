"""``hpo plan`` on a study that has started, ``hpo extend`` and ``hpo copy``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from hpo.config.load import load_study
from hpo.run.output_folder import mark_output
from hpo.storage.database import open_database
from tests.cli.hpo import Hpo
from tests.stages.story import STUDY, Story, load, write


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A study in the database that its file names."""
    study = load(tmp_path, architectures=STUDY["architectures"][:1])
    return Story(study, open_database(study.database))


def settings(story: Story) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(story.study.file.read_text())
    return found


def test_plan_says_what_an_edit_means_and_changes_nothing(hpo: Hpo, story: Story) -> None:
    story.run()
    before = story.everything()
    write(story.study.file.parent, architectures=STUDY["architectures"][:1], stage2={"trials": 9})
    told = hpo("plan", story.study.file)
    assert "stage2.trials: 4 -> 9: stage 2 continues where it ended" in told.out
    (change,) = json.loads(hpo("plan", story.study.file, "--json").out)["changes"]
    assert (change["key"], change["was"], change["now"], change["kind"]) == ("stage2.trials", 4, 9, "taken")
    assert story.everything() == before


def test_plan_refuses_what_is_another_study(hpo: Hpo, story: Story) -> None:
    story.run()
    write(story.study.file.parent, architectures=STUDY["architectures"][:1], stage2={"epochs": 9})
    line = hpo.refused("plan", story.study.file)
    assert "stage2.epochs: 3 -> 9 (stage 2 of tiny has been opened with it)" in line
    assert line.endswith(f"hpo copy {story.study.file} NEW")


def test_plan_refuses_what_run_would_refuse(hpo: Hpo, tmp_path: Path) -> None:
    first = load(tmp_path / "a", architectures=STUDY["architectures"][:1])
    database = open_database(first.database)
    Story(first, database).advance()
    mark_output(database, first)
    taken = write(tmp_path / "b", name="second", output=str(first.output))
    assert "is the output folder of study 'small'" in hpo.refused("plan", taken)
    pupil = write(tmp_path / "c", name="pupil", stage2={"learn_from": ["smell"]}, database=first.database)
    assert "stage2.learn_from: study 'smell' is not in the study's database" in hpo.refused("plan", pupil)
    alone = write(tmp_path / "d", name="alone", stage2={"learn_from": ["small"]})
    assert "stage2.learn_from: study 'small' is not in the study's database" in hpo.refused("plan", alone)


def test_extend_adds_to_the_file_and_the_plan(hpo: Hpo, story: Story) -> None:
    story.run()
    told = hpo("extend", story.study.file, "--trials", 3, "--seeds", 2, "--plan-only")
    assert told.status == 0, told.err
    assert "stage2.trials: 4 -> 7" in told.out
    assert "confirm.seeds: [0, 1] -> [0, 1, 2, 3]" in told.out
    assert (settings(story)["stage2"]["trials"], settings(story)["confirm"]["seeds"]) == (7, [0, 1, 2, 3])
    story.study = load_study(story.study.file)
    story.run()
    assert len([row for row in story.points("stage2") if "slot" in row.label]) == 7
    assert len(story.points("confirm")) == 3 * 4
    status = json.loads(hpo("status", story.study.file, "--json").out)
    assert [plan["changes"] for plan in status["plans"]] == [
        ["stage2.trials: 4 -> 7", "confirm.seeds: [0, 1] -> [0, 1, 2, 3]"]
    ]
    assert "plan changed 20" in hpo("status", story.study.file).out


def test_seeds_that_are_added_are_none_by_which_the_recheck_has_chosen(hpo: Hpo, tmp_path: Path) -> None:
    changes = {"architectures": STUDY["architectures"][:1], "stage2": {"recheck": {"top": 2, "seeds": 2}}}
    study = load(tmp_path, **changes)
    story = Story(study, open_database(study.database))
    story.run()
    before = [row.recipe_key for row in story.points("recheck")]
    assert hpo("extend", study.file, "--seeds", 2, "--plan-only").status == 0
    assert settings(story)["confirm"]["seeds"] == [0, 1, 4, 5]  # 2 and 3 are the recheck's
    story.study = load_study(study.file)
    story.run()
    assert [row.recipe_key for row in story.points("recheck")] == before
    assert len(story.points("confirm")) == 3 * 4


def test_extend_refuses_another_kind_of_budget_nothing_at_all_and_what_has_not_started(hpo: Hpo, story: Story) -> None:
    text = story.study.file.read_text()
    assert "not started" in hpo.refused("extend", story.study.file, "--trials", 3)
    story.run("stage1")
    line = hpo.refused("extend", story.study.file, "--minutes", 3)
    assert line.endswith("stage2.trials is the budget of this study, not minutes; extend it with --trials")
    assert "--trials, --patch-visits or --minutes, or --seeds" in hpo.refused("extend", story.study.file)
    assert story.study.file.read_text() == text


@pytest.mark.parametrize(("budget", "more"), [("patch_visits", "2.5"), ("patch_visits", "1e19"), ("minutes", "1e400")])
def test_extend_leaves_no_file_that_is_no_study(hpo: Hpo, tmp_path: Path, budget: str, more: str) -> None:
    study = load(tmp_path, architectures=STUDY["architectures"][:1], stage2={"trials": None, budget: 5000})
    Story(study, open_database(study.database)).advance()
    before = study.file.read_bytes()
    assert f"stage2.{budget}" in hpo.refused("extend", study.file, f"--{budget.replace('_', '-')}", more, "--plan-only")
    assert study.file.read_bytes() == before


def test_a_study_whose_output_folder_has_no_name_of_its_own_is_copied_too(hpo: Hpo, tmp_path: Path) -> None:
    file = write(tmp_path, output=".")
    assert hpo("copy", file, "other").status == 0
    assert load_study(tmp_path / "other.yaml").output == tmp_path / "other"


def test_a_copy_is_refused_where_its_name_is_a_studys_already(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.run()
    assert "this study is called small already" in hpo.refused("copy", story.study.file, "small")
    other = load(tmp_path / "other", name="other", database=story.study.database)
    Story(other, open_database(other.database)).advance()
    assert "holds a study of that name" in hpo.refused("copy", story.study.file, "other")
    assert sorted(path.name for path in story.study.file.parent.glob("*.yaml")) == [
        "dashboard.yaml",
        "space.yaml",
        "study.yaml",
    ]


def test_a_copy_shares_database_and_checkpoints_and_has_a_search_space_of_its_own(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    told = hpo("copy", story.study.file, "other")
    assert told.status == 0, told.err
    folder = story.study.file.parent
    copied = load_study(folder / "other.yaml")
    assert (copied.name, copied.copy_of) == ("other", "small")
    assert (copied.database, copied.checkpoints) == (story.study.database, story.study.checkpoints)
    assert copied.output == story.study.output.with_name("other")
    assert copied.search_space == folder / "other.search_space.yaml"
    assert copied.space == story.study.space
    assert "already exists" in hpo.refused("copy", story.study.file, "other")
    assert "a study's name is made of" in hpo.refused("copy", story.study.file, "some/where")


def test_a_copy_with_other_validation_patches_has_checkpoints_of_its_own(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    data = {"folder": "data", "patch_size": 16, "valid_patches": 8}
    write(story.study.file.parent, architectures=STUDY["architectures"][:1], data=data)
    told = hpo("copy", story.study.file, "other").out
    assert "its checkpoints are its own" in told
    assert "to continue small too, set back in its file: data.valid_patches: not set -> 8" in told
    assert load_study(story.study.file.with_name("other.yaml")).checkpoints != story.study.checkpoints
