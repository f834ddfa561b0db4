"""A study that is killed, edited and extended again and again ends as one that was planned so from the start."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import SPACE, STUDY, Project, new_project
from tests.end_to_end.outcome import rows_at, weights

SMALL: dict[str, Any] = {
    "architectures": STUDY["architectures"][:1],
    "stage1": {"factors": ["epochs", "learning_rate"]},
    "stage2": {**STUDY["stage2"], "trials": 2},
    "confirm": {"epochs": 2, "seeds": [0]},
}
LEVELS = {**SPACE["factors"]["learning_rate"], "levels": [0.01, 0.02, 0.05]}
MORE: dict[str, Any] = {"factors": {**SPACE["factors"], "learning_rate": LEVELS}}


def trained(url: str) -> list[tuple[Any, ...]]:
    return rows_at(url, "SELECT recipe_key, epoch FROM hpo_trained_epoch")


def kill_after(process: subprocess.Popen[str], url: str, epochs: int) -> None:
    """Kill a process once so many epochs have been trained in all."""
    deadline = time.monotonic() + 300
    while len(trained(url)) < epochs:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def counted(url: str) -> list[tuple[Any, ...]]:
    """Every design point that counts, with its accepted result."""
    query = (
        "SELECT stage_name, point_key, recipe_key, epochs, objective, standard_error, curve FROM hpo_design_point "
        "WHERE state = 'complete'"
    )
    found = [
        (*row[:-1], row[-1] if isinstance(row[-1], list) else json.loads(row[-1] or "null"))
        for row in rows_at(url, query)
    ]
    return sorted(found, key=lambda row: row[:2])


def archived_deleted_and_restored(project: Project, url: str, folder: Path) -> Project:
    """The study on another path, nothing of it left where it was."""
    project.run("archive", "study.yaml", "study.tar")
    kept = counted(url)
    project.run("delete", "study.yaml", "--yes")
    assert counted(url) == []
    assert not list(project.output.rglob("*.npz"))
    project.run("restore", "study.tar", str(folder), "--database", url)
    assert counted(url) == kept
    return Project(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The study as it is in the end, planned so from the start, and never disturbed."""
    study = {**SMALL, "stage2": {**SMALL["stage2"], "trials": 5}, "confirm": {"epochs": 2, "seeds": [0, 1]}}
    project = new_project(tmp_path_factory.mktemp("whole"), study=study, space=MORE)
    project.run("run", "study.yaml")
    return project


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the others of this file are on SQLite
def test_a_study_that_is_killed_edited_moved_and_extended_ends_as_one_that_was_planned_so(
    tmp_path: Path, database_url: str, whole: Project
) -> None:
    project = new_project(tmp_path, study={**SMALL, "database": database_url}, space=SPACE)
    kill_after(project.start("run", "study.yaml"), database_url, 2)
    (project.folder / "space.yaml").write_text(yaml.safe_dump(MORE))
    told = project.run("plan", "study.yaml").stdout
    assert "space.yaml: factors.learning_rate.levels: [0.01, 0.05] -> [0.01, 0.02, 0.05]: stage 1 trains" in told
    ended = project.run("run", "study.yaml").stdout
    assert "stage 1 trains the new levels" in ended
    so_far = len(trained(database_url))
    kill_after(project.start("extend", "study.yaml", "--trials", "2"), database_url, so_far + 2)
    moved = archived_deleted_and_restored(project, database_url, tmp_path / "elsewhere")
    moved.run("extend", "study.yaml", "--trials", "1", "--seeds", "1", "--database", database_url)
    settings = yaml.safe_load(moved.study.read_text())
    assert (settings["stage2"]["trials"], settings["confirm"]["seeds"]) == (5, [0, 1])
    assert counted(database_url) == counted(f"sqlite:///{whole.output / 'study.db'}")
    output = moved.folder / "output"
    assert weights(output) == weights(whole.output)
    twice = Counter(trained(database_url))
    assert sum(twice.values()) - len(twice) <= 2, "each kill costs an epoch at most"
    openings = rows_at(database_url, "SELECT configuration FROM hpo_test_opening ORDER BY id")
    assert len(openings) >= 2
    report = (output / "report.html").read_text()
    assert "stage2.trials: 4 -&gt; 5" in report


def test_a_copy_finds_what_both_train(tmp_path: Path) -> None:
    project = new_project(tmp_path, study=SMALL, space=SPACE)
    project.run("run", "study.yaml")
    url = f"sqlite:///{project.output / 'study.db'}"
    before = len(trained(url))
    told = project.run("copy", "study.yaml", "more").stdout
    assert "hpo plan more.yaml" in told
    copied = project.folder / "more.yaml"
    copied.write_text(copied.read_text().replace("trials: 2", "trials: 3"))
    project.run("run", "more.yaml")
    assert all(count == 1 for count in Counter(trained(url)).values())
    search = "SELECT recipe_key FROM hpo_design_point WHERE stage_name = '{}/stage2/tiny' AND point_key LIKE 'slot%'"
    ours, theirs = (set(rows_at(url, search.format(name))) for name in ("more", "small"))
    assert theirs < ours
    assert 0 < len(trained(url)) - before <= 2 * 4, "one trial more, and what follows if it is the best"


def test_lost_predictions_are_made_again_from_checkpoints(finished: Project) -> None:
    before = rows_at(f"sqlite:///{finished.output / 'study.db'}", "SELECT COUNT(*) FROM hpo_trained_epoch")
    lost = next((finished.output / "checkpoints" / "predictions").rglob("after-0.npz"))
    content = lost.read_bytes()
    lost.unlink()
    ended = finished.run("run", "study.yaml")
    assert "1 stored predictions are to be made again" in ended.stderr
    assert lost.read_bytes() == content
    assert rows_at(f"sqlite:///{finished.output / 'study.db'}", "SELECT COUNT(*) FROM hpo_trained_epoch") == before


def test_a_study_whose_every_trial_failed_says_so_with_an_exit_code_of_its_own(tmp_path: Path) -> None:
    space = {"factors": {**SPACE["factors"], "learning_rate": {"reference": 1e30, "levels": [1e30, 1e31]}}}
    study = {**SMALL, "stage2": {**SMALL["stage2"], "factors": ["batch_size", "patches"]}}
    project = new_project(tmp_path, study=study, space=space)
    ended = project.run("run", "study.yaml", status=3)
    assert "tiny: given up: none of 4 trials succeeded" in ended.stderr
    assert ended.stderr.strip().endswith("small: every architecture was given up, all trials failed; see above")
