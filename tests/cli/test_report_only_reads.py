"""``hpo report`` writes its page and nothing else: the study database is only read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import InternalError

from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from tests.cli.hpo import Hpo
from tests.stages.story import Story, load


@pytest.fixture
def story(database: Database, database_url: str, tmp_path: Path) -> Story:
    """A study whose stage 2 is over, on SQLite and PostgreSQL."""
    study = load(tmp_path, database=database_url)
    told = Story(study, database, artifacts=ArtifactFiles(Files(study.checkpoints)))
    told.run("stage2")
    return told


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The SQL of every engine, ours and Optuna's, as it is sent."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every table."""
    with database.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        return {name: sorted(map(str, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in tables}  # noqa: S608


def test_a_report_changes_no_row_and_sends_nothing_that_could(hpo: Hpo, story: Story, statements: list[str]) -> None:
    before = contents(story.database)
    assert before["trial_system_attributes"]
    statements.clear()
    ended = hpo("report", story.study.file)
    sent = list(statements)
    assert ended.status == 0, ended.err
    assert "Made by hpo" in (story.study.output / "report.html").read_text()
    assert contents(story.database) == before
    assert len(sent) > 5
    changing = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|MERGE|TRUNCATE)\b", re.IGNORECASE)
    assert [statement for statement in sent if changing.search(statement)] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_report_is_made_where_postgresql_lets_nobody_write(hpo: Hpo, story: Story, database_url: str) -> None:
    only_reading = f"{database_url}&options=-c%20default_transaction_read_only%3Don"
    with (
        closing(open_database(only_reading)) as opened,
        pytest.raises(InternalError, match="read-only"),
        opened.engine.begin() as connection,
    ):
        connection.execute(text("DELETE FROM hpo_worker"))

    ended = hpo("report", story.study.file, "--database", only_reading)
    assert ended.status == 0, ended.err
    assert "Made by hpo" in (story.study.output / "report.html").read_text()
