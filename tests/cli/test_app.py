"""The command as a whole: quick to start, and one line for each error that a user can mend."""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import subprocess
import sys
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hpo.cli import app as module
from hpo.errors import HpoError, StopRequestedError
from hpo.exit_codes import BROKEN_PIPE, REPLACE_ME, UNFORESEEN, USER_ERROR
from hpo.run.tracebacks import tracebacks_kept
from tests.cli.hpo import Hpo
from tests.stages.story import SPACE, Story, write

HEAVY = ("tensorflow", "keras", "sklearn", "scipy.stats", "plotly")

RUN_ALL = """
import contextlib, io, json, sys
from hpo.cli.app import main

def loaded(*arguments):
    sys.argv = ["hpo", *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main()
    return [name for name in HEAVY if name in sys.modules], len(out.getvalue())

print(json.dumps([loaded(*arguments) for arguments in COMMANDS]))
"""


def test_no_command_that_does_not_train_imports_tensorflow_and_no_help_anything_heavy(tmp_path: Path) -> None:
    study = str(write(tmp_path))
    helps = [["--help"]]
    helps += [[name, "--help"] for name in ("run", "plan", "status", "ranges", "report", "export", "init", "schema")]
    commands = [["plan", study], ["plan", study, "--json"], ["status", study, "--json"], ["ranges", study]]
    code = f"HEAVY = {HEAVY!r}\nCOMMANDS = {[*helps, *commands, ['report', study]]!r}\n{RUN_ALL}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    found: list[tuple[list[str], int]] = json.loads(done.stdout)
    assert all(length > 100 for _, length in found[: len(helps)])
    assert [modules for modules, _ in found[: len(helps)]] == [[]] * len(helps)
    assert all(not {"tensorflow", "keras"} & {*modules} for modules, _ in found)


def cpu_seconds(*arguments: str) -> float:
    """User and system time of a Python process, the least of three: a busy machine makes it longer, not shorter."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help")])
def test_help_takes_a_few_times_what_importing_its_libraries_takes(arguments: tuple[str, ...]) -> None:
    libraries = cpu_seconds("-c", "import typer, rich.console, rich.progress")
    assert cpu_seconds("-m", "hpo", *arguments) < 7 * libraries


@pytest.mark.parametrize("command", ["run", "launch", "extend", "list"])
def test_help_fills_the_lines_of_a_narrow_terminal(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "hpo", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "80"},
    )
    prose = run.stdout.partition("Usage:")[2].partition("╭")[0]
    paragraphs = [part.splitlines() for part in re.split(r"\n\s*\n", prose)[1:]]
    assert paragraphs
    for lines in paragraphs:
        for line, following in pairwise(lines):
            first, *_ = following.split()
            assert len(line.rstrip()) + 1 + len(first) > 78, line


def test_the_version_is_that_of_the_package() -> None:
    told = subprocess.run([sys.executable, "-m", "hpo", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout == f"hpo {version('hpo')}\n"


def test_python_m_hpo_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "hpo", "nosuch"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command 'nosuch'" in done.stderr


@pytest.mark.parametrize("command", ["run", "plan", "status", "ranges", "report", "export"])
def test_a_study_file_that_is_not_there_is_one_line(hpo: Hpo, tmp_path: Path, command: str) -> None:
    assert hpo.refused(command, tmp_path / "nosuch.yaml") == f"{tmp_path / 'nosuch.yaml'}: no such file"


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_key_that_is_not_known_is_one_line_with_the_nearest_spelling(hpo: Hpo, tmp_path: Path, command: str) -> None:
    file = write(tmp_path, stage2={"trails": 9})
    line = hpo.refused(command, file)
    assert line.startswith(f"{file}:")
    assert "stage2.trails: " in line
    assert "did you mean 'trials'?" in line


@pytest.mark.parametrize("command", ["plan", "status", "report", "export"])
def test_a_best_configuration_is_no_study_file(hpo: Hpo, tmp_path: Path, command: str) -> None:
    file = tmp_path / "best_config.yaml"
    file.write_text("kind: best_config\nstudy: small\n")
    refused = hpo.refused(command, file)
    assert refused == f"{file}: is a best configuration, which only hpo run takes; give the study file"


def test_several_errors_are_a_line_each(hpo: Hpo, tmp_path: Path) -> None:
    ended = hpo("plan", write(tmp_path, stage2={"trails": 9}, confirm={"epochs": 0}))
    assert ended.status == 2
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"hpo: {tmp_path / 'study.yaml'}:") for line in lines)


@pytest.mark.parametrize("command", ["status", "ranges", "report", "export", "run"])
@pytest.mark.parametrize(
    ("url", "problem", "status"),
    [
        ("nosuch://host/name", "is not one of SQLAlchemy's", USER_ERROR),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/name", "cannot be opened", REPLACE_ME),  # it may be back soon
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line_without_its_password(
    hpo: Hpo, tmp_path: Path, command: str, url: str, problem: str, status: int
) -> None:
    line = hpo.refused(command, write(tmp_path, database=url), status=status)
    assert problem in line
    assert "secret" not in line


@pytest.mark.parametrize("command", ["run", "export"])
def test_data_that_is_not_there_is_one_line(hpo: Hpo, story: Story, command: str) -> None:
    if command == "export":
        story.advance("stage1")
    line = hpo.refused(command, story.study.file)
    assert line.startswith(str(story.study.data.folder))


@pytest.mark.parametrize(
    "changes",
    [
        {"space": {**SPACE, "learning_rate": {"reference": 0.5, "levels": [0.1]}}},
        {"database": "sqlite://"},
        {"architectures": ["model5"]},
    ],
)
def test_values_that_are_not_allowed_are_one_line(hpo: Hpo, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert hpo.refused("plan", write(tmp_path, **changes)).startswith(str(tmp_path))


def test_an_option_that_is_not_known_ends_with_the_same_status(hpo: Hpo) -> None:
    ended = hpo("plan", "study.yaml", "--jsno")
    assert ended.status == 2
    assert "--jsno" in ended.err
    assert "Traceback" not in ended.err


def raising(error: BaseException) -> Any:
    def app(**_options: object) -> None:
        raise error

    return app


def test_a_stopped_run_says_that_it_can_go_on(hpo: Hpo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "app", raising(StopRequestedError("stopped")))
    ended = hpo("run", "study.yaml")
    assert ended.status == 130
    assert ended.err == "hpo: stopped; every finished epoch is kept, and the same command continues from there\n"


def test_an_error_of_several_lines_keeps_them_apart(hpo: Hpo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "app", raising(HpoError("one\ntwo")))
    assert hpo("run", "study.yaml").err == "hpo: one\nhpo: two\n"


def test_what_nobody_foresaw_is_one_line_with_the_place_of_its_traceback(
    hpo: Hpo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(module, "app", raising(ZeroDivisionError("postgresql://me:S3cr3tPw@host \x1b[31m")))
    line = hpo.refused("status", "study.yaml", status=UNFORESEEN)
    assert line.startswith("unforeseen ZeroDivisionError: postgresql://me:***@host \\x1b[31m; the whole traceback: ")
    text = Path(line.rpartition(": ")[2]).read_text()
    assert "Traceback (most recent call last)" in text
    assert "S3cr3tPw" not in text


def test_the_traceback_lies_among_the_logs_of_the_study(
    hpo: Hpo, monkeypatch: pytest.MonkeyPatch, story: Story
) -> None:
    story.study.output.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(module, "app", raising(ZeroDivisionError()))
    line = hpo.refused("status", story.study.file, status=UNFORESEEN)
    assert Path(line.rpartition(": ")[2]).parent == story.study.output / "logs"


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "hpo: stopped at once; every finished epoch is kept\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (OSError(28, "No space", "/x/report.html"), 2, "hpo: /x/report.html: no space left on the disk; free some"),
        (OSError(36, "Long", "/x"), 2, "hpo: /x: the name is too long for its file system; shorten it\n"),
    ],
)
def test_what_the_system_refuses_is_told_by_its_number(
    hpo: Hpo, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, said: str
) -> None:
    monkeypatch.setattr(module, "app", raising(error))
    monkeypatch.setattr("hpo.cli.net._leave_output", lambda: None)  # it is pytest's here
    ended = hpo("status", "study.yaml")
    assert ended.status == status
    assert ended.err.startswith(said)
    assert len(ended.err.splitlines()) <= 1


def test_the_level_of_the_log_is_one_of_three(hpo: Hpo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_LOG", "loud")
    assert hpo.refused("plan", "x") == "environment variable HPO_LOG: found 'loud'; allowed: debug, info, warning"


def test_debug_prints_the_traceback_too(hpo: Hpo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_LOG", "DEBUG")
    monkeypatch.setattr(module, "app", raising(HpoError("one")))
    ended = hpo("plan", "x")
    assert "Traceback (most recent call last)" in ended.err
    assert ended.err.endswith("hpo: one\n")


@pytest.mark.parametrize("number", ["1000000000", "99999999999999999999", "0", "-1"])
@pytest.mark.parametrize("command", ["run", "launch"])
def test_absurd_numbers_of_workers_are_one_line(hpo: Hpo, command: str, number: str) -> None:
    line = hpo.refused(command, "study.yaml", "--workers", number)
    assert line.startswith("Invalid value for '--workers': ")
    assert line.endswith(f"hpo {command} --help")


def test_a_password_on_a_wrong_place_of_the_command_line_is_not_echoed(hpo: Hpo) -> None:
    line = hpo.refused("status", "study.yaml", "postgresql://me:S3cr3tPw@host/x")
    assert line.startswith("Got unexpected extra argument")
    assert "postgresql://me:***@host/x" in line


def test_that_nobody_reads_on_is_no_error(tmp_path: Path) -> None:
    """The other end of the pipe is closed before anything is written into it."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "hpo", "schema", "."]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    os.close(writer)
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, "")


def test_a_traceback_that_is_logged_goes_into_the_file_alone(
    hpo: Hpo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def app(**_options: object) -> None:
        with tracebacks_kept(tmp_path / "logs" / "run.log"):
            logging.getLogger("hpo.worker").info("nothing went wrong")
            assert not (tmp_path / "logs").exists()
            try:
                int("x")
            except ValueError:
                logging.getLogger("hpo.worker").info("stage1: attempt 1 failed", exc_info=True)

    monkeypatch.setattr(module, "app", app)
    assert hpo("run", "study.yaml").err == ""
    assert "Traceback (most recent call last)" in (tmp_path / "logs" / "run.log").read_text()
