"""Databases and stores of other versions: which version reads them, and ``hpo upgrade``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from hpo.storage.database import look_into, open_database
from hpo.storage.migration import FORMAT, recorded_format
from hpo.storage.tables import Table
from tests.cli.hpo import Hpo
from tests.early import early_study, on_a_server
from tests.end_to_end.conftest import write_pcam
from tests.stages.story import Story

LOOKING = ("status", "ranges", "report", "export")


@pytest.fixture
def early(empty_database_url: str, tmp_path: Path) -> tuple[Path, str]:
    """File and database of an early study, on SQLite and PostgreSQL."""
    file = early_study(tmp_path / "early")
    if empty_database_url.startswith("sqlite"):
        return file, f"sqlite:///{file.parent}/out/study.db"
    on_a_server(file, empty_database_url)
    return file, empty_database_url


def test_an_early_study_is_refused_with_what_to_type_and_changed_by_nothing_else(
    hpo: Hpo, early: tuple[Path, str]
) -> None:
    file, url = early
    before = _shape(url)
    for command in LOOKING:
        line = hpo.refused(command, file, "--database", url)
        assert "was made by an earlier version of hpo (its table hpo_" in line
        assert "run: hpo upgrade STUDY, with its file" in line
    assert _shape(url) == before


def test_an_upgraded_early_study_is_shown_with_its_results(hpo: Hpo, early: tuple[Path, str], tmp_path: Path) -> None:
    file, url = early
    ended = hpo("upgrade", file, "--database", url)
    assert ended.status == 0, ended.err
    assert f"upgraded from format without a number; its format is {FORMAT}" in ended.out
    assert "7 predictions moved" in ended.out
    again = hpo("upgrade", file, "--database", url)
    assert f"was up to date; its format is {FORMAT}" in again.out
    assert "0 predictions moved" in again.out

    status = hpo("status", file, "--database", url)
    assert status.status == 0, status.err
    assert all(stage in status.out for stage in ("stage1", "stage2", "confirm", "test"))
    ranges = hpo("ranges", file, "--database", url)
    assert "0.01 to 0.05" in ranges.out
    assert "was edited" not in status.err
    write_pcam(file.parent / "data")
    assert hpo.refused("export", file, "--database", url).endswith("with the version that trained it")
    report = hpo("report", file, "--database", url, "--output", tmp_path / "report.html")
    assert report.status == 0, report.err
    assert "+0.453" in (tmp_path / "report.html").read_text().replace("\N{MINUS SIGN}", "-")


def test_the_columns_after_an_upgrade_are_those_of_a_new_database(early: tuple[Path, str], hpo: Hpo) -> None:
    file, url = early
    hpo("upgrade", file, "--database", url)
    shape = _shape(url)
    for name, table in Table.metadata.tables.items():
        assert shape[name] == {column.name for column in table.columns}
    with closing(open_database(url)) as opened, opened.transaction() as session:
        faults = session.execute(text("SELECT faults FROM hpo_design_point")).all()
        entries = session.scalars(text("SELECT entry FROM hpo_trained_epoch")).all()
    assert len(faults) == 12
    assert len(entries) == len(set(entries)) > 0


def test_of_an_sqlite_file_a_copy_is_kept(hpo: Hpo, tmp_path: Path) -> None:
    file = early_study(tmp_path / "early")
    before = (file.parent / "out" / "study.db").read_bytes()
    hpo("upgrade", file)
    copy = file.parent / "out" / "study.db.backup-1"
    assert _shape(f"sqlite:///{copy}")["hpo_study"] == {"name", "settings", "opened_at"}
    assert copy.stat().st_size == len(before)


def test_a_database_of_a_later_version_is_refused_by_all_with_the_version_that_reads_it(hpo: Hpo, story: Story) -> None:
    story.run("stage1")
    with story.database.engine.begin() as connection:
        connection.execute(text("UPDATE hpo_format SET version_num = '7_hpo_2.3.0'"))
    for command in ("status", "report", "upgrade", "stop"):
        line = hpo(command, story.study.file).err.strip()
        assert "has format 7_hpo_2.3.0" in line
        assert line.endswith("use hpo 2.3.0 or later")


def test_a_database_made_before_formats_had_numbers_is_read_and_gets_its_number_from_whoever_writes(
    story: Story,
) -> None:
    url = story.study.database
    story.advance()
    with story.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE hpo_format"))
    looking = look_into(url)
    assert looking is not None
    looking.close()
    assert "hpo_format" not in _shape(url)
    open_database(url).close()
    with story.database.engine.connect() as connection:
        assert recorded_format(connection) == FORMAT


def _shape(url: str) -> dict[str, set[str]]:
    """The columns of every table."""
    engine = create_engine(url)
    inspector = inspect(engine)
    found = {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}
    engine.dispose()
    return found
