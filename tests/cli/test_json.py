"""``--json`` of report and run, and what status tells of failures."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from hpo.run.worker_process import WorkerLog
from hpo.storage.claims import claim_points
from tests.cli.hpo import Hpo
from tests.stages.story import Story


def test_a_report_tells_what_was_found(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    story.run("stage1")
    found = json.loads(hpo("report", story.study.file, "--json").out)
    assert found["report"] == str(story.study.output / "report.html")
    assert found["results"] == {"study": "small", "best": None, "objective": "auc", "architectures": {}}
    story.run()
    story.predict()
    found = json.loads(hpo("report", story.study.file, "--json", "--output", tmp_path / "r.html").out)
    assert set(found["results"]["architectures"]) == {"tiny", "wide"}
    assert found["results"]["best"] in ("tiny", "wide")
    area = found["results"]["architectures"]["tiny"]["metrics"]["auc"]
    assert area["difference"]["low"] <= area["difference"]["value"] <= area["difference"]["high"]
    assert area["after"]["value"] - area["before"]["value"] == pytest.approx(area["difference"]["value"])


def test_status_tells_why_points_failed_and_who_holds_what(hpo: Hpo, story: Story) -> None:
    story.quality = {"wide": lambda point: None if point["learning_rate"] == 0.1 else 0.7}
    story.run("stage1")
    story.advance()
    with story.database.transaction() as session:
        (claim, *_) = claim_points(session, "small", "machine:12:0.00", 60)
    failed = next(row for row in story.points("stage1", "wide") if row.state == "failed")
    shown = hpo("status", story.study.file).out
    assert (
        f"small/stage1/wide: 1 failed: the training loss was not finite in epoch 1 (such as point {failed.id})" in shown
    )
    assert f"machine:12:0.00: 1 point of {claim.stage_name}, attempt 1, lease ends in " in shown
    assert f"(point {claim.id}: " in shown
    found = json.loads(hpo("status", story.study.file, "--json").out)
    (one,) = found["failed"]
    assert (one["id"], one["reasons"], one["owner"]) == (failed.id, failed.reasons, "worker")
    assert one["point"]["learning_rate"] == 0.1
    assert found["running"][0]["id"] == claim.id


def test_a_workers_log_names_the_points_settings(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    story.run("stage1")
    story.advance()
    caplog.set_level(logging.INFO, logger="hpo")
    log = WorkerLog(story.study)
    story.advance()
    with story.database.transaction() as session:
        claims = claim_points(session, "small", "one", 60)
    log.started(claims)
    log.ended(claims[0], 0.75, None)
    log.ended(claims[0], None, "out of memory")
    started, ended, failed = (record.getMessage() for record in caplog.records[-3:])
    where = f"{claims[0].stage_name}: point {claims[0].id}"
    assert started.startswith(f"{where}: ")
    assert started.endswith("attempt 1")
    assert ended.startswith(f"{where}: ")
    assert ended.endswith(": auc 0.7500")
    assert failed == f"{where}: out of memory"
