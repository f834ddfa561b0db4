"""``hpo archive`` and ``hpo restore``: the same study, on another path and in another kind of database."""

from __future__ import annotations

import errno
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.orm import Session

from hpo.config.load import load_study
from hpo.storage.artifacts import ArtifactFiles
from hpo.storage.database import Database, open_database
from hpo.storage.files import Files
from hpo.storage.study_rows import read_rows
from tests.cli.hpo import Hpo
from tests.cli.killed import is_killed
from tests.cli.test_delete import files, told
from tests.stages.story import Story, load


def contents(database: Database, study: str = "small") -> dict[str, list[Any]]:
    """The rows of a study without the ids that a database draws, in a settled order."""

    def read(session: Session) -> dict[str, list[Any]]:
        return {
            table: sorted(
                json.dumps({name: value for name, value in row.items() if not name.endswith("_id") and name != "id"})
                for row in rows
            )
            for table, rows in read_rows(session, study).items()
        }

    return database.run(read)


@pytest.fixture
def elsewhere(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Options for a database of the other kind than the study's, and its URL."""
    if database_url.startswith("sqlite"):
        server = request.getfixturevalue("postgresql_server")
        from tests.conftest import _create, _url

        url = _url(server, _create(server))
        yield ("--database", url)
    else:
        yield ("--database", f"sqlite:///{tmp_path}/elsewhere/other.db")


def test_a_restored_study_is_the_study_in_another_kind_of_database(
    hpo: Hpo, database: Database, database_url: str, tmp_path: Path, elsewhere: tuple[str, ...]
) -> None:
    story = told(tmp_path / "mine", database, database_url)
    tar = tmp_path / "mine.tar"
    ended = hpo("archive", story.study.file, tar)
    assert ended.status == 0, ended.err
    assert ended.out.startswith(f"{tar}: ")
    restored = tmp_path / "there" / "study"
    ended = hpo("restore", tar, restored, *elsewhere)
    assert ended.status == 0, ended.err
    there = load_study(restored / "study.yaml", elsewhere[1])
    assert (there.output, there.checkpoints) == (restored / "output", str(restored / "output" / "checkpoints"))
    assert there.data.folder == story.study.data.folder
    with closing(open_database(elsewhere[1])) as opened:
        assert contents(opened) == contents(database)
    assert files(Path(there.checkpoints)) == files(Path(story.study.checkpoints))
    report = hpo("report", restored / "study.yaml", "--output", tmp_path / "report.html", *elsewhere)
    assert report.status == 0, report.err
    assert hpo("show", restored / "study.yaml", "stage1/tiny/0", *elsewhere).status == 0
    assert "small" in hpo("list", *elsewhere).out


def test_an_own_augmentation_and_the_file_that_it_reads_are_in_the_archive(
    hpo: Hpo, database: Database, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bending.py").write_text("def bend(patches, seed):\n    return patches\n")
    (tmp_path / "mine" / "field.npy").write_bytes(b"12")
    augment = {"function": "bending:bend", "files": ["field.npy"]}
    story = told(tmp_path / "mine", database, database_url, augment=augment)
    ended = hpo("archive", story.study.file, tmp_path / "mine.tar")
    assert ended.status == 0, ended.err
    with tarfile.open(tmp_path / "mine.tar") as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert {"bending.py", "field.npy", "study.yaml"} <= names


def test_a_study_goes_on_where_it_was_restored_as_if_nothing_had_happened(
    hpo: Hpo, database: Database, database_url: str, tmp_path: Path, elsewhere: tuple[str, ...]
) -> None:
    study = load(tmp_path / "mine", database=database_url)
    first = Story(study, database)
    first.run("stage1")
    first.advance()
    first.work()
    assert hpo("archive", study.file, tmp_path / "mine.tar").status == 0
    assert hpo("restore", tmp_path / "mine.tar", tmp_path / "there", *elsewhere).status == 0
    with closing(open_database(elsewhere[1])) as opened:
        there = load_study(tmp_path / "there" / "study.yaml", elsewhere[1])
        second = Story(there, opened, trained=first.trained.copy())
        second.run()
        first.run()
        assert _outcome(second) == _outcome(first)


def _outcome(story: Story) -> list[Any]:
    return [
        (stage, architecture, row.plan, row.result, [(one.point_key, one.recipe_key, one.objective) for one in points])
        for (stage, architecture), row in sorted(story.stages().items())
        for points in [story.points(stage, architecture)]  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("where", "at"),
    [("hpo.run.restore:_content", 3), ("os:replace", 1), ("hpo.run.restore:enter_rows", 1)],
)
def test_whoever_is_killed_while_restoring_begins_again(
    database: Database, database_url: str, tmp_path: Path, elsewhere: tuple[str, ...], hpo: Hpo, where: str, at: int
) -> None:
    story = told(tmp_path / "mine", database, database_url)
    assert hpo("archive", story.study.file, tmp_path / "mine.tar").status == 0
    words = ("restore", tmp_path / "mine.tar", tmp_path / "there", *elsewhere)
    assert is_killed(where, at, *words)
    ended = hpo(*words)
    assert ended.status == 0, ended.err
    with closing(open_database(elsewhere[1])) as opened:
        assert contents(opened) == contents(database)
    again = hpo(*words)
    assert again.status == 2
    assert "holds a study named 'small" in again.err


def test_an_archive_whose_writer_was_killed_is_not_there(story: Story, tmp_path: Path) -> None:
    mine = told(tmp_path / "mine", story.database, story.study.database)
    assert is_killed("hpo.storage.files:Files.read", 5, "archive", mine.study.file, tmp_path / "mine.tar")
    assert not (tmp_path / "mine.tar").exists()


def test_a_sqlite_study_needs_no_options_anywhere(hpo: Hpo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load(tmp_path / "mine")
    (tmp_path / "mine" / "my_models.py").write_text("def net(shape):\n    return None\n")
    with closing(open_database(study.database)) as database:
        Story(study, database, artifacts=ArtifactFiles(Files(study.checkpoints))).run("stage1")
    assert hpo("archive", study.file, tmp_path / "mine.tar").status == 0
    monkeypatch.chdir(tmp_path)
    assert hpo("restore", tmp_path / "mine.tar").status == 0
    assert hpo("status", tmp_path / "small" / "study.yaml").status == 0
    assert hpo("ranges", tmp_path / "small" / "study.yaml").out.count("learning_rate") == 2
    values = yaml.safe_load((tmp_path / "small" / "study.yaml").read_text())
    assert "database" not in values


def test_a_place_that_cannot_be_written_is_not_called_a_damaged_archive(
    hpo: Hpo, story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.run("stage1")
    assert hpo("archive", story.study.file, tmp_path / "whole.tar").status == 0

    def full(_path: Path, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    line = hpo.refused("restore", tmp_path / "whole.tar", tmp_path / "there")
    assert line.startswith(f"{tmp_path / 'there'}: cannot be written: no space left on the disk")


def test_what_is_no_archive_or_damaged_is_refused_and_leaves_nothing(hpo: Hpo, story: Story, tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("no archive")
    assert "is no archive of hpo, or damaged" in hpo.refused("restore", tmp_path / "text.tar", tmp_path / "there")
    story.run("stage1")
    whole = tmp_path / "whole.tar"
    assert hpo("archive", story.study.file, whole).status == 0
    assert "already exists" in hpo.refused("archive", story.study.file, whole)
    _changed(whole, tmp_path / "flipped.tar", {"study/space.yaml": None, "rows.json": b"[]"})
    assert "rows.json is missing or damaged" in hpo.refused("restore", tmp_path / "flipped.tar", tmp_path / "there")
    _changed(whole, tmp_path / "later.tar", {}, format="9_hpo_3.1.0")
    line = hpo.refused("restore", tmp_path / "later.tar", tmp_path / "there")
    assert "was written by hpo " in line
    assert "format 9_hpo_3.1.0" in line
    _changed(whole, tmp_path / "leads.tar", {}, extra="study/../../out.txt")
    assert "leads out of the folder" in hpo.refused("restore", tmp_path / "leads.tar", tmp_path / "there")
    assert not (tmp_path / "there").exists()
    assert not (tmp_path / "out.txt").exists()


def _changed(
    source: Path, target: Path, contents: dict[str, bytes | None], extra: str | None = None, **manifest: str
) -> None:
    """An archive with other contents, and a manifest with other words."""
    with tarfile.open(source) as whole, tarfile.open(target, "w") as tar:
        for member in whole.getmembers():
            file = whole.extractfile(member)
            assert file is not None
            content = contents.get(member.name) or file.read()
            if member.name == "manifest.json":
                values = {**json.loads(content), **manifest}
                if extra is not None:
                    values["members"] = {extra: "0" * 64, **values["members"]}
                content = json.dumps(values).encode()
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
