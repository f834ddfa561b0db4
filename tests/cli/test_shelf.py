"""``hpo list`` and ``hpo show``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpo.storage.database import Database
from hpo.storage.workers import register_worker
from tests.cli.hpo import Hpo
from tests.stages.story import STAGE1_POINTS, Story, load


def test_the_studies_of_a_database_are_listed_with_their_state(
    hpo: Hpo, database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Story(load(tmp_path / "a", database=database_url, name="done"), database)
    done.run()
    half = Story(load(tmp_path / "b", database=database_url, name="half", objective={"metric": "loss"}), database)
    half.run("stage1")
    nan = Story(load(tmp_path / "c", database=database_url, name="hopeless"), database)
    nan.quality = dict.fromkeys(("tiny", "wide"), lambda _point: None)
    nan.run()
    monkeypatch.setenv("HPO_DATABASE", database_url)
    found = {one["name"]: one for one in json.loads(hpo("list", "--json").out)}
    assert {name: one["state"] for name, one in found.items()} == {
        "done": "finished",
        "half": "waiting",
        "hopeless": "given up",
    }
    assert found["half"]["best"] == min(row.objective for row in half.points("stage1") + half.points("stage1", "wide"))
    assert found["done"]["epochs"] == sum(done.trained.values())
    assert found["hopeless"]["points"]["failed"] == 2 * STAGE1_POINTS
    with database.transaction() as session:
        register_worker(session, "half", "machine:1:0", "CPU")
    rows = hpo("list", "--database", database_url).out.splitlines()
    assert any("half" in row and "running" in row for row in rows)


def test_a_list_needs_a_database(hpo: Hpo, tmp_path: Path) -> None:
    assert hpo.refused("list") == "to list its studies, give --database URL or set HPO_DATABASE"
    assert "no study is in it" in hpo.refused("list", "--database", f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_point_is_shown_with_settings_curve_and_faults(hpo: Hpo, story: Story) -> None:
    story.quality = {"wide": lambda point: None if point["learning_rate"] == 0.1 else 0.7}
    story.run("stage1")
    failed = next(row for row in story.points("stage1", "wide") if row.state == "failed")
    listed = hpo("show", story.study.file).out.splitlines()
    assert len(listed) == 2 * STAGE1_POINTS
    assert any(line.startswith(f"{failed.id}  stage1/wide/") and "learning_rate 0.1" in line for line in listed)
    shown = hpo("show", story.study.file, failed.id)
    assert shown.status == 0, shown.err
    assert "attempt 1 by worker, " in shown.out
    assert "the training loss was not finite in epoch 1" in shown.out
    reference = story.points("stage1")[0]
    best = hpo("show", story.study.file, reference.id)
    assert "  reference\n" in best.out
    lines = [line.split() for line in best.out.splitlines()]
    assert lines[lines.index(["validation"]) + 1] == ["epoch", "auc", "loss"]
    assert best.out == hpo("show", story.study.file, best.out.split()[1]).out
    found = json.loads(hpo("show", story.study.file, failed.id, "--json").out)
    assert found["settings"]["learning_rate"] == 0.1
    assert found["faults"][0]["owner"] == "worker"
    line = hpo.refused("show", story.study.file, "99999")
    assert line.startswith("there is no design point '99999'; hpo show STUDY lists them, such as ")
