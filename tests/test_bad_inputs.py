"""A few of the bad inputs of ``tests/benchmarks/bad_inputs.py``: none may end otherwise than well."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bad_inputs.attempt import GOOD
from tests.bad_inputs.kinds import KINDS, NEED_A_STUDY

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """How some bad inputs of every kind that needs no training ended: in a process without threads, which forks."""
    file = tmp_path_factory.mktemp("bad_inputs") / "results.json"
    kinds = [kind for kind in KINDS if kind not in NEED_A_STUDY]
    command = [sys.executable, "-m", "tests.benchmarks.bad_inputs", "--count", "130", "--json", str(file)]
    subprocess.run([*command, "--seconds", "60", "--only", *kinds], cwd=ROOT, capture_output=True, check=False)
    found: list[dict[str, str]] = json.loads(file.read_text())
    return found


def test_none_ends_in_a_traceback_a_hang_a_flood_or_a_silent_change(results: list[dict[str, str]]) -> None:
    bad = [(one["kind"], one["number"], one["ending"], one["what"], one["note"]) for one in results]
    assert [one for one in bad if one[2] not in GOOD] == []


def test_most_are_refused_and_harmless_ones_are_taken(results: list[dict[str, str]]) -> None:
    endings = [one["ending"] for one in results]

    assert len(endings) > 120
    assert endings.count("refused") > 60
    assert endings.count("accepted") > 5
