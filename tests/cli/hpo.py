"""The ``hpo`` command in this process, as the terminal would run it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from hpo.cli.app import main
from hpo.exit_codes import USER_ERROR


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


class Hpo:
    """Runs a command: ``hpo("plan", "study.yaml")``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["hpo", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    def refused(self, *arguments: object, status: int = USER_ERROR) -> str:
        """The one line of a command that cannot do what it was asked."""
        ended = self(*arguments)
        assert (ended.status, ended.out) == (status, "")
        (line,) = ended.err.splitlines()
        assert line.startswith("hpo: ")
        return line.removeprefix("hpo: ")
