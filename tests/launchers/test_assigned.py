"""What the engines that call their workers have them do, and what is told of how it ended."""

from __future__ import annotations

import logging
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from hpo.errors import (
    ConfigError,
    StopRequestedError,
    StoreUnavailableError,
    WorkerOutgrownError,
)
from hpo.launchers import assigned
from hpo.launchers.assigned import work_as_assigned
from hpo.launchers.launcher import Assignment, Ending
from hpo.run.job import Limits


@pytest.fixture
def assignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    for name in ("HPO_DATABASE", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "TF_FORCE_GPU_ALLOW_GROWTH"):
        monkeypatch.setenv(name, "as it was")  # and so again after the test
    environment = {"HPO_DATABASE": "sqlite:////x.db"}
    return Assignment(
        0, tmp_path / "study.yaml", tmp_path / "logs/worker-0.log", "stage2", environment, "", 0.0, 3, 2e9
    )


def working(monkeypatch: pytest.MonkeyPatch, outcome: Exception | None) -> list[Any]:
    """Have the work end so; what it was called with."""
    calls: list[Any] = []

    def work_on(*arguments: Any, **options: Any) -> None:
        calls.append((arguments, options, os.environ["HPO_DATABASE"], os.environ["CUDA_VISIBLE_DEVICES"]))
        logging.getLogger("hpo.stages").info("at work")
        if outcome is not None:
            raise outcome

    monkeypatch.setattr(assigned, "work_on", work_on)
    return calls


def test_a_worker_does_as_it_was_assigned(assignment: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, stop = working(monkeypatch, None), threading.Event()
    # As it travels to another machine.
    travelled = pickle.loads(pickle.dumps(assignment))  # noqa: S301 - our own
    assert work_as_assigned(travelled, stop) == Ending("finished")
    options = {"until": "stage2", "limits": Limits(3, 2e9), "since": None}
    assert calls == [((assignment.study, stop), options, "sqlite:////x.db", "-1")]


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (StopRequestedError("stopped"), Ending("stopped")),
        (StoreUnavailableError("the store is away"), Ending("replace", "the store is away")),
        (WorkerOutgrownError("memory has grown"), Ending("replace", "memory has grown")),
        (ConfigError("study.yaml", "wrong\nand more"), Ending("refused", "study.yaml: wrong and more")),
        (PermissionError(13, "no"), Ending("died", "PermissionError: [Errno 13] no")),
        (RuntimeError("a\nb"), Ending("died", "RuntimeError: a b")),
    ],
)
def test_an_error_tells_whether_the_worker_is_to_be_replaced(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch, error: Exception, ending: Ending
) -> None:
    working(monkeypatch, error)
    assert work_as_assigned(assignment, threading.Event()) == ending


def test_the_log_has_what_happened_and_an_unforeseen_error_in_full(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    working(monkeypatch, RuntimeError("unforeseen"))
    handlers = list(logging.getLogger().handlers)
    work_as_assigned(assignment, threading.Event())
    log = assignment.log.read_text()
    assert " at work\n" in log
    assert "Traceback" in log
    assert log.endswith("RuntimeError: unforeseen\n")
    assert capfd.readouterr().err == log  # the engine keeps it too
    assert logging.getLogger().handlers == handlers


def test_where_the_log_cannot_be_made_the_engine_alone_has_it(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assignment.log.parent.write_text("not a folder")
    working(monkeypatch, None)
    assert work_as_assigned(assignment, threading.Event()) == Ending("finished")
    first, second = capfd.readouterr().err.splitlines()
    assert "the log is only here: " in first
    assert second.endswith(" at work")
