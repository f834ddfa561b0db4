"""Looking at a study is always allowed: in files, folders and databases that may only be read, and without its code."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from sqlalchemy import make_url

from hpo.config.study import StudyFile
from hpo.storage.database import open_database
from tests.cli.hpo import Hpo
from tests.cli.served import serving
from tests.end_to_end.conftest import write_pcam
from tests.rights import lose_override, make_read_only, open_folder, without_override
from tests.stages.story import Story, load

LOOKING = [
    ("status",),
    ("status", "--json"),
    ("ranges",),
    ("ranges", "--json"),
    ("report",),
    ("export", "--tensorboard"),
]
"""Commands that only look; the last two are told where to write."""


@dataclass
class Shown:
    """A study whose files and database may only be read.

    Args:
        study: its stage 1 is over.
        folder: where one may write.
        url: of the database, as somebody who may only read opens it.
        server: whether a server holds it, whose socket is shut to who is bound by the rights of files.
    """

    study: StudyFile
    folder: Path
    url: str
    server: bool

    def only_reading(self) -> AbstractContextManager[None]:
        return nullcontext() if self.server else without_override()

    def words(self, command: tuple[str, ...]) -> tuple[object, ...]:
        where: tuple[object, ...] = ()
        if command[0] == "report":
            where = ("--output", self.folder / "report.html", "--figures", self.folder / "figures")
        elif command[0] == "export":
            where = (self.folder / "logs",)
        return (command[0], self.study.file, *command[1:], *where, "--database", self.url)


@pytest.fixture(params=["sqlite", "postgresql"])
def shown(request: pytest.FixtureRequest) -> Iterator[Shown]:
    with open_folder() as folder:
        (folder / "mine").mkdir()
        url = reading = f"sqlite:///{folder}/mine/study.db"
        if request.param == "postgresql":
            url = _postgresql(request.getfixturevalue("postgresql_server"))
        study = load(folder / "mine", database=url)
        write_pcam(folder / "mine" / "data", {"train": 96, "valid": 64, "test": 64})
        with closing(open_database(url)) as database:
            Story(study, database).run("stage1")
        if request.param == "postgresql":
            reading = _reader(url)
        make_read_only(folder / "mine")
        writable = folder / "writable"
        writable.mkdir()
        writable.chmod(0o777)
        yield Shown(study, writable, reading, request.param == "postgresql")


def _postgresql(server: str) -> str:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")


def _reader(url: str) -> str:
    """The same database as a role sees it that may only select."""
    role = f"reader_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'only-reads'")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    return make_url(url).set(username=role, password="only-reads").render_as_string(hide_password=False)  # noqa: S106


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the patches' digests, which are remembered beside them where that is allowed."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".hashes.npz"))
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_whoever_may_only_read_sees_what_its_owner_sees(hpo: Hpo, shown: Shown, command: tuple[str, ...]) -> None:
    before = contents(shown.study.file.parent)
    with shown.only_reading():
        ended = hpo(*shown.words(command))
    assert ended.status == 0, ended.err
    assert contents(shown.study.file.parent) == before
    expected = {
        "status": "10",
        "ranges": "learning_rate",
        "report": "report.html",
        "export": "TensorBoard: ",
    }
    assert expected[command[0]] in ended.out


@pytest.mark.parametrize("shown", ["sqlite"], indirect=True)
def test_changes_that_a_killed_writer_left_beside_the_database_are_seen(hpo: Hpo, shown: Shown) -> None:
    folder = shown.study.file.parent
    folder.chmod(0o755)
    (folder / "study.db").chmod(0o644)
    with (
        closing(open_database(f"sqlite:///{folder}/study.db")) as database,
        database.engine.connect() as keeping_it_open,
    ):
        keeping_it_open.exec_driver_sql("COMMIT")
        Story(shown.study, database).run("stage2")
        copy = folder.parent / "killed"
        copy.mkdir()
        for kind in ("", "-wal"):
            shutil.copy(folder / f"study.db{kind}", copy / f"study.db{kind}")
        for name in ("study.yaml", "space.yaml", "dashboard.yaml"):
            shutil.copy(folder / name, copy / name)
    assert (copy / "study.db-wal").stat().st_size > 0
    make_read_only(copy)
    with without_override():
        ended = hpo("status", copy / "study.yaml", "--database", f"sqlite:///{copy}/study.db")
    assert ended.status == 0, ended.err
    assert "stage2" in ended.out
    assert sorted(path.name for path in copy.iterdir()) == [
        "dashboard.yaml",
        "space.yaml",
        "study.db",
        "study.db-wal",
        "study.yaml",
    ]


@pytest.mark.parametrize("shown", ["sqlite"], indirect=True)
def test_a_report_that_cannot_be_written_where_the_study_is_says_what_to_type(hpo: Hpo, shown: Shown) -> None:
    with without_override():
        line = hpo("report", shown.study.file, "--database", shown.url).err.splitlines()[-1]
    assert f"{shown.study.output / 'report.html'}: " in line
    assert line.endswith("--output FILE writes the report elsewhere")


def test_the_dashboard_shows_what_may_only_be_read(shown: Shown, tmp_path: Path) -> None:
    words = ("dashboard", str(shown.study.file), "--database", shown.url, "--port", "0")
    with serving(tmp_path / "log", *words, before=None if shown.server else lose_override) as served:
        with urlopen(f"{served.url}api/studies", timeout=120) as response:  # noqa: S310 - our own
            found = response.read().decode()
        assert "small/stage1/tiny" in found
        said = "the database may only be read: figures and notes are those that a worker left there"
        assert served.said() == [said]
        assert served.end(signal.SIGTERM)[0] == os.EX_OK


@pytest.mark.parametrize("command", ["status", "ranges", "report"])
def test_the_source_of_a_function_is_not_needed_to_look(hpo: Hpo, story: Story, command: str, tmp_path: Path) -> None:
    module = tmp_path / "my_models.py"
    module.write_text("def net(shape):\n    return None\n")
    study = load(tmp_path, database=story.study.database, architectures=[{"name": "mine", "function": "my_models:net"}])
    Story(study, story.database).run("stage1")
    before = hpo(command, study.file)
    assert before.status == 0, before.err
    module.write_text(module.read_text() + "\n\ndef other(shape):\n    return None\n")
    changed = hpo(command, study.file)
    assert (changed.status, changed.out) == (0, before.out)
    assert "architectures.mine: my_models:net (" in changed.err
    module.unlink()
    gone = hpo(command, study.file)
    assert (gone.status, gone.out) == (0, before.out)
    assert "no Python file of module 'my_models'" in gone.err
