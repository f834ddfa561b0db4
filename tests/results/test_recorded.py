"""A study is read as it was at one moment, whatever workers write meanwhile."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from hpo.reports.page.summary import summarize
from hpo.results.read import read_results
from hpo.storage.claims import claim_points
from hpo.storage.database import Database, open_database
from hpo.storage.ledger import record_epoch
from hpo.storage.outcomes import fail_point
from tests.stages.story import Story, load


def test_what_a_worker_writes_while_a_study_is_read_is_in_none_of_it(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(load(tmp_path), database)
    story.run("stage1")
    story.advance()
    reader, statements = open_database(database_url), []

    def write(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """After the reader's first look at the stages a worker fails a point and enters an epoch."""
        statements.append(statement)
        if "FROM hpo_stage" in statement and sum("FROM hpo_stage" in one for one in statements) == 1:
            (claim, *_) = database.run(claim_points, "small", "worker", 3600)
            database.run(partial(fail_point, claim=claim, reason="the disk was full", max_attempts=1))
            database.run(
                record_epoch, study="small", recipe_key="f" * 64, epoch=1, patch_visits=90, seconds=1.0, owner="worker"
            )

    before = read_results(reader, story.study)
    event.listen(reader.engine, "after_cursor_execute", write)
    during = read_results(reader, story.study)
    event.remove(reader.engine, "after_cursor_execute", write)
    after = read_results(reader, story.study)
    reader.close()
    assert any("FROM hpo_stage" in one for one in statements)
    assert [trial.state for trial in during.trials] == [trial.state for trial in before.trials]
    assert (during.faults, len(during.epochs)) == (before.faults, len(before.epochs))
    assert [fault.reason for fault in after.faults] == ["the disk was full"]
    assert len(after.epochs) == len(before.epochs) + 1


def test_a_study_ends_although_an_architecture_was_given_up(sqlite: Database, tmp_path: Path) -> None:
    story = Story(load(tmp_path), sqlite, quality={"wide": lambda _: None})
    story.advance()
    assert not read_results(sqlite, story.study).is_finished
    story.run()
    story.predict()
    results = read_results(sqlite, story.study)
    assert list(results.given_up) == ["wide"]
    assert results.given_up["wide"].startswith("none of ")
    assert results.is_finished
    page = summarize(results)
    assert "not finished" not in page
    assert "wide was given up: none of " in page
