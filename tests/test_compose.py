"""docker-compose.yml, Dockerfile and .env.example: valid, hardened, and complete, as far as can be told without Docker.

What the services do is tested in ``tests/end_to_end/test_compose_services.py``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sqlalchemy import make_url

from hpo.exit_codes import REPLACE_ME, USER_ERROR
from tests.compose import ROOT, compose_file, copied, dockerfile, in_build_context, services, variables

PASSWORD = "p@ss:w/rd"  # noqa: S105 - of nothing
SERVICES: dict[str, dict[str, Any]] = services({"HPO_DATABASE_PASSWORD": PASSWORD})
OURS = sorted(set(SERVICES) - {"database"})
WORKERS = ("worker", "worker-gpu")

every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_file_is_valid_by_the_compose_specification() -> None:
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_it_starts_a_database_workers_dashboard_and_report_and_gpu_workers_only_on_demand() -> None:
    assert sorted(SERVICES) == ["dashboard", "database", "report", "worker", "worker-gpu"]
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "worker-gpu": ["gpu"]
    }


@every_service
def test_what_is_published_is_published_on_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert ("ports" in SERVICES[name]) == (name in {"dashboard", "report"})
    assert "network_mode" not in SERVICES[name]


@every_service
def test_every_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108 - the container's
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & set(service)


def test_nothing_runs_as_root() -> None:
    assert SERVICES["database"]["user"] == "postgres"
    assert [SERVICES[name].get("user") for name in OURS] == [None] * len(OURS)
    stage = dockerfile()[max(index for index, (keyword, _) in enumerate(dockerfile()) if keyword == "FROM") :]
    users = [rest for keyword, rest in stage if keyword == "USER"]
    assert users == ["hpo"]
    assert [keyword for keyword, _ in stage].index("USER") > max(
        index for index, (keyword, _) in enumerate(stage) if keyword == "RUN"
    )


@every_service
def test_only_runs_data_and_database_can_be_written(name: str) -> None:
    volumes = [volume.split(":") for volume in SERVICES[name]["volumes"]]
    writable = {target for _, target, *mode in volumes if mode != ["ro"]}
    assert writable == ({"/var/lib/postgresql/data"} if name == "database" else {"/app/runs", "/app/data"})
    assert all((ROOT / source).is_dir() for source, *_ in volumes if source.startswith("."))
    assert {source for source, *_ in volumes if not source.startswith(".")} <= set(compose_file()["volumes"])


@every_service
def test_every_image_is_built_here_or_of_a_named_version(name: str) -> None:
    service = SERVICES[name]
    if "build" not in service:
        assert re.fullmatch(r"[a-z]+:\d+[\w.-]*", service["image"])
    assert not service["image"].endswith(":latest")


def test_the_dockerfile_begins_from_a_named_version_of_a_python_that_the_project_takes() -> None:
    stages = {rest.partition(" AS ")[2] for keyword, rest in dockerfile() if keyword == "FROM"}
    bases = {rest.partition(" AS ")[0] for keyword, rest in dockerfile() if keyword == "FROM"}
    assert bases - stages == {"python:3.12-slim", "${VARIANT}"}
    variants = {SERVICES["worker-gpu"]["build"]["args"]["VARIANT"]}
    variants |= {rest.removeprefix("VARIANT=") for keyword, rest in dockerfile() if keyword == "ARG"}
    assert variants == {"cpu", "gpu"} == stages - {""}


def test_workers_can_be_scaled_start_again_when_they_ask_to_and_may_finish_an_epoch() -> None:
    for name in WORKERS:
        worker = SERVICES[name]
        assert not {"container_name", "hostname", "ports", "healthcheck"} & set(worker)
        assert worker["restart"] == "no"
        assert worker["stop_grace_period"] == "5m"
    assert SERVICES["worker-gpu"]["command"] == SERVICES["worker"]["command"]
    (device,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


@pytest.mark.parametrize(
    ("codes", "ended"), [([0], 0), ([75, 75, 0], 0), ([75, 2], 2), ([2, 0], 2), ([70, 0], 70)], ids=str
)
def test_a_worker_starts_again_after_75_and_after_nothing_else(tmp_path: Path, codes: list[int], ended: int) -> None:
    (tmp_path / "codes").write_text("\n".join(map(str, codes)))
    worker = tmp_path / "hpo"
    worker.write_text("#!/bin/sh\ncode=$(head -1 codes); sed -i 1d codes; echo ran >> runs; exit $code\n")
    worker.chmod(0o755)
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    finished = subprocess.run(
        SERVICES["worker"]["command"], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, timeout=60, check=False
    )
    assert finished.returncode == ended
    assert len((tmp_path / "runs").read_text().split()) == codes.index(ended) + 1


def test_a_worker_that_is_told_to_end_ends_in_its_own_time_and_does_not_start_again(tmp_path: Path) -> None:
    worker = tmp_path / "hpo"
    worker.write_text(
        "#!/bin/sh\ntrap 'sleep 0.3; echo ended >> runs; exit 75' TERM\n"
        "echo ran >> runs\nwhile :; do sleep 0.05; done\n"
    )
    worker.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    with subprocess.Popen(SERVICES["worker"]["command"], cwd=tmp_path, env=environment) as process:
        while not (tmp_path / "runs").exists():
            time.sleep(0.02)
        process.terminate()
        assert process.wait(timeout=60) == 75
    assert (tmp_path / "runs").read_text().split() == ["ran", "ended"]


def test_kubernetes_runs_the_same_image_commands_and_environment() -> None:
    documents = list(yaml.safe_load_all((ROOT / "docs/kubernetes.yaml").read_text(encoding="utf-8")))
    specs = {one["metadata"]["name"]: one["spec"] for one in documents if "template" in one["spec"]}
    pods = {name: spec["template"]["spec"] for name, spec in specs.items()}
    assert set(pods) == {"hpo-database", "hpo-workers", "hpo-report"}
    for name, service in (("hpo-workers", "worker"), ("hpo-report", "report")):
        (container,) = pods[name]["containers"]
        assert container["image"] == "REGISTRY/hpo:cpu"
        command = [word for word in SERVICES[service]["command"] if word in container["command"]]
        assert command[:3] == container["command"][:3]
        names = {variable["name"] for variable in container["env"]}
        assert names == set(SERVICES[service]["environment"])
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pods[name]["securityContext"]["runAsUser"] == 10001
        claims = {volume["name"] for volume in pods[name]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == claims
    (database,) = pods["hpo-database"]["containers"]
    assert database["image"] == SERVICES["database"]["image"]
    rules = specs["hpo-workers"]["podFailurePolicy"]["rules"]
    codes = {rule["action"]: rule["onExitCodes"]["values"] for rule in rules if "onExitCodes" in rule}
    assert codes == {"Ignore": [REPLACE_ME], "FailJob": [USER_ERROR, 3]}


@pytest.mark.parametrize("name", OURS)
def test_everything_waits_for_the_database(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "healthcheck" in SERVICES["database"]


def test_without_a_password_nothing_starts_and_the_message_says_what_to_do() -> None:
    for environment in ({}, {"HPO_DATABASE_PASSWORD": ""}):
        with pytest.raises(ValueError, match=r"HPO_DATABASE_PASSWORD is missing a value: cp \.env\.example \.env"):
            services(environment)


def test_the_password_is_in_no_file_no_url_and_no_command_line() -> None:
    places = [
        f"{name}.{key}"
        for name, service in SERVICES.items()
        for key, value in service.items()
        if key != "environment" and PASSWORD in str(value)
    ]
    holders = {
        (name, key)
        for name, service in SERVICES.items()
        for key, value in service["environment"].items()
        if PASSWORD in value
    }
    assert places == []
    assert holders == {("database", "POSTGRES_PASSWORD"), *((name, "PGPASSWORD") for name in OURS)}
    for name in OURS:
        assert SERVICES[name]["environment"]["PGPASSWORD"] == PASSWORD
        assert make_url(SERVICES[name]["environment"]["HPO_DATABASE"]).password is None


def test_the_services_agree_on_user_and_database() -> None:
    made = SERVICES["database"]["environment"]
    for name in OURS:
        url = make_url(SERVICES[name]["environment"]["HPO_DATABASE"])
        assert (url.drivername, url.host) == ("postgresql+psycopg", "database")
        assert (url.username, url.database) == (made["POSTGRES_USER"], made["POSTGRES_DB"])
    assert f"--username={made['POSTGRES_USER']}" in SERVICES["database"]["healthcheck"]["test"]
    assert f"--dbname={made['POSTGRES_DB']}" in SERVICES["database"]["healthcheck"]["test"]


def test_the_example_of_env_explains_every_variable_and_sets_no_password() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?[A-Z_]+=", line))
    assert set(named) == variables()
    assert named["HPO_DATABASE_PASSWORD"] == ""
    assert (ROOT / named["HPO_STUDY"]).is_file()
    given = {name: value for name, value in named.items() if name != "HPO_DATABASE_PASSWORD"}
    assert services({"HPO_DATABASE_PASSWORD": PASSWORD} | given) == SERVICES  # the defaults are the example's
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_image_is_built_from_files_that_exist_and_are_let_in() -> None:
    for source in copied():
        assert (ROOT / source).exists(), source
        assert in_build_context(source), source


@pytest.mark.parametrize(
    "path",
    [".env", ".git/config", "runs/quickstart/study.db", "data/pcam/x.h5", ".venv/bin/python", "tests/compose.py"],
)
def test_neither_secrets_nor_data_nor_tests_are_let_in(path: str) -> None:
    assert not in_build_context(path)


def test_compiled_files_stay_outside_and_sources_go_in() -> None:
    assert in_build_context("hpo/cli/report.py")
    assert not in_build_context("hpo/cli/__pycache__/report.cpython-312.pyc")


def test_an_edit_of_the_code_reinstalls_no_dependency() -> None:
    steps = [rest for keyword, rest in dockerfile() if keyword in {"COPY", "RUN"}]
    first_code = next(index for index, step in enumerate(steps) if step.startswith(("hpo/", "pyproject.toml")))
    installs = [index for index, step in enumerate(steps) if "pip install" in step and "--no-deps" not in step]
    assert installs
    assert max(installs) < first_code


def test_the_project_can_be_installed_from_what_the_image_has_and_misses_no_file(tmp_path: Path) -> None:
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    build = "from setuptools.build_meta import build_wheel; build_wheel('wheel')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("hpo/")}
    kept = {str(path.relative_to(tmp_path)) for path in (tmp_path / "hpo").rglob("*") if path.is_file()}
    assert packed == kept


def blocks_of(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Each package of a lock file: the line that pins it, and its hashes."""
    found = {}
    for block in re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE):
        pin = block.split(" \\\n")[0]
        if "==" in pin:
            found[pin.split("==")[0].split("[")[0]] = pin, frozenset(re.findall(r"--hash=(\S+)", block))
    return found


def test_the_images_lock_has_the_pins_and_hashes_of_the_developers_lock() -> None:
    image, everything = blocks_of("requirements-image.lock"), blocks_of("requirements.lock")
    assert image
    assert {name: block for name, block in image.items() if everything.get(name) != block} == {}
    assert all(hashes for _, hashes in image.values())


def test_the_images_lock_has_all_that_its_services_need_and_nothing_for_developers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wished = [*project["dependencies"], *extras["dashboard"], *extras["postgres"], *extras["s3"]]
    needed: set[str] = set()
    queue = [Requirement(line) for line in wished]
    seen: set[tuple[str, str]] = set()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        needed.add(name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                queue += [
                    child
                    for child in map(Requirement, installed_requirements(name))
                    if child.marker is None or child.marker.evaluate({"extra": extra})
                ]
    locked = set(blocks_of("requirements-image.lock"))
    assert needed - locked == set()
    assert locked - needed <= {"colorama", "tzdata"}  # for Windows; pip leaves them out
    assert "setuptools" in locked  # what --no-build-isolation builds the project with


def installed_requirements(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError as error:
        raise AssertionError(f"{name} is not installed") from error
